"""Kernel events written out: as objects of the contract's JSON, and in groups for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from capture.kernel.closed_sockets import closed
from capture.kernel.event import KernelEvent, Kind, Reading
from capture.kernel.event_groups import EventGroup, groups
from capture.kernel.looks_with_events import LookEvents
from capture.language import tr
from capture.model import Endpoint
from capture.safe_text import printable

LARGEST = 12
WORDS = {
    Kind.RESET_SENT: "resets sent",
    Kind.RESET_RECEIVED: "resets received",
    Kind.CALL_FAILED: "calls failed",
    Kind.ERROR_REPORTED: "errors on sockets",
    Kind.RETRANSMITTED: "retransmissions",
    Kind.DROPPED: "packets dropped",
    Kind.CLOSED: "connections ended",
}


def event_object(event: KernelEvent) -> dict[str, Any]:
    """One event of `events[]`."""
    entry: dict[str, Any] = {
        "time": round(event.time, 6),
        "kind": event.kind.value,
        "local": _end(event.local),
        "remote": _end(event.remote),
        "errno": event.errno,
        "call": event.call,
        "reason": event.reason,
        "owner": None if event.owner is None else {"pid": event.owner.pid, "name": event.owner.name},
        "count": event.count,
        "netns": event.netns,
        "cookie": event.cookie,
    }
    if event.last is not None:
        entry |= {
            "bytes_sent": event.last.bytes_sent,
            "bytes_received": event.last.bytes_received,
            "retransmits": event.last.retransmits,
            "rtt_ms": event.last.rtt_ms,
        }
    return entry


def ends_of(reading: Reading) -> Iterator[KernelEvent]:
    """The connections that ended, one event each. Their times are that of the reading: the kernel gives none."""
    for message in reading.ends:
        event = closed(message, reading.time)
        if event is not None:
            yield event


def text(look: LookEvents) -> str:
    """Events by group, the largest first, what was lost and what could not be had; for people."""
    found, lost = groups(look.events), look.reading.lost
    total, ended = sum(one.count for one in look.events), len(look.reading.ends)
    lines = [
        tr("kernel events  {n}; connections ended {ended}", n=total, ended=ended),
        *(f"  ({limit})" for limit in look.limits),
    ]
    lines += [f"  {line(one)}" for one in found[:LARGEST]]
    if len(found) > LARGEST:
        lines.append("  " + tr("and {n} more groups", n=len(found) - LARGEST))
    if lost:
        lines.append("  " + tr("{n} or more events were lost: they came faster than they were read", n=lost))
    return "\n".join(printable(one) for one in lines) + "\n"


def line(group: EventGroup) -> str:
    """As "45 calls failed, send EPIPE: gateway[2105] 127.0.0.1:8878 to 127.0.0.1:*"."""
    detail = " ".join(word for word in (group.call, group.errno, group.reason) if word)
    who = f"{group.owner.name}[{group.owner.pid}] " if group.owner is not None else ""
    where = tr("{a} to {b}", a=group.local, b=group.remote) if group.local else tr("address not told")
    return f"{group.count} {tr(WORDS[group.kind])}" + (f", {detail}" if detail else "") + f": {who}{where}"


def _end(end: Endpoint | None) -> dict[str, Any] | None:
    return None if end is None else {"ip": end.ip, "port": end.port}


def keys(look: LookEvents) -> dict[str, Any]:
    """What a look's JSON gains: `events`, `events_lost`, and `limits` of seeing them."""
    return {
        "events": [event_object(event) for event in (*look.events, *ends_of(look.reading))],
        "events_lost": look.reading.lost,
        "limits": list(look.limits),
    }
