"""What the rules of findings look at: one look, and the course of counts before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from capture.sockets.place import News, Place
from capture.sockets.row import Process, SocketRow
from capture.sockets.thresholds import Thresholds
from capture.sockets.trends import Trends


@dataclass(frozen=True)
class Scene:
    """`now` is on the clock of ages, `time` epoch seconds, `elapsed_s` since the look before (None at the first)."""

    places: Sequence[Place]
    news: Mapping[Place, News]
    processes: Sequence[Process]
    thresholds: Thresholds
    trends: Trends
    now: float
    time: float = 0.0
    elapsed_s: float | None = None

    @cached_property
    def _listeners(self) -> dict[tuple[Place, bytes], SocketRow]:
        return {(place, row.raw[4:6]): row for place in self.places for row in place.listeners.rows.values()}

    def listener_on(self, place: Place, port: bytes) -> SocketRow | None:
        """A listener on a local port (network order), whatever its address."""
        return self._listeners.get((place, port))
