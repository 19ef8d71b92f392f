"""Whether the wall clock was set while it was looked at: packets, events and lines carry its times."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

LEAST_S: Final = 1.0
"""NTP slews smaller differences away, unseen."""


class ClockSteps:
    """Holds the wall clock against the monotonic one. `wall` and `steady` give seconds."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._offset = wall() - steady()
        self._steps: deque[tuple[float, float, float]] = deque(maxlen=100)  # when (steady), before, after (wall)

    def look(self) -> None:
        """To be called often: a step is dated by the look that sees it."""
        now, wall = self._steady(), self._wall()
        before = now + self._offset
        if abs(wall - before) >= LEAST_S:
            self._steps.append((now, before, wall))
            self._offset = wall - now

    def within(self, seconds: float) -> list[tuple[float, float]]:
        """(earlier, later) wall time of each step of the last seconds."""
        now = self._steady()
        return [(min(before, after), max(before, after)) for at, before, after in self._steps if at >= now - seconds]

    def notes(self, seconds: float) -> list[str]:
        """A sentence for each step of the last seconds."""
        now = self._steady()
        return [
            f"the clock was set by {after - before:+.1f} s while this was recorded: times around it do not compare"
            for at, before, after in self._steps
            if at >= now - seconds
        ]
