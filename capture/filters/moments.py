"""When something was: spans of the clock or of the calendar, and the last so many seconds. For rows and for columns.

A captured connection's time is UTC, as reports show it; an event's is this machine's local time, as its screen does.
"""

from __future__ import annotations

import re
import time
from calendar import timegm
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

DAY = 86_400.0
_MOMENT = re.compile(
    r"(?:(?P<date>\d{4}-\d{2}-\d{2})(?:T|$))?"
    r"(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d{1,9}))?)?)?(?P<zone>Z)?",
    re.IGNORECASE,
)


class Lived(NamedTuple):
    """From when to when something was, epoch seconds; `local`: its clock is shown as this machine's, else as UTC."""

    first: float
    last: float
    local: bool = False


@dataclass(frozen=True, slots=True)
class Moments:
    """A span [low, high): epoch seconds where `dated`, else seconds of a day, which come again each day.

    The last unit that was written belongs to it: `..10:40:12` ends where 10:40:13 begins. `utc`: it was written with Z.
    """

    low: float
    high: float
    dated: bool = False
    utc: bool = False

    def test(self, value: object) -> bool:
        """Whether something lived (Lived) at some moment of the span; None (unknown) did not."""
        if not isinstance(value, Lived):
            return False
        offset = _offset(value.first) if value.local and not self.utc else 0.0
        return bool(self.meets(value.first + offset, value.last + offset))

    def meets(self, first: Any, last: Any) -> Any:
        """The same for numbers or numpy arrays of epoch seconds on the span's own clock."""
        if self.dated:
            return (first < self.high) & (last >= self.low)
        begin = self.low + DAY * ((last - self.low) // DAY)  # the span's last beginning before the end
        return begin + (self.high - self.low) > first


@dataclass(frozen=True, slots=True)
class Recent:
    """The last `seconds` before the end of what was seen."""

    seconds: float

    def test(self, value: object) -> bool:
        """Whether something was so many seconds ago; None (unknown) was not."""
        return isinstance(value, (int, float)) and bool(value <= self.seconds)


def moments(text: str) -> Moments:
    """`10:40:08..10:40:12`, `10:40`, `10:40:08..`, with a date `2026-11-21T10:40..11:00`, `Z` for UTC. ValueError."""
    first, dots, second = text.partition("..")
    low, high = _moment(first), _moment(second) if dots else None
    if low is None and high is None:
        raise ValueError(text)
    if not dots:
        high = low
    utc = any(one is not None and one.utc for one in (low, high))
    date = next((one.date for one in (low, high) if one is not None and one.date is not None), None)
    if date is None:
        begin = low.at if low is not None else 0.0
        end = high.at + high.unit if high is not None else DAY
        return Moments(begin, end if end > begin else end + DAY, utc=utc)  # 23:59..00:01 is over midnight
    begin = (date if low.date is None else low.date) + low.at if low is not None else -inf
    end = (date if high.date is None else high.date) + high.at + high.unit if high is not None else inf
    if end <= begin:
        raise ValueError(text)
    return Moments(begin, end, dated=True, utc=utc)


class _Moment(NamedTuple):
    date: float | None  # epoch seconds of its midnight
    at: float  # seconds of the day
    unit: float  # how long the last unit written lasts
    utc: bool


def _moment(text: str) -> _Moment | None:
    found = _MOMENT.fullmatch(text) if text else None
    if text and (found is None or (found["date"] is None and found["hour"] is None)):
        raise ValueError(text)
    if found is None:
        return None
    date = float(timegm(time.strptime(found["date"], "%Y-%m-%d"))) if found["date"] else None
    if found["hour"] is None:
        return _Moment(date, 0.0, DAY, bool(found["zone"]))
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and minute + second):
        raise ValueError(text)
    part = found["part"]
    unit = 10.0 ** -len(part) if part else 1.0 if found["second"] else 60.0
    return _Moment(date, hour * 3600 + minute * 60 + second + float(f"0.{part or 0}"), unit, bool(found["zone"]))


def _offset(epoch: float) -> float:
    """Seconds by which the local clock is ahead of UTC."""
    return float(time.localtime(epoch).tm_gmtoff)
