"""Kernel events written out: as objects of the contract's JSON, and in groups for people."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from capture.kernel.closed_sockets import closed
from capture.kernel.event import KernelEvent, Kind, Reading
from capture.kernel.event_groups import EventGroup, groups
from capture.kernel.looks_with_events import LookEvents
from capture.language import catalogue, per_language, tr
from capture.model import Endpoint
from capture.safe_text import printable

LARGEST = 12


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
    lines += [f"  {line(one)}, {time.strftime('%H:%M:%S', time.localtime(one.last))}" for one in found[:LARGEST]]
    if len(found) > LARGEST:
        lines.append("  " + tr("and {n} more groups", n=len(found) - LARGEST))
    if lost:
        lines.append("  " + tr("{n} or more events were lost: they came faster than they were read", n=lost))
    return "\n".join(printable(one) for one in lines) + "\n"


def line(group: EventGroup) -> str:
    """As "gateway[2105]: 45 writes failed, EPIPE, to 127.0.0.1:*" (event_words.toml). Names in it are hostile text."""
    words = _catalogue()
    phrases = words["words"]
    owner = f"{group.owner.name}[{group.owner.pid}]" if group.owner is not None else ""
    local, remote = group.local or phrases["untold"], group.remote or phrases["untold"]
    port = group.local.rpartition(":")[2]
    reset = group.kind is Kind.RESET_SENT
    if reset and group.remote:  # the ports of callers say nothing
        remote = group.remote.removesuffix(":*")
    template = words.get(f"{group.kind}_{group.call}") or words.get(group.kind.value) or words["error_reported"]
    return str(template["one" if group.count == 1 else "many"]).format(
        who=f"{owner}: " if owner else "",
        by=phrases["by"].format(owner=owner) if owner else "",
        port=_side(phrases, group, port if port.isdigit() else "", reset),
        why=f", {reason_text(group.reason)}" if group.reason else "",
        place=phrases["place"].format(local=local, remote=remote) if group.local else "",
        count=f"{group.count:,}",
        errno=group.errno or "",
        local=local,
        remote=remote,
    )


def _side(phrases: dict[str, str], group: EventGroup, port: str, reset: bool) -> str:
    """This side's port; where many ports got resets its address, else groups of two addresses read alike."""
    if port:
        return phrases["sent_from" if reset else "received_by"].format(port=port)
    return phrases["received_at"].format(local=group.local) if group.local and not reset else ""


def reason_text(reason: str) -> str:
    """The kernel's word for a reset or a drop, and what it says."""
    meaning = _catalogue()["reasons"].get(reason)
    return f"{meaning} ({reason})" if meaning else reason


@per_language
def _catalogue() -> dict[str, Any]:
    return catalogue(os.path.dirname(__file__), "event_words")


def _end(end: Endpoint | None) -> dict[str, Any] | None:
    return None if end is None else {"ip": end.ip, "port": end.port}


def keys(look: LookEvents) -> dict[str, Any]:
    """What a look's JSON gains: `events`, `events_lost`, and `limits` of seeing them."""
    return {
        "events": [event_object(event) for event in (*look.events, *ends_of(look.reading))],
        "events_lost": look.reading.lost,
        "limits": list(look.limits),
    }
