"""What the kernel said, as rows: calls that failed, resets, drops, by process and peer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from capture.cells import left
from capture.kernel.event_groups import EventGroup, group_key, groups
from capture.kernel.events_report import line
from capture.safe_text import printable
from tui.rows.ends_filter import keeps
from tui.rows.list_rows import ListRows
from tui.text.column_layout import Column
from tui.text.language import tr
from tui.text.quantities import clock

if TYPE_CHECKING:
    from capture.filters import Filter
    from capture.kernel.event import KernelEvent
    from capture.kernel.looks_with_events import LookEvents
    from capture.model import Endpoint
    from capture.sockets.row import SocketRow

KEPT_S = 300.0
MOST = 20_000
COLUMNS = (
    Column("last", "Last", 8, rank=0),
    Column("what", "What the kernel said", 62, most=200, rank=0, least=20),
    Column("local", "Local", 21, most=28, rank=1, least=12, tail=True),
)
CONNECTION_COLUMNS = (
    Column("last", "Last", 8, rank=0),
    Column("count", "Count", 7, right=True, rank=0),
    Column("local", "Local", 21, most=28, rank=0, least=12, tail=True),
    Column("remote", "Remote", 21, most=28, rank=0, least=12, tail=True),
    Column("now", "Now", 11, rank=1),
)
PLAYBOOKS = {
    "EPIPE": "broken-pipe",
    "ECONNRESET": "connection-reset",
    "ECONNREFUSED": "connection-refused",
    "ETIMEDOUT": "silent-drop",
    "EHOSTUNREACH": "silent-drop",
    "ENETUNREACH": "silent-drop",
    "TCP_LISTEN_OVERFLOW": "accept-queue",
    "NO_SOCKET": "connection-refused",
    "reset_sent": "connection-reset",
    "reset_received": "connection-reset",
    "retransmitted": "silent-drop",
    "dropped": "silent-drop",
}
"""By errno, by the kernel's reason, by kind: the first that is there."""


@dataclass(slots=True)
class EventHistory:
    """The events of the last minutes. Written by the loop of looks; `limits` None: nobody has looked yet."""

    events: deque[KernelEvent] = field(default_factory=lambda: deque(maxlen=MOST))
    ended: int = 0
    lost: int = 0
    limits: tuple[str, ...] | None = None
    until: float | None = None

    def add(self, noted: LookEvents) -> None:
        """Take what came with a look."""
        self.events.extend(noted.events)
        self.ended += len(noted.reading.ends)
        self.lost += noted.reading.lost
        self.limits = noted.limits
        self.until = noted.reading.time
        while self.events and self.events[0].time < noted.reading.time - KEPT_S:
            self.events.popleft()


def kernel_rows(found: Iterable[EventGroup]) -> ListRows:
    """Most first; the key is the group's own place among kinds, so that the cursor stays on it."""
    return ListRows([(key_of(one), cells(one)) for one in found])


def key_of(group: EventGroup) -> tuple[object, ...]:
    """What a group is of, whatever its count."""
    return (group.kind, group.errno, group.call, group.reason, group.owner, group.local, group.remote)


def cells(group: EventGroup) -> tuple[tuple[str, str], ...]:
    """In the order of COLUMNS."""
    is_failure = group.errno is not None or group.kind == "reset_sent"
    return (
        (clock(group.last), "dim"),
        (printable(line(group), 300), "warn" if is_failure else ""),
        (group.local or tr("(not told)"), ""),
    )


def text_of(group: EventGroup) -> str:
    """One group as text, for the clipboard."""
    return tr("{begin} to {end}", begin=clock(group.first), end=clock(group.last)) + f": {printable(line(group))}"


Ends = tuple["Endpoint", "Endpoint", "str | None"]
"""Local end, remote end, network namespace."""


