"""Equal events become one with a count; of too many different ones the rest is counted as lost."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from capture.kernel.event import KernelEvent

MOST = 20_000
"""Different events kept of one reading: a second of 10,000 connections' ends, both sides."""


def fold(events: Iterable[KernelEvent], most: int = MOST) -> tuple[tuple[KernelEvent, ...], int]:
    """The different events in order of their first time, and how many found no room."""
    kept: dict[tuple[object, ...], KernelEvent] = {}
    counts: dict[tuple[object, ...], int] = {}
    lost = 0
    for event in events:
        key = event.key()
        if key in kept:
            counts[key] = counts.get(key, kept[key].count) + event.count
        elif len(kept) < most:
            kept[key] = event
        else:
            lost += event.count
    folded = (
        msgspec.structs.replace(event, count=counts[key]) if key in counts else event for key, event in kept.items()
    )
    return tuple(sorted(folded, key=lambda event: event.time)), lost
