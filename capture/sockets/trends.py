"""How fast a count grows: what lets a finding say when a limit will be reached."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

WINDOW_S = 120.0
SHORTEST_S = 2.0
"""A rate over less than this would be a guess."""


class Trends:
    """Counts by key over the last two minutes of looks. Times are the watcher's seconds."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, deque[tuple[float, int]]] = {}

    def rate(self, key: Hashable, count: int, now: float) -> float | None:
        """Notes a count and returns its growth a second over the window; None while too little is known."""
        course = self._seen.setdefault(key, deque())
        if not course or course[-1][0] < now:
            course.append((now, count))
        while now - course[0][0] > WINDOW_S:
            course.popleft()
        then, first = course[0]
        return (count - first) / (now - then) if now - then >= SHORTEST_S else None

    def forget_before(self, now: float) -> None:
        """Drops keys that were not noted for a window: their processes and peers are gone."""
        for key in [key for key, course in self._seen.items() if now - course[-1][0] > WINDOW_S]:
            del self._seen[key]