@dataclass(frozen=True, slots=True)
class EventConnection:
    """One connection of a group: its events in order of time, and all that the kernel said of it beside them."""

    ends: Ends
    events: tuple[KernelEvent, ...]
    all_events: tuple[KernelEvent, ...]

    @property
    def count(self) -> int:
        """Events of the group."""
        return sum(event.count for event in self.events)

    @property
    def cookie(self) -> str | None:
        """The socket's, where it was noted."""
        return next((event.cookie for event in self.all_events if event.cookie), None)


def connections_of(history: EventHistory, group: EventGroup) -> list[EventConnection]:
    """The connections that a group speaks of, the last one first; none where the kernel named no addresses."""
    wanted = group_key(group.sample)
    own: dict[Ends, list[KernelEvent]] = {}
    everything: dict[Ends, list[KernelEvent]] = {}
    for event in tuple(history.events):
        if event.local is not None and event.remote is not None:
            ends = (event.local, event.remote, event.netns)
            everything.setdefault(ends, []).append(event)
            if group_key(event) == wanted:
                own.setdefault(ends, []).append(event)
    found = [EventConnection(ends, tuple(events), tuple(everything[ends])) for ends, events in own.items()]
    return sorted(found, key=lambda one: -one.events[-1].time)


def find_sockets(rows: Iterable[SocketRow], wanted: Iterable[EventConnection]) -> dict[Ends, SocketRow]:
    """The live socket of each connection that still has one: by its cookie where that is known, else by its ends."""
    named = {one.cookie: one.ends for one in wanted if one.cookie is not None}
    unnamed = {one.ends for one in wanted if one.cookie is None}
    ports = {ends[0].port.to_bytes(2, "big") for ends in (*named.values(), *unnamed)}
    found = {}
    for row in rows:
        if row.raw[4:6] not in ports or row.state == "LISTEN":
            continue
        ends = named.get(row.cookie)
        if ends is None:
            own = (row.local, row.remote, str(row.netns) if row.netns is not None else None)
            ends = own if own in unnamed else None
        if ends is not None:
            found[ends] = row
    return found


def connection_rows(found: Iterable[EventConnection], sockets: Mapping[Ends, SocketRow]) -> ListRows:
    """In the order of CONNECTION_COLUMNS; the key is the connection's ends."""
    return ListRows([(one.ends, _connection_cells(one, sockets.get(one.ends))) for one in found])


def _connection_cells(one: EventConnection, row: SocketRow | None) -> tuple[tuple[str, str], ...]:
    return (
        (clock(one.events[-1].time), "dim"),
        (f"{one.count:,}", ""),
        (str(one.ends[0]), ""),
        (str(one.ends[1]), ""),
        (row.state.value, "") if row is not None else (tr("gone"), "dim"),
    )


def connection_text(one: EventConnection, row: SocketRow | None) -> str:
    """All that is known of a connection: what the kernel said in order of time, then its socket now."""
    from tui.text.glossary import meaning
    from tui.text.socket_lines import socket_facts

    lines = [f"{clock(event.time)}  {printable(line(group))}" for event in one.all_events for group in groups([event])]
    if row is None:
        now = [tr("Its socket has gone. Where a recording or an incident is open, w looks for its packets there.")]
    else:
        now = [f"{left(name, 14)} {value}" for name, value in socket_facts(row)]
        now += ["", f"{row.state.value}: {meaning('states', row.state.value)}"]
    return "\n".join([tr("What the kernel said:"), *lines, "", *now])


def filtered(history: EventHistory, wanted: Filter | None) -> list[EventGroup]:
    """The groups of the events that a filter of sockets keeps, most first."""
    return groups([event for event in tuple(history.events) if _matches(event, wanted, history.until)])


def _matches(event: KernelEvent, wanted: Filter | None, now: float | None) -> bool:
    return keeps(
        wanted,
        local=event.local,
        remote=event.remote,
        owners=() if event.owner is None else (event.owner,),
        netns=event.netns,
        cookie=event.cookie,
        at=event.time,
        now=now,
    )


def playbook_of(group: EventGroup) -> str | None:
    """Where a group leads."""
    for name in (group.errno, group.reason, group.kind.value):
        if name in PLAYBOOKS:
            return PLAYBOOKS[name]
    return None
