"""What several logs tell of the same connection, or of the same service at the same time."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from capture.naming.name_book import EPHEMERAL
from playbooks.symptoms.log_clocks import At, moment_of, shifts_of, year_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playbooks.symptoms.explanation import End
    from playbooks.symptoms.log_scan import Match

CONNECTION_S = 120
"""Two logs that name both ends of a connection speak of the same one within so long: ports are used again later."""
SERVICE_S = 5
"""Errors at one service belong together within so long."""
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


@dataclass(frozen=True, slots=True)
class _Moment:
    written: str | None
    log: int
    symptom: str


_Timed = list[tuple[float | None, _Moment]]
"""Moments with their seconds, all by one clock; None where the time is unknown."""


@dataclass
class SeveralLogs:
    """Collects the matches of several logs by what they share. `paths` are the logs'; rotated ones are one log's."""

    paths: tuple[str, ...] = ()
    _moments: dict[tuple[str, str], list[_Moment]] = field(default_factory=dict)
    _kept: int = 0

    def add(self, match: Match) -> None:
        """Note a match; those that name no end are of no use here."""
        if self._kept >= MOST:
            return
        moment = _Moment(match.near, match.log, match.explained.symptom)
        for key in _keys(match):
            self._moments.setdefault(key, []).append(moment)
            self._kept += 1

    @cached_property
    def shifts(self) -> dict[int, int]:
        """Seconds by which the times of a log without a zone were moved, by its number; asked when all was added."""
        told = [
            (by == "connection", [(m.log, at) for m in moments if (at := self._at(m)) is not None])
            for (by, _), moments in self._moments.items()
            if len({moment.log for moment in moments}) > 1
        ]
        return shifts_of(told)

    @cached_property
    def _year(self) -> int:
        return year_of(moment.written for moments in self._moments.values() for moment in moments)

    def _at(self, moment: _Moment) -> At | None:
        return moment_of(moment.written, self._year)

    def _timed(self, moments: list[_Moment]) -> _Timed:
        timed: _Timed = []
        for moment in moments:
            at = self._at(moment)
            timed.append((None if at is None else at.seconds + self.shifts.get(moment.log, 0), moment))
        return timed

    def found(self) -> list[Together]:
        """What belongs together, connections before services, in order of time. What a connection tells, its service
        does not tell again."""
        source = _sources(self.paths)
        groups = [
            one
            for (by, shared), moments in self._moments.items()
            if len({source.get(moment.log, moment.log) for moment in moments}) > 1
            for one in _together(by, shared, self._timed(moments), source)
        ]
        of_connections = {end for one in groups if one.by == "connection" for end in one.shared.split(" - ")}
        kept = [one for one in groups if one.by == "connection" or one.shared not in of_connections]
        return sorted(kept, key=lambda one: (one.by, one.first or "", one.shared))


_ROTATED = re.compile(r"(?:\.\d{1,4}|[-.]\d{8}(?:-\d+)?|[-.]\d{4}-\d\d-\d\d|\.old)?(?:\.(?:gz|zst|zstd))?$")


def _sources(paths: tuple[str, ...]) -> dict[int, int]:
    """For each log by number the first that it continues: `error.log.1` and `error-20260504.log.gz` are of one."""
    stems = [_ROTATED.sub("", path, count=1) for path in paths]
    plain = [
        stem if stem in paths or "log" in os.path.basename(stem) else path
        for stem, path in zip(stems, paths, strict=True)
    ]
    return {number: plain.index(stem) for number, stem in enumerate(plain)}


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


def _together(by: str, shared: str, moments: _Timed, source: dict[int, int]) -> Iterator[Together]:
    """Runs of moments no further apart than they may be, each of several logs."""
    within = CONNECTION_S if by == "connection" else SERVICE_S
    timed = sorted(((at, one) for at, one in moments if at is not None), key=lambda pair: pair[0])
    untimed = [one for at, one in moments if at is None] if by == "connection" else []
    run: list[_Moment] = []
    last = 0.0
    for at, moment in timed:
        if run and at - last > within:
            yield from _run(by, shared, run + untimed, source)
            run = []
        run.append(moment)
        last = at
    yield from _run(by, shared, run + untimed, source)


def _run(by: str, shared: str, run: list[_Moment], source: dict[int, int]) -> Iterator[Together]:
    if len({source.get(moment.log, moment.log) for moment in run}) < 2:
        return
    logs: dict[int, Counter[str]] = {}
    for moment in run:
        logs.setdefault(moment.log, Counter())[moment.symptom] += 1
    written = [moment.written for moment in run if moment.written is not None]
    counted = {log: dict(counts) for log, counts in sorted(logs.items())}
    yield Together(by, shared, written[0] if written else None, written[-1] if written else None, counted)
