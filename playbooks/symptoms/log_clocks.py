"""The clocks of several logs: times without a year or without a zone, placed by what the logs tell of the same ends."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

QUARTER_S = 900
"""Zones differ by whole quarters of an hour."""
FARTHEST_S = 14 * 3600
AGREE_S = 5
"""Two logs that tell of the same within so long agree."""
MOST_COMPARED = 50
"""Times of a log that are compared for each thing both logs name."""
FEWEST = 3
"""So many times must agree; of a connection, whose two ends and ports are named, one is enough."""

_SYSLOG = re.compile(r"([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d(?:\.\d+)?)")
_KLOG = re.compile(r"(\d\d)(\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class At:
    """A moment in seconds; `zoned` says whether its zone was written (without one it counts as UTC)."""

    seconds: float
    zoned: bool


def year_of(written: Iterable[str | None]) -> int:
    """The year that most of some times name; this year where none does."""
    years = Counter(time[:4] for time in written if time and time[:4].isdecimal() and time[4:5] == "-")
    return int(years.most_common(1)[0][0]) if years else datetime.now(UTC).year


def moment_of(written: str | None, year: int) -> At | None:
    """A time as `times.time_of` gives it: ISO 8601, or syslog's and klog's, which have no year."""
    if written is None:
        return None
    try:
        moment = datetime.fromisoformat(_with_year(written, year))
    except ValueError:
        return None
    zoned = moment.tzinfo is not None
    return At((moment if zoned else moment.replace(tzinfo=UTC)).timestamp(), zoned)


def _with_year(written: str, year: int) -> str:
    syslog = _SYSLOG.fullmatch(written)
    if syslog and syslog[1] in _MONTHS:
        return f"{year}-{_MONTHS.index(syslog[1]) + 1:02d}-{int(syslog[2]):02d}T{syslog[3]}"
    klog = _KLOG.fullmatch(written)
    return f"{year}-{klog[1]}-{klog[2]}T{klog[3]}" if klog else written


def shifts_of(told: Sequence[tuple[bool, Sequence[tuple[int, At]]]]) -> dict[int, int]:
    """Seconds to add to the times of a log (by number) that names no zone, where they agree with the others only then.

    `told` has for each thing that logs name (whether it is a connection) the logs and times that tell of it. Logs with
    zones are right; without any, the first log is. A log that agrees as it is stays, also where another shift would do.
    """
    zoned: dict[int, bool] = {}
    for _, moments in told:
        for log, at in moments:
            zoned[log] = zoned.get(log, True) and at.zoned
    right = {log for log, has_zone in zoned.items() if has_zone} or set(sorted(zoned)[:1])
    found = {log: _shift(log, right, told) for log in zoned if log not in right}
    return {log: shift for log, shift in found.items() if shift}


def _shift(log: int, right: set[int], told: Sequence[tuple[bool, Sequence[tuple[int, At]]]]) -> int:
    votes: Counter[int] = Counter()
    sure: Counter[int] = Counter()
    for is_connection, moments in told:
        mine = [at.seconds for number, at in moments if number == log][:MOST_COMPARED]
        theirs = [at.seconds for number, at in moments if number in right][:MOST_COMPARED]
        for one in mine:
            agreed = {shift for other in theirs if (shift := _quarters(other - one)) is not None}
            votes.update(agreed)
            sure.update(agreed if is_connection else ())
    if not votes:
        return 0
    best = max(votes, key=lambda shift: (votes[shift], -abs(shift)))
    enough = votes[best] >= FEWEST or sure[best]
    return best if enough and votes[best] > 2 * votes[0] else 0


def _quarters(apart: float) -> int | None:
    shift = round(apart / QUARTER_S) * QUARTER_S
    return shift if abs(apart - shift) <= AGREE_S and abs(shift) <= FARTHEST_S else None
