"""What the kernel said, as rows: calls that failed, resets, drops, by process and peer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from capture.kernel.event_groups import EventGroup, groups
from capture.kernel.events_report import WORDS, line
from capture.safe_text import printable
from tui.rows.ends_filter import keeps
from tui.text.column_layout import Column
from tui.text.quantities import clock
from tui.widgets.row_table import ListRows

if TYPE_CHECKING:
    from capture.filters import Filter
    from capture.kernel.event import KernelEvent
    from capture.kernel.looks_with_events import LookEvents

KEPT_S = 300.0
MOST = 20_000
COLUMNS = (
    Column("last", "Last", 8, rank=0),
    Column("count", "Count", 7, right=True, rank=0),
    Column("what", "What the kernel said", 34, most=48, rank=0, least=20),
    Column("process", "Process", 16, most=24, rank=1),
    Column("local", "Local", 21, most=28, rank=2, least=12, tail=True),
    Column("remote", "Remote", 21, most=28, rank=0, least=12, tail=True),
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
    """The events of the last minutes. Written by the feed, read by the screen; `limits` None: nobody has looked yet."""

    events: deque[KernelEvent] = field(default_factory=lambda: deque(maxlen=MOST))
    ended: int = 0
    lost: int = 0
    limits: tuple[str, ...] | None = None
    until: float | None = None

    def add(self, told: LookEvents) -> None:
        """Take what came with a look."""
        self.events.extend(told.events)
        self.ended += len(told.reading.ends)
        self.lost += told.reading.lost
        self.limits = told.limits
        self.until = told.reading.time
        while self.events and self.events[0].time < told.reading.time - KEPT_S:
            self.events.popleft()


def kernel_rows(found: Iterable[EventGroup]) -> ListRows:
    """Most first; the key is the group's own place among kinds, so that the cursor stays on it."""
    return ListRows([(key_of(one), cells(one)) for one in found])


def key_of(group: EventGroup) -> tuple[object, ...]:
    """What a group is of, whatever its count."""
    return (group.kind, group.errno, group.call, group.reason, group.owner, group.local, group.remote)


def cells(group: EventGroup) -> tuple[tuple[str, str], ...]:
    """In the order of COLUMNS."""
    detail = " ".join(word for word in (group.call, group.errno, group.reason) if word)
    who = f"{group.owner.pid} {printable(group.owner.name, 24)}" if group.owner is not None else ""
    told = group.errno is not None or group.kind == "reset_sent"
    return (
        (clock(group.last), "dim"),
        (f"{group.count:,}", ""),
        (f"{WORDS[group.kind]}{', ' if detail else ''}{detail}", "warning" if told else ""),
        (who, ""),
        (group.local or "(not told)", ""),
        (group.remote or "", ""),
    )


def text_of(group: EventGroup) -> str:
    """One group as text, for the clipboard."""
    return f"{clock(group.first)} to {clock(group.last)}: {line(group)}"


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
