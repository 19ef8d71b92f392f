"""The report as text for a terminal: totals, findings, the worst connections with their sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.cells import left
from capture.language import count_of, tr
from capture.report.moments import utc
from capture.safe_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from capture.decode import DecodedCapture
    from capture.model import Finding
    from capture.triage import Triage

WORST = 20  # connections that the text shows


def text_lines(triage: Triage, selected: Sequence[int]) -> Iterable[str]:
    """The lines of one capture's report; `selected` are connection ids, worst first."""
    for incident in triage.incidents:
        from capture.report.incident_part import incident_lines

        yield from incident_lines(incident)
        yield ""
    yield from totals(triage, len(selected))
    yield ""
    yield from findings(triage, len(selected))
    yield ""
    yield from worst(triage, selected)


def totals(triage: Triage, selected: int) -> Iterable[str]:
    """What the capture holds, and what was lost of it."""
    decoded = triage.decoded
    yield f"{printable(decoded.path)}: {decoded.format}, {', '.join(decoded.link_types) or tr('no link type')}"
    span = ""
    if decoded.first_time is not None and decoded.last_time is not None:
        seconds = f"{(decoded.last_time - decoded.first_time) / 1e9:,.1f}"
        span = tr(", {seconds} s from {begin}", seconds=seconds, begin=utc(decoded.first_time))
    connections = len(decoded.flows)
    chosen = "" if selected == connections else tr(" ({n} by the filter)", n=f"{selected:,}")
    packets = f"{count_of(decoded.packets, 'packet')}, {decoded.tcp_packets:,} TCP"
    yield f"{packets}, {count_of(connections, 'connection')}{chosen}{span}"
    for notice in decoded.notices:
        where = tr("packet {n}: ", n=notice.packet) if notice.packet is not None else ""
        yield f"  ! {notice.code}: {where}{printable(notice.text)}"
    if connections:
        yield tr("seen from: {why}", why=triage.verdicts.vantage.why)
    endings = triage.verdicts.count(lambda template: template.ended_by)
    if endings:
        yield tr("ended by: ") + ", ".join(f"{ending} {count:,}" for ending, count in endings.most_common())
    causes = triage.verdicts.count(lambda template: template.diagnosis.cause)
    if causes:
        yield tr("causes: ") + ", ".join(f"{cause} {count:,}" for cause, count in causes.most_common(8))


def findings(triage: Triage, selected: int) -> Iterable[str]:
    """One paragraph a finding, most severe first; none is good news only where everything was decoded."""
    found = triage.findings
    if not found:
        yield f"{tr('FINDINGS')}  {_none(triage.decoded, selected)}"
        return
    yield tr("FINDINGS")
    for finding in sorted(found, key=lambda f: (f.severity.rank, -f.connections)):
        yield from finding_lines(finding)


def finding_lines(finding: Finding) -> Iterable[str]:
    """One finding: its severity and title, what it means, where to go on."""
    yield f"  {left(tr(finding.severity.upper()), 8)} {printable(finding.title)}"
    yield f"           {printable(finding.text)}"
    if finding.playbook:
        yield tr("           next: {command}", command=f"tcptriage playbook {finding.playbook}")


def _none(decoded: DecodedCapture, selected: int) -> str:
    if selected < len(decoded.flows):
        return tr("none on the connections that the filter chose")
    if not decoded.tcp_packets:
        return tr("none: no TCP packet was decoded")
    from capture.decode import NOTHING_LOST
    from capture.wire.files.pcapng_comments import REMARKS

    if any(notice.code not in (*REMARKS, *NOTHING_LOST) for notice in decoded.notices):
        return tr("none in what could be decoded (see the notices above)")
    return tr("none: nothing here asks for attention")


def worst(triage: Triage, selected: Sequence[int]) -> Iterable[str]:
    """The worst connections, each with its sentence."""
    shown = selected[:WORST]
    if not shown:
        yield f"{tr('CONNECTIONS')}  {tr('none')}"
        return
    some = tr("  worst {n} of {all}", n=len(shown), all=f"{len(selected):,}") if len(selected) > WORST else ""
    yield f"{tr('CONNECTIONS')}{some}"
    for number in shown:
        connection = triage.connection(number)
        verdict = connection.verdict
        ended = tr("ended by {how}, {cause} ({certainty})", how=verdict.ended_by, cause=verdict.cause,
                   certainty=verdict.certainty)  # fmt: skip
        yield f"  #{connection.id} {connection.originator} -> {connection.responder}  {connection.conn_state}  {ended}"
        yield f"      {printable(verdict.sentence)}"
