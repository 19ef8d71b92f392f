"""No keep-alive: a client that opens a connection for each exchange, and leaves a TIME-WAIT each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture.model import Closer, Ending, Finding, Severity
from capture.verdicts import catalogue
from capture.verdicts.events.event_codes import Kind
from capture.verdicts.groups.group_patterns import place
from capture.verdicts.words.sentence_numbers import duration
from capture.wire.numpy_sets import largest, numbered

if TYPE_CHECKING:
    from capture.flows.connection_table import FlowTable
    from capture.verdicts.judge import Verdicts
    from capture.wire.column_types import I64, Bool

LEAST = 20  # connections from one client to one listener
MOSTLY = 0.8  # of them closed after one exchange
PER_SECOND = 2.0  # and so often
PORTS_NEAR = 14_000  # in one minute: half of Linux's ephemeral ports are in TIME-WAIT
MINUTE_NS = 60_000_000_000
MOST = 5  # findings
SAMPLE = 10


def short_connections(flows: FlowTable, verdicts: Verdicts) -> list[Finding]:
    """One finding for each client and listener with many connections of one exchange each."""
    single = _single_exchanges(flows, verdicts)
    pair = _pairs(flows, verdicts.listeners)
    counts = np.bincount(pair[single], minlength=len(flows))
    totals = np.bincount(pair, minlength=len(flows))
    found = []
    for number in largest(counts, MOST * 4).tolist():
        if counts[number] < LEAST or counts[number] < MOSTLY * totals[number]:
            continue
        members = np.flatnonzero(single & (pair == number))
        finding = _finding(flows, verdicts, members)
        if finding is not None:
            found.append(finding)
    return found[:MOST]


def _single_exchanges(flows: FlowTable, verdicts: Verdicts) -> Bool:
    """Closed by FIN after at most one request and its answer."""
    histories = verdicts.signed.events.histories
    asked = ((histories.code & 0xF) == int(Kind.DATA)) & (histories.code < 0x8000)
    requests = np.diff(np.concatenate([[0], np.cumsum(asked)])[histories.first])[histories.of]
    closed = np.array([t.ended_by is Ending.FIN for t in verdicts.templates] or [False])[verdicts.template_of]
    single: Bool = closed & (requests <= 1)
    return single


def _pairs(flows: FlowTable, listeners: I64) -> I64:
    """A number for each client address and listener, per connection."""
    return numbered(flows.address[:, 0] * len(flows) + listeners)


def _busiest(times: I64, width: int) -> int:
    """How many of these times lie in the fullest stretch of `width` ns; damaged ones may be centuries apart."""
    return int(np.unique((times - times[0]) // width, return_counts=True)[1].max())


def _finding(flows: FlowTable, verdicts: Verdicts, members: I64) -> Finding | None:
    times = np.sort(flows.first_time[members])
    span = int(times[-1]) - int(times[0])
    peak = _busiest(times, 1_000_000_000)
    if len(members) / max(span / 1e9, 1.0) < PER_SECOND:
        return None
    per_minute = _busiest(times, MINUTE_NS)
    client = flows.addresses.text(int(flows.address[members[0], 0]))
    where = place(flows, members)
    closers = [verdicts.template(int(i)).closed_first for i in members[:200]]
    by_client = closers.count(Closer.ORIGINATOR) * 2 >= len(closers)
    n = f"{len(members):,}"
    text = catalogue.clause("one_exchange").format(
        client=client, n=n, span=duration(span), rate=f"{peak:,}", closer=catalogue.side_word(0 if by_client else 1)
    )
    facts: dict[str, object] = {
        "count": len(members), "client": client, "where": where, "span_s": round(span / 1e9, 3), "per_second": peak,
        "per_minute": per_minute, "closed_by": "originator" if by_client else "responder",
    }  # fmt: skip
    return Finding(
        code="short_connections",
        severity=Severity.WARNING if per_minute >= PORTS_NEAR and by_client else Severity.INFO,
        title=catalogue.finding_title("short_connections", len(members)).format(n=n, where=where),
        text=text,
        connections=len(members),
        sample=tuple(members[:SAMPLE].tolist()),
        playbook="time-wait",
        facts=facts,
    )
