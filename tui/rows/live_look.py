"""One look at the live connections, ready to show, and what was counted in the looks before it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui.rows.kernel_event_rows import EventHistory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.sockets.snapshot import Snapshot, Transition
    from tui.rows.socket_rows import SocketRows

KEPT_LOOKS = 600  # five minutes of looks half a second apart
KEPT_TRANSITIONS = 5_000
LEAST_ROUND_TRIPS = 10  # fewer make no percentile
RESETS = ("EstabResets", "OutRsts")
RETRANSMITS = ("RetransSegs",)
OVERFLOWS = ("ListenOverflows", "ListenDrops")


@dataclass(slots=True)
class History:
    """What was counted in the last looks, oldest first: for the charts. Written by the loop of looks."""

    states: dict[str, deque[int]] = field(default_factory=dict)
    resets: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_LOOKS))
    retransmits: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_LOOKS))
    overflows: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_LOOKS))
    transitions: deque[tuple[int, Transition]] = field(default_factory=lambda: deque(maxlen=KEPT_TRANSITIONS))
    transitions_left_out: int = 0  # by the looks themselves, where too much changed at once
    transitions_seen: int = 0
    looks: int = 0
    times: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_LOOKS))  # of the looks, epoch seconds
    kernel: EventHistory = field(default_factory=EventHistory)

    @property
    def until(self) -> float | None:
        """When the last look was, epoch seconds; None before the first."""
        return self.times[-1] if self.times else None

    def add(self, snapshot: Snapshot) -> None:
        """Take one look into the account."""
        for state in {*self.states, *snapshot.states}:
            line = self.states.setdefault(state, deque([0] * min(self.looks, KEPT_LOOKS), maxlen=KEPT_LOOKS))
            line.append(snapshot.states.get(state, 0))
        self.looks += 1
        self.times.append(snapshot.time)
        self.transitions.extend(enumerate(snapshot.transitions, self.transitions_seen))
        self.transitions_seen += len(snapshot.transitions)
        self.transitions_left_out += snapshot.transitions_left_out
        seconds = snapshot.elapsed_s
        if seconds:
            self.resets.append(_rate(snapshot.counters, RESETS, seconds))
            self.retransmits.append(_rate(snapshot.counters, RETRANSMITS, seconds))
            self.overflows.append(_rate(snapshot.counters, OVERFLOWS[:1], seconds))


def _rate(counters: Mapping[str, int], names: tuple[str, ...], seconds: float) -> float:
    return max((counters.get(name, 0) for name in names), default=0) / seconds


@dataclass(frozen=True, slots=True)
class Look:
    """One look, ready to show."""

    snapshot: Snapshot
    rows: SocketRows
    history: History
    seconds: float  # that the look and its sorting took
    asked: bool  # by a key: other rows, another order
    rtt_us: tuple[int, int] | None  # median and 95th percentile of the round trips that are known


def round_trips(snapshot: Snapshot) -> tuple[int, int] | None:
    """Median and 95th percentile of the round trips that are known, microseconds; None where they are too few."""
    known = sorted(row.rtt_us for row in snapshot.rows if row.rtt_us)
    if len(known) < LEAST_ROUND_TRIPS:
        return None
    return known[len(known) // 2], known[len(known) * 95 // 100]
