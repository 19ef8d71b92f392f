"""An incident's events joined to the connections of its packets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from capture.kernel.event import EventOwner, KernelEvent, Kind, LastWords
from capture.model import Endpoint, Side

if TYPE_CHECKING:
    from capture.verdicts.kernel_facts import EventAtSide

SLACK_S = 1.0
"""An event may be reported this long before a connection's first packet or after its last."""
LATE_S = 3600.0
"""A call may fail, or a socket be closed, long after the last packet."""


def event_of(entry: Mapping[str, Any]) -> KernelEvent | None:
    """An event as `event_object` wrote it; None where it is damaged."""
    try:
        owner, last = entry.get("owner"), None
        if entry["kind"] == Kind.CLOSED:
            keys = ("bytes_sent", "bytes_received", "retransmits", "rtt_ms")
            last = msgspec.convert({key: entry.get(key) for key in keys}, LastWords)
        return KernelEvent(
            time=float(entry["time"]),
            kind=Kind(entry["kind"]),
            local=_end(entry.get("local")),
            remote=_end(entry.get("remote")),
            errno=_text(entry.get("errno")),
            call=_text(entry.get("call")),
            reason=_text(entry.get("reason")),
            owner=None if owner is None else msgspec.convert(owner, EventOwner),
            count=int(entry.get("count", 1)),
            netns=_text(entry.get("netns")),
            cookie=_text(entry.get("cookie")),
            last=last,
        )
    except (KeyError, TypeError, ValueError, msgspec.MsgspecError):
        return None


def _text(value: Any) -> str | None:
    return msgspec.convert(value, str | None)


def _end(value: Any) -> Endpoint | None:
    return None if value is None else msgspec.convert(value, Endpoint)


Span = tuple[int, Endpoint, Endpoint, float, float]
"""Connection id, originator, responder, first and last time in epoch seconds."""


def events_by_connection(
    connections: Iterable[Span], events: Iterable[KernelEvent]
) -> dict[int, tuple[EventAtSide, ...]]:
    """The events of each connection, in order of time. Of connections that used the same ends one after another the
    last that had begun takes an event."""
    by_ends: defaultdict[tuple[Endpoint, Endpoint], list[tuple[float, float, int, Side]]] = defaultdict(list)
    for number, originator, responder, first, last in connections:
        by_ends[originator, responder].append((first, last, number, Side.ORIGINATOR))
        by_ends[responder, originator].append((first, last, number, Side.RESPONDER))
    found: defaultdict[int, list[EventAtSide]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.time):
        if event.local is None or event.remote is None:
            continue
        begun = [
            one
            for one in by_ends.get((event.local, event.remote), ())
            if one[0] - SLACK_S <= event.time <= one[1] + LATE_S
        ]
        if begun:
            _, _, number, side = max(begun)
            found[number].append((side, event))
    return {number: tuple(them) for number, them in found.items()}
