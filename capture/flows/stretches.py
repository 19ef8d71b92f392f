"""Work through all connections in stretches: whole connections, few enough to stay in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np

from capture.wire.columns import I64

STRETCH = 1 << 16  # packets worked on at once
T = TypeVar("T")


def worked(first: I64, work: Callable[[int, int], T]) -> list[T]:
    """`work(start, stop)` of each range of connections, in order. `first` has shape (connections + 1,)."""
    return [work(start, stop) for start, stop in stretches(first, STRETCH)]


def stretches(first: I64, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of connections that hold about `most` packets each: what is worked on at once stays in the cache.

    `first` has shape (connections + 1,).
    """
    start, connections = 0, len(first) - 1
    while start < connections:
        stop = int(np.searchsorted(first, first[start] + most, "right")) - 1
        stop = min(max(stop, start + 1), connections)
        yield start, stop
        start = stop
