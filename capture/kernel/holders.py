"""Whose socket an event speaks of: its caller, else who holds the connection, else who listens on its port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from capture.kernel.event import EventOwner, KernelEvent
from capture.model import Endpoint
from capture.sockets.inet_diag_msg import LISTEN
from capture.sockets.row import Namespace, Owner, SocketRow
from capture.sockets.snapshot import Snapshot


class Holder(NamedTuple):
    """What a look knows of a socket."""

    owner: EventOwner | None
    netns: str | None
    cookie: str


Ends = tuple[Endpoint, Endpoint]


def attributed(events: Iterable[KernelEvent], look: Snapshot, before: Snapshot | None = None) -> Iterator[KernelEvent]:
    """The events with owner, network namespace and cookie where a look knows them.

    A socket that has gone is known from `look` all the same, from its last change there, or from the look `before`. Two
    namespaces may hold the same pair of ends: then nobody is named.
    """
    kept = list(events)
    wanted = {(event.local.port, event.remote.port) for event in kept if event.local and event.remote}
    connections, listeners = _index(look, before, wanted) if wanted else ({}, {})
    for event in kept:
        if event.local is None or event.remote is None:
            yield event
            continue
        known = connections.get((event.local, event.remote))
        owner = event.owner or (known.owner if known else None) or listeners.get(event.local.port)
        yield msgspec.structs.replace(
            event,
            owner=owner,
            netns=known.netns if known else None,
            cookie=event.cookie or (known.cookie if known else None),
        )


def _index(
    look: Snapshot, before: Snapshot | None, ports: set[tuple[int, int]]
) -> tuple[Mapping[Ends, Holder], Mapping[int, EventOwner]]:
    """Connections by their ends, and the one process that listens on each port: of these ports (local, remote) alone,
    for all others would cost more than the events. `before` is only searched where the look cannot be asked."""
    connections: dict[Ends, Holder] = {}
    doubtful: set[Ends] = set()
    listening: dict[int, set[EventOwner]] = {}
    wanted = {local.to_bytes(2, "big") + remote.to_bytes(2, "big") for local, remote in ports}
    wanted |= {pair[:2] + bytes(2) for pair in wanted}  # a listener's
    for row in _rows(look, before, wanted):
        _enter(row, connections, doubtful, listening)
    for change in look.transitions:
        if change.raw[4:8] not in wanted:
            continue
        ends, holder = (change.local, change.remote), Holder(_first(change.owners), _name(change.netns), change.cookie)
        known = connections.setdefault(ends, holder)
        if known.owner is None and known.cookie == holder.cookie:  # closed meanwhile: in TIME-WAIT nobody holds it
            connections[ends] = holder
    for ends in doubtful:
        del connections[ends]
    return connections, {port: next(iter(them)) for port, them in listening.items() if len(them) == 1}


def _rows(look: Snapshot, before: Snapshot | None, wanted: set[bytes]) -> Iterator[SocketRow]:
    """Those that went first: a pair of ends may have been used again."""
    if look.of_ports is not None:
        yield from look.of_ports(wanted)
        return
    for snapshot in (one for one in (before, look) if one is not None):
        yield from (row for row in snapshot.rows if row.raw[4:8] in wanted)


def _enter(
    row: SocketRow, connections: dict[Ends, Holder], doubtful: set[Ends], listening: dict[int, set[EventOwner]]
) -> None:
    owner, netns = _first(row.owners), _name(row.netns)
    if row.raw[1] == LISTEN:
        if owner is not None:
            listening.setdefault(row.local.port, set()).add(owner)
        return
    ends = (row.local, row.remote)
    if ends in connections and connections[ends].netns != netns:
        doubtful.add(ends)
    connections[ends] = Holder(owner, netns, row.cookie)


def _first(owners: tuple[Owner, ...]) -> EventOwner | None:
    return EventOwner(owners[0].pid, owners[0].name) if owners else None


def _name(netns: Namespace | None) -> str | None:
    return None if netns is None else str(netns)
