"""The report as a Markdown page that can go into an incident ticket as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import capture
from capture.ladder import ladder_rows
from capture.language import tr
from capture.report.ladder_text import ladder_lines
from capture.report.text import findings, totals
from capture.safe_text import printable
from capture.wire.capture_errors import PacketUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from capture.triage import Triage

LADDERS = 3  # samples drawn in full
LADDER_ROWS = 60  # of one sample: the first and the last ones


def markdown_lines(triage: Triage, selected: Sequence[int]) -> Iterable[str]:
    """Summary, findings, the worst connections as a table, and the ladders of the samples."""
    yield tr("# TCP triage of `{path}`", path=_code(triage.decoded.path))
    yield ""
    for incident in triage.incidents:
        from capture.report.incident_part import incident_lines

        yield tr("## Incident")
        yield ""
        yield from _fenced(incident_lines(incident))
        yield ""
    yield from _fenced(totals(triage, len(selected)))
    yield ""
    yield tr("## Findings")
    yield ""
    yield from _fenced(findings(triage, len(selected)))
    yield ""
    yield from _table(triage, selected[:20])
    for number in _samples(triage, selected):
        yield from _ladder(triage, number)
    yield f"_tcptriage {capture.__version__}_"


def _table(triage: Triage, shown: Sequence[int]) -> Iterable[str]:
    yield tr("## Connections, worst first")
    yield ""
    yield tr("| # | originator | responder | ended by | cause | certainty | what happened |")
    yield "|---|---|---|---|---|---|---|"
    for number in shown:
        c = triage.connection(number)
        v = c.verdict
        yield (
            f"| {c.id} | {c.originator} | {c.responder} | {v.ended_by} | {v.cause} | {v.certainty} "
            f"| {_cell(v.sentence)} |"
        )
    yield ""


def _samples(triage: Triage, selected: Sequence[int]) -> list[int]:
    chosen: dict[int, None] = {}
    wanted = set(selected)
    for finding in sorted(triage.findings, key=lambda f: f.severity.rank):
        chosen.update(dict.fromkeys([s for s in finding.sample if isinstance(s, int) and s in wanted][:1]))
    chosen.update(dict.fromkeys(selected[:LADDERS]))
    return list(chosen)[:LADDERS]


def _ladder(triage: Triage, number: int) -> Iterable[str]:
    connection = triage.connection(number)
    verdict = connection.verdict
    yield tr("## Connection {n}: {originator} → {responder}", n=number, originator=connection.originator,
             responder=connection.responder)  # fmt: skip
    yield ""
    yield _cell(verdict.sentence)
    yield ""
    yield from _ladder_rows(triage, number)
    yield ""
    for side, calls in verdict.errors.items():
        ends = ", ".join(
            f"{call}: {result}"
            for call, result in (("connect", calls.connect), ("read", calls.read), ("write", calls.write))
            if result is not None
        )
        ends = ends or tr("the capture cannot tell")
        yield tr("- next calls of the {side}: {said}", side=tr(side.value), said=ends)
    if verdict.decide_by:
        yield tr("- what would decide: {how}", how=_cell(verdict.decide_by))
    yield ""


def _ladder_rows(triage: Triage, number: int) -> Iterable[str]:
    connection = triage.connection(number)
    try:
        rows = ladder_rows(triage, number)
    except PacketUnreadable as error:  # the file changed or went since it was read: the verdict stays
        yield _cell(str(error))
        return
    if len(rows) > LADDER_ROWS:
        half = LADDER_ROWS // 2
        lines = ladder_lines(rows[:half], connection.originator, connection.responder)
        lines += [f"{'':>8} … {tr('{n} rows left out', n=len(rows) - 2 * half)} …"]
        lines += ladder_lines(rows[-half:], connection.originator, connection.responder)[1:]
    else:
        lines = ladder_lines(rows, connection.originator, connection.responder)
    yield from _fenced(lines)


def _fenced(lines: Iterable[str]) -> Iterable[str]:
    yield "```text"
    for line in lines:
        yield printable(line).replace("```", "'''")
    yield "```"


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    return printable(text).replace("`", "'")
