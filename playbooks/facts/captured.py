"""A capture, decoded and judged, as counts of causes and samples of each."""

from __future__ import annotations

from collections import Counter, defaultdict

from capture.model import Connection
from playbooks.facts.model import Absence, Captured, CapturedConnection

SAMPLES = 4
"""Connections kept of each cause."""


def collect_capture(path: str | None, host: str | None, port: int | None) -> Captured | Absence:
    """The capture's connections, those of a host and port where given. Absent without --set capture."""
    if path is None:
        return Absence("not_given", "no capture was named: --set capture=FILE reads one")
    from capture.filters import FilterError, parse
    from capture.triage import triage
    from capture.wire.errors import CaptureUnreadable

    try:
        one = triage([path])[0]
        chosen = list(range(len(one.decoded.flows)))
        if port:
            wanted = parse(f"port:{port}").select(one.decoded.flows, one.verdicts)
            chosen = [number for number in chosen if wanted[number]]
        if host:
            chosen = [n for n in chosen if host in (one.endpoint(n, 0).ip, one.endpoint(n, 1).ip)]
    except CaptureUnreadable as error:
        return Absence("unreadable", str(error))
    except (OSError, FilterError) as error:
        return Absence("unreadable", f"{path}: {error}")
    causes: Counter[str] = Counter()
    ids: defaultdict[str, list[int]] = defaultdict(list)
    for number in chosen:
        cause = one.verdicts.of(number).cause
        causes[cause] += 1
        if len(ids[cause]) < SAMPLES:
            ids[cause].append(number)
    samples = [_sample(one.connection(number)) for numbers in ids.values() for number in numbers]
    notices = tuple(notice.text for notice in one.decoded.notices[:5])
    return Captured(path, len(chosen), dict(causes), tuple(samples), notices)


def _sample(connection: Connection) -> CapturedConnection:
    verdict = connection.verdict
    return CapturedConnection(
        id=connection.id,
        originator=connection.originator,
        responder=connection.responder,
        cause=verdict.cause,
        certainty=verdict.certainty.value,
        closed_first=verdict.closed_first.value if verdict.closed_first else None,
        ended_by=verdict.ended_by.value,
        reset_by=verdict.reset_by.value if verdict.reset_by else None,
        sentence=verdict.sentence,
        evidence=tuple(
            f"packet {item.packet}: {item.text}" if item.packet else item.text for item in verdict.evidence[:6]
        ),
        longest_gap_ms=connection.longest_gap_ms,
        bytes=connection.bytes,
    )
