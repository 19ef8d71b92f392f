"""What several logs tell of the same connection, or of the same service at the same time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playbooks.symptoms.explanation import End
    from playbooks.symptoms.log_scan import Match

CONNECTION_S = 120
"""Two logs that name both ends of a connection speak of the same one within so long: ports are used again later."""
SERVICE_S = 5
"""Errors at one service belong together within so long."""
EPHEMERAL = 32_768
"""From here on Linux gives clients their ports (ip_local_port_range): below, a port names a service."""
MOST = 100_000
"""Moments that are kept; memory stays bounded."""


@dataclass(frozen=True, slots=True)
class Together:
    """Symptoms of several logs that belong together. `by` is connection or service; `shared` its ends, or its end.

    `first`, `last` are times as the logs write them (None: unknown); `logs` {number of the log: {symptom: count}}.
    """

    by: str
    shared: str
    first: str | None
    last: str | None
    logs: dict[int, dict[str, int]]


@dataclass(slots=True)
class _Moment:
    at: float | None
    written: str | None
    log: int
    symptom: str


@dataclass(slots=True)
class SeveralLogs:
    """Collects the matches of several logs by what they share."""

    _moments: dict[tuple[str, str], list[_Moment]] = field(default_factory=dict)
    _kept: int = 0

    def add(self, match: Match) -> None:
        """Note a match; those that name no end are of no use here."""
        if self._kept >= MOST:
            return
        moment = _Moment(_seconds(match.near), match.near, match.log, match.explained.symptom)
        for key in _keys(match):
            self._moments.setdefault(key, []).append(moment)
            self._kept += 1

    def found(self) -> list[Together]:
        """What belongs together, connections before services, in order of time. What a connection tells, its service
        does not tell again."""
        groups = [one for key, moments in self._moments.items() for one in _together(*key, moments)]
        of_connections = {end for one in groups if one.by == "connection" for end in one.shared.split(" - ")}
        kept = [one for one in groups if one.by == "connection" or one.shared not in of_connections]
        return sorted(kept, key=lambda one: (one.by, one.first or "", one.shared))


def _keys(match: Match) -> Iterator[tuple[str, str]]:
    explained, entry = match.explained, match.entry
    local = explained.local or (entry.local if entry else None)
    remote = explained.remote or (entry.remote if entry else None)
    ends = [end for end in (local, remote) if end is not None and end.port]
    if len(ends) == 2:
        yield "connection", " - ".join(sorted(map(str, ends)))
    yield from {("service", str(end)) for end in ends if _is_service(end)}


def _is_service(end: End) -> bool:
    return end.port is not None and end.port < EPHEMERAL and end.ip not in ("0.0.0.0", "::", "127.0.0.1", "::1")


def _together(by: str, shared: str, moments: list[_Moment]) -> Iterator[Together]:
    """Runs of moments no further apart than they may be, each of several logs."""
    if len({moment.log for moment in moments}) < 2:
        return
    within = CONNECTION_S if by == "connection" else SERVICE_S
    timed = sorted((moment for moment in moments if moment.at is not None), key=lambda moment: moment.at or 0.0)
    untimed = [moment for moment in moments if moment.at is None] if by == "connection" else []
    run: list[_Moment] = []
    for moment in timed:
        if run and (moment.at or 0.0) - (run[-1].at or 0.0) > within:
            yield from _run(by, shared, run + untimed)
            run = []
        run.append(moment)
    yield from _run(by, shared, run + untimed)


def _run(by: str, shared: str, run: list[_Moment]) -> Iterator[Together]:
    logs: dict[int, Counter[str]] = {}
    for moment in run:
        logs.setdefault(moment.log, Counter())[moment.symptom] += 1
    if len(logs) > 1:
        written = [moment.written for moment in run if moment.written is not None]
        counted = {log: dict(counts) for log, counts in sorted(logs.items())}
        yield Together(by, shared, written[0] if written else None, written[-1] if written else None, counted)


def _seconds(written: str | None) -> float | None:
    """A time as seconds; one without a zone counts as UTC: logs of one incident are taken to share their clock."""
    if written is None:
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
