"""How fast a count grows now: what lets a finding say when a limit will be reached."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

RECENT_S = 10.0
"""A rate is of the last seconds: a leak that stopped half a minute ago does not grow."""
FORGOTTEN_S = 120.0
AGAIN_S = 60.0
SHORTEST_S = 2.0
"""A rate over less than this would be a guess."""


class Trends:
    """Counts by key over the last looks. Times are the watcher's seconds."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, deque[tuple[float, int]]] = {}

    def rate(self, key: Hashable, count: int, now: float) -> float | None:
        """Notes a count and returns its growth a second over the last RECENT_S, or since the look before where that is
        longer ago; None while too little is known."""
        course = self._seen.setdefault(key, deque())
        if course and now - course[-1][0] > FORGOTTEN_S:
            course.clear()
        if not course or course[-1][0] < now:
            course.append((now, count))
        while len(course) > 1 and now - course[1][0] >= RECENT_S:
            course.popleft()
        then, first = course[0]
        return (count - first) / (now - then) if now - then >= SHORTEST_S else None

    def since(self, key: Hashable) -> float | None:
        """When the first of the counts was noted that a rate is of now."""
        course = self._seen.get(key)
        return course[0][0] if course else None

    def again(self, key: Hashable, now: float) -> bool:
        """Notes that something happened, and whether it had happened before in the last AGAIN_S."""
        course = self._seen.setdefault(key, deque(maxlen=2))
        if not course or course[-1][0] < now:
            course.append((now, 0))
        return len(course) > 1 and now - course[0][0] <= AGAIN_S

    def forget_before(self, now: float) -> None:
        """Drops keys that were not noted for long: their processes and peers are gone."""
        for key in [key for key, course in self._seen.items() if now - course[-1][0] > FORGOTTEN_S]:
            del self._seen[key]
