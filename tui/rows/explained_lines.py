"""Log lines as the screen shows them: what each says, and the settings and filters that lead on. No textual here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from capture.cells import left
from capture.safe_text import printable
from tui.text.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.explain_report import Explanation
    from playbooks.symptoms.explanation import Explained
    from playbooks.symptoms.multiline_entries import Entry
    from playbooks.tables.pasted_table import PastedTable

LONG_LINE = 600  # characters; the meaning must stay in sight


@dataclass(frozen=True, slots=True)
class Line:
    """A line with a symptom. `live` and `captured` are filters, empty where the line names no end."""

    number: int
    text: str
    symptom: str
    meaning: str
    playbook: str | None
    settings: tuple[tuple[str, str], ...]
    live: str
    captured: str
    cells: tuple[tuple[str, str], ...]
    page: str


def table_rows(table: PastedTable) -> list[Line]:
    """The findings of a pasted table as lines, numbered from -1 down; where it has none, one that says so."""
    if not table:
        return []
    states = ", ".join(f"{count:,} {state}" for state, count in table.states.items()) or "counters"
    told = [
        (one.code, one.title, one.text, one.playbook, one.facts, f"{one.severity.value}: {one.title}")
        for one in table.findings
    ] or [("table", states, QUIET_TABLE, None, {}, states)]
    return [_table_row(-number, states, *one) for number, one in enumerate(told, 1)]


QUIET_TABLE = tr("No pile and no full queue among these; ages, and what was left out, such a table does not tell.")


def _table_row(
    number: int,
    states: str,
    code: str,
    title: str,
    text: str,
    playbook: str | None,
    facts: Mapping[str, object],
    said: str,
) -> Line:
    settings = tuple((name, str(facts[name])) for name in ("port", "host") if name in facts)
    words = [f"port:{value}" if name == "port" else value for name, value in settings]
    state = code.removesuffix("_pile").replace("_", "-")
    live = " ".join([f"state:{state}", *words] if code.endswith("_pile") else words)
    page = "\n".join(printable(line) for line in (title, "", text, "", tr("the table: {states}", states=states)))
    return Line(
        number=number,
        text=title,
        symptom=code,
        meaning=text,
        playbook=playbook,
        settings=settings,
        live=live,
        captured=" ".join(words),
        cells=(
            ("table", "dim"),
            (code, "strong"),
            ("", ""),
            (printable(str(facts.get("host", "")), 60), ""),
            (playbook or "", ""),
            (printable(said, 240), ""),
        ),
        page=page,
    )


def total_of(count: int, lines: int, held: int) -> str:
    """How many lines tell something, of how many; and where not all of them are held, that."""
    said = tr("{n} of {all} lines", n=f"{count:,}", all=f"{lines:,}")
    return said + tr(", the first {n} listed", n=f"{held:,}") if count > held else said


def summary_line(explanation: Explanation, count: int, held: int) -> list[Line]:
    """What a whole log says, as a line that stands before its own; none where no line tells anything."""
    from playbooks.explain_report import text_lines

    summary = explanation.summary
    if not count:
        return []
    page = "\n".join(printable(text) for text in text_lines(explanation))
    title = total_of(count, summary.lines, held)
    commonest = summary.samples[summary.matches.most_common(1)[0][0]]
    first = line_of(0, commonest.text.strip(), commonest.explained)
    playbook = (commonest.explained.playbook, "")
    cells = (("all", "dim"), (tr("the whole log"), "strong"), ("", ""), ("", ""), playbook, (title, ""))
    return [replace(first, meaning=title, live="", captured="", settings=(), cells=cells, page=page)]


def line_of(number: int, text: str, alone: Explained, entry: Entry | None = None) -> Line:
    """A line of the list; a line without ends of its own goes on from those that its entry names."""
    said = alone if entry is None else alone._replace(local=entry.local, remote=entry.remote)
    peer = str(said.remote) if said.remote is not None else str(said.local or "")
    live, captured = filters_of(said)
    return Line(
        number=number,
        text=text,
        symptom=said.symptom,
        meaning=said.meaning,
        playbook=said.playbook,
        settings=tuple(settings_of(said).items()),
        live=live,
        captured=captured,
        cells=(
            (str(number), "dim"),
            (said.symptom, "strong"),
            (said.source or "", ""),
            (printable(peer, 60), ""),
            (said.playbook, ""),
            (printable(text, 240), "dim"),
        ),
        page=_page(text, said, entry),
    )


def settings_of(said: Explained) -> dict[str, str]:
    """What the line tells a playbook: the service's port, and the peer where the peer is the service."""
    service = said.remote if said.side == "upstream" or said.local is None or said.local.port is None else said.local
    settings: dict[str, str] = {}
    if service is not None and service.port is not None:
        settings["port"] = str(service.port)
    if said.remote is not None and service is said.remote:
        settings["host"] = said.remote.ip
    return settings


def filters_of(said: Explained) -> tuple[str, str]:
    """(live sockets like it, the very connection among captured ones). Empty where the line names no end."""
    ends = [end for end in (said.local, said.remote) if end is not None]
    captured = " ".join(
        part
        for end in ends
        for part in (f'"{end.ip}"' if ":" in end.ip else end.ip, f"port:{end.port}" if end.port else "")
        if part
    )
    port = settings_of(said).get("port")
    live = [f"peer:{said.remote.ip}"] if said.remote is not None else []
    live += [f"port:{port}"] if port else []
    return " ".join(live), captured


def _page(text: str, said: Explained, entry: Entry | None) -> str:
    told = "   " + tr("(line {n} of the same entry)", n=entry.line) if entry is not None else ""
    facts = [
        ("symptom", said.symptom),
        ("errno", said.errno),
        ("source", said.source),
        ("local", said.local and f"{said.local}{told}"),
        ("peer", said.remote and f"{said.remote}{told}"),
        ("time", said.time),
        ("playbook", f"{said.playbook}   {tr('(Enter opens it)')}" if said.playbook else None),
    ]
    more = len(text) - LONG_LINE
    shown = f"{text[:LONG_LINE]} … " + tr("(and {n} more characters)", n=f"{more:,}") if more > 0 else text
    lines = [shown, "", said.meaning, "", *(f"{left(tr(name), 9)} {value}" for name, value in facts if value)]
    return "\n".join(printable(line) for line in lines)
