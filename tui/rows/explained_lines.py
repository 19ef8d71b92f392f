"""Log lines as the screen shows them: what each says, and the settings and filters that lead on. No textual here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from capture.cells import left
from capture.safe_text import printable
from tui.text.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.symptoms.explanation import Explained
    from playbooks.symptoms.multiline_entries import Entry
    from playbooks.tables.pasted_table import PastedTable

LONG_LINE = 600  # characters; the meaning must stay in sight
MOST_LINES = 5_000  # of a log that the screen lists; the rest is counted


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


def explain_lines(text: str) -> list[Line]:
    """What a pasted table of sockets or counters shows, and the lines of a text that speak of a failure."""
    from playbooks.explain_report import told_of
    from playbooks.symptoms.line_ends import lines_of
    from playbooks.tables.table_reader import table_of

    lines = lines_of(text)
    told = [
        _line(one.number, one.text.strip(), one.explained, one.entry)
        for one in told_of(lines)
        if one.explained is not None
    ]
    return [*table_rows(table_of(lines)), *told]


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


def explain_file(path: str) -> list[Line]:
    """The first lines of a log that speak of a failure, and before them what the whole log says.

    Raises LogUnreadable.
    """
    from playbooks.explain_report import Explanation, explain_logs, text_lines

    explanation = explain_logs([path])
    found: list[Line] = []
    for line in explanation.lines:
        if line.explained is not None and len(found) < MOST_LINES:
            found.append(_line(line.number, line.text.strip(), line.explained, line.entry))
    summary = explanation.summary
    count = sum(summary.matches.values())
    tables = [row for _, table in explanation.tables for row in table_rows(table)]
    if not count:
        return tables
    page = "\n".join(printable(text) for text in text_lines(Explanation((), summary, (path,))))
    title = tr("{n} of {all} lines", n=f"{count:,}", all=f"{summary.lines:,}")
    if count > MOST_LINES:
        title += tr(", the first {n} listed", n=f"{MOST_LINES:,}")
    commonest = summary.samples[summary.matches.most_common(1)[0][0]]
    first = _line(0, commonest.text.strip(), commonest.explained)
    playbook = (commonest.explained.playbook, "")
    cells = (("all", "dim"), (tr("the whole log"), "strong"), ("", ""), ("", ""), playbook, (title, ""))
    return [replace(first, meaning=title, live="", captured="", settings=(), cells=cells, page=page), *tables, *found]


def _line(number: int, text: str, alone: Explained, entry: Entry | None = None) -> Line:
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
