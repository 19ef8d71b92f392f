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
    findings = [
        (one.code, one.title, one.text, one.playbook, one.facts, f"{one.severity.value}: {one.title}")
        for one in table.findings
    ] or [("table", states, QUIET_TABLE, None, {}, states)]
    return [_table_row(-number, states, *one) for number, one in enumerate(findings, 1)]


QUIET_TABLE = tr("No pile and no full queue among these; ages, and what was left out, such a table does not tell.")


def _table_row(
    number: int,
    states: str,
    code: str,
    title: str,
    text: str,
    playbook: str | None,
    facts: Mapping[str, object],
    sentence: str,
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
            (printable(sentence, 240), ""),
        ),
        page=page,
    )


def total_of(count: int, lines: int, held: int) -> str:
    """How many lines tell something, of how many; and where not all of them are held, that."""
    total = tr("{n} of {all} lines", n=f"{count:,}", all=f"{lines:,}")
    return total + tr(", the first {n} listed", n=f"{held:,}") if count > held else total


def summary_line(explanation: Explanation, count: int, held: int) -> list[Line]:
    """What a whole log says, as a line before its own; none where no line tells anything."""
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
    explained = alone if entry is None else alone._replace(local=entry.local, remote=entry.remote)
    peer = str(explained.remote) if explained.remote is not None else str(explained.local or "")
    live, captured = filters_of(explained)
    return Line(
        number=number,
        text=text,
        symptom=explained.symptom,
        meaning=explained.meaning,
        playbook=explained.playbook,
        settings=tuple(settings_of(explained).items()),
        live=live,
        captured=captured,
        cells=(
            (str(number), "dim"),
            (explained.symptom, "strong"),
            (explained.source or "", ""),
            (printable(peer, 60), ""),
            (explained.playbook, ""),
            (printable(text, 240), "dim"),
        ),
        page=_page(text, explained, entry),
    )


def settings_of(explained: Explained) -> dict[str, str]:
    """What the line tells a playbook: the service's port, and the peer where the peer is the service."""
    peer_serves = explained.side == "upstream" or explained.local is None or explained.local.port is None
    service = explained.remote if peer_serves else explained.local
    settings: dict[str, str] = {}
    if service is not None and service.port is not None:
        settings["port"] = str(service.port)
    if explained.remote is not None and service is explained.remote:
        settings["host"] = explained.remote.ip
    return settings


def filters_of(explained: Explained) -> tuple[str, str]:
    """(live sockets like it, the very connection among captured ones). Empty where the line names no end."""
    ends = [end for end in (explained.local, explained.remote) if end is not None]
    captured = " ".join(
        part
        for end in ends
        for part in (f'"{end.ip}"' if ":" in end.ip else end.ip, f"port:{end.port}" if end.port else "")
        if part
    )
    port = settings_of(explained).get("port")
    live = [f"peer:{explained.remote.ip}"] if explained.remote is not None else []
    live += [f"port:{port}"] if port else []
    return " ".join(live), captured


def _page(text: str, explained: Explained, entry: Entry | None) -> str:
    behind = "   " + tr("(line {n} of the same entry)", n=entry.line) if entry is not None else ""
    facts = [
        ("symptom", explained.symptom),
        ("errno", explained.errno),
        ("source", explained.source),
        ("local", explained.local and f"{explained.local}{behind}"),
        ("peer", explained.remote and f"{explained.remote}{behind}"),
        ("time", explained.time),
        ("playbook", f"{explained.playbook}   {tr('(Enter opens it)')}" if explained.playbook else None),
    ]
    more = len(text) - LONG_LINE
    shown = f"{text[:LONG_LINE]} … " + tr("(and {n} more characters)", n=f"{more:,}") if more > 0 else text
    lines = [shown, "", explained.meaning, "", *(f"{left(tr(name), 9)} {value}" for name, value in facts if value)]
    return "\n".join(printable(line) for line in lines)
