"""When lines of one kind were written: at single moments, as a restart makes them, or all the time."""

from __future__ import annotations

import msgspec

APART_S = 10.0
"""Seconds without such a line, after which the next one begins another moment."""
MOST = 200
"""Moments that are kept of one kind; the last one takes what comes after."""


class Moment(msgspec.Struct, frozen=True):
    """Lines close together: `first` and `last` of them, epoch seconds, and how many."""

    first: float
    last: float
    count: int


class Moments:
    """The moments of lines that come in the order of a log; a line a little out of order belongs to the last one."""

    def __init__(self) -> None:
        self._found: list[Moment] = []

    def add(self, when: float) -> None:
        """A line written then (epoch seconds)."""
        last = self._found[-1] if self._found else None
        if last is None or (when > last.last + APART_S and len(self._found) < MOST):
            self._found.append(Moment(when, when, 1))
        else:
            self._found[-1] = Moment(min(last.first, when), max(last.last, when), last.count + 1)

    def all(self) -> tuple[Moment, ...]:
        """In order."""
        return tuple(self._found)
