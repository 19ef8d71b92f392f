"""What came in the last seconds, by a clock that nobody sets."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
Item = TypeVar("Item", covariant=True)


class Batch(Protocol[Item]):
    """What came in one go."""

    def __len__(self) -> int:
        """How many."""

    def __iter__(self) -> Iterator[Item]:
        """In order."""


class Recent(Generic[T]):
    """Items for `keep_s` seconds after they came, at most `most` of them: `forgotten` counts those that had to go
    before their time, but for what came in one go. `clock` gives seconds."""

    def __init__(self, keep_s: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep, self._most, self._clock = keep_s, most, clock
        self._batches: deque[tuple[float, Batch[T]]] = deque()
        self._count = self.forgotten = 0

    def add(self, items: Batch[T]) -> None:
        """Adds what came now, and lets go of what is too old or too much."""
        now = self._clock()
        if len(items):
            self._batches.append((now, items))
            self._count += len(items)
        while self._batches and self._batches[0][0] < now - self._keep:
            self._count -= len(self._batches.popleft()[1])
        while self._count > self._most and len(self._batches) > 1:
            gone = len(self._batches.popleft()[1])
            self._count -= gone
            self.forgotten += gone

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        for _, items in self._batches:
            yield from items
