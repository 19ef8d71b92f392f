"""Events of one kind, by one process, toward one host: what a person counts."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from capture.kernel.event import EventOwner, KernelEvent, Kind
from capture.model import Endpoint


class EventGroup(Struct, frozen=True):
    """Events that share all but ports. `local` and `remote` are text: the port is * where it differs, empty where the
    kernel named no address. `first` and `last` epoch seconds; `sample` its first event."""

    kind: Kind
    errno: str | None
    call: str | None
    reason: str | None
    owner: EventOwner | None
    local: str
    remote: str
    count: int
    first: float
    last: float
    sample: KernelEvent


def group_key(event: KernelEvent) -> tuple[object, ...]:
    """What the events of one group share."""
    hosts = (event.local.ip if event.local else "", event.remote.ip if event.remote else "")
    return (event.kind, event.errno, event.call, event.reason, event.owner, *hosts, event.netns)


def groups(events: Iterable[KernelEvent]) -> list[EventGroup]:
    """Groups, most events first; among equals the one that began first."""
    members: dict[tuple[object, ...], list[KernelEvent]] = {}
    for event in events:
        members.setdefault(group_key(event), []).append(event)
    found = [_group(them) for them in members.values()]
    return sorted(found, key=lambda group: (-group.count, group.first))


def _group(events: list[KernelEvent]) -> EventGroup:
    one = events[0]
    return EventGroup(
        kind=one.kind,
        errno=one.errno,
        call=one.call,
        reason=one.reason,
        owner=one.owner,
        local=_shared([event.local for event in events]),
        remote=_shared([event.remote for event in events]),
        count=sum(event.count for event in events),
        first=min(event.time for event in events),
        last=max(event.time for event in events),
        sample=one,
    )


def _shared(ends: list[Endpoint | None]) -> str:
    one = ends[0]
    if one is None:
        return ""
    if all(end == one for end in ends):
        return str(one)
    return str(one).rpartition(":")[0] + ":*"
