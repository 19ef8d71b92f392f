"""Counts of sockets by state, process, listener, remote host and peer, kept up to date row by row.

A look at 50,000 sockets of which 500 changed touches 500 rows here, not 50,000. Keys are address and port bytes as the
kernel gives them; text is made for the largest groups only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Final

from capture.sockets import inet_diag_msg as diag
from capture.sockets.row import Process, SocketRow
from capture.sockets.snapshot import Group

LARGEST: Final = 100
"""How many hosts and peers are listed; there may be as many of them as sockets."""

_WATCHED = frozenset(
    (
        diag.SYN_SENT,
        diag.SYN_RECV,
        diag.FIN_WAIT_1,
        diag.FIN_WAIT_2,
        diag.CLOSE_WAIT,
        diag.LAST_ACK,
        diag.CLOSING,
        diag.NEW_SYN_RECV,
    )
)
"""States that findings look into, whose rows are therefore kept apart."""


_TIMERS_OF_INTEREST = (diag.TIMER_ON, diag.TIMER_PERSIST)
_ACCEPTABLE = (diag.ESTABLISHED, diag.CLOSE_WAIT)
_READABLE = (diag.ESTABLISHED, diag.CLOSE_WAIT, diag.FIN_WAIT_1, diag.FIN_WAIT_2)


class Tally:
    """Sockets counted by key, and by key and state."""

    __slots__ = ("by_state", "totals")

    def __init__(self) -> None:
        self.totals: dict[bytes, int] = {}
        self.by_state: dict[bytes, int] = {}

    def shift(self, key: bytes, state: int, step: int) -> None:
        """Counts one socket more or less."""
        # Written out twice: hundreds of sockets that come and go in a look pass here, each several times.
        totals, by_state = self.totals, self.by_state
        count = totals.get(key, 0) + step
        if count > 0:
            totals[key] = count
        else:
            totals.pop(key, None)
        key += _BYTE[state]
        count = by_state.get(key, 0) + step
        if count > 0:
            by_state[key] = count
        else:
            by_state.pop(key, None)

    def states(self, key: bytes) -> dict[str, int]:
        """{STATE: count} of one key, in ss's spelling."""
        found: Counter[str] = Counter()
        for number, state in enumerate(diag.STATES):
            if count := self.by_state.get(key + _BYTE[number]):
                found[state.value] += count
        return dict(found)

    def count(self, key: bytes, state: int) -> int:
        """Sockets of a key in one state (the kernel's number)."""
        return self.by_state.get(key + _BYTE[state], 0)

    def largest(self, count: int = LARGEST) -> list[bytes]:
        """The keys with most sockets, largest first, equal ones by key so that lists stand still."""
        chosen = list(self.totals)
        if len(chosen) > count:
            # Most of many keys are of one socket: sorting the counts alone is much cheaper than sorting the keys.
            least = sorted(self.totals.values(), reverse=True)[count - 1]
            chosen = [key for key, total in self.totals.items() if total > least]
            equals = (key for key, total in self.totals.items() if total == least)
            chosen += islice(equals, count - len(chosen))
        return sorted(chosen, key=lambda key: (-self.totals[key], key))


_BYTE = [bytes((number,)) for number in range(256)]


def _shift(counts: dict[bytes, int], key: bytes, step: int) -> None:
    count = counts.get(key, 0) + step
    if count > 0:
        counts[key] = count
    else:
        counts.pop(key, None)


class Aggregates:
    """The counts of one network namespace. `ephemeral` is its port range, for the use of ports by destination."""

    def __init__(self, ephemeral: tuple[int, int]) -> None:
        self.ephemeral = ephemeral
        self.states = [0] * 256
        self.processes: dict[Process, dict[int, int]] = {}
        self.hosts = Tally()
        self.peers = Tally()
        self.local = Tally()
        self.routes = Tally()
        """By local address, remote address and remote port: what a local port must be unique among."""
        self.sources: dict[bytes, int] = {}
        """Connections with an ephemeral local port by local address."""
        self.by_state: dict[int, dict[SocketRow, None]] = {state: {} for state in _WATCHED}
        self.timed: dict[SocketRow, None] = {}
        """Rows whose retransmission or window probe timer runs, or whose keep-alive probes are unanswered."""
        self.queued: dict[SocketRow, float] = {}
        """Rows with unacknowledged bytes → since when their number is what it is (the watcher's clock)."""
        self.unread: dict[SocketRow, float] = {}
        """Rows with bytes that their process has not read → since when their number is what it is."""
        self.tied: dict[SocketRow, None] = {}
        """Rows that are tied to an interface."""
        self.unaccepted: dict[SocketRow, None] = {}
        """Connections that no file holds: they wait in a listener's accept queue."""
        self.listening: frozenset[bytes] = frozenset()

    def enter(self, row: SocketRow) -> None:
        """Counts a row in."""
        if row.raw[40:44] != b"\0\0\0\0":
            self.tied[row] = None
        self._count(row, row.raw, 1)
        self._count_owners(row, row.raw[1], 1)

    def leave(self, row: SocketRow, raw: bytes) -> None:
        """Counts a row out, as it was with its record before."""
        self._count(row, raw, -1)
        self._count_owners(row, raw[1], -1)

    def owners_leave(self, row: SocketRow) -> None:
        """Counts a row out of its owners, before they change."""
        self._count_owners(row, row.raw[1], -1)

    def owners_enter(self, row: SocketRow) -> None:
        """Counts a row in with its new owners."""
        self._count_owners(row, row.raw[1], 1)

    def restate(self, row: SocketRow, before: bytes, now: float) -> None:
        """A row's record changed: moves it between the counts that differ."""
        raw = row.raw
        if before[1] != raw[1]:
            self.leave(row, before)
            self.enter(row)
        self.watch(row, now, before)

    def watch(self, row: SocketRow, now: float, before: bytes | None = None) -> None:
        """Keeps rows with a running retransmission timer or a filled send queue at hand."""
        raw = row.raw
        if raw[2] in _TIMERS_OF_INTEREST or (raw[3] and raw[2] == diag.TIMER_KEEPALIVE):
            self.timed[row] = None
        else:
            self.timed.pop(row, None)
        if raw[60:64] == b"\0\0\0\0":
            self.queued.pop(row, None)
        elif before is None or before[60:64] != raw[60:64]:
            self.queued[row] = now
        if raw[56:60] == b"\0\0\0\0" or raw[1] not in _READABLE:
            self.unread.pop(row, None)
        elif before is None or before[56:60] != raw[56:60]:
            self.unread[row] = now
        if raw[68:72] == b"\0\0\0\0" and raw[1] in _ACCEPTABLE:
            self.unaccepted[row] = None
        else:
            self.unaccepted.pop(row, None)

    def forget(self, row: SocketRow) -> None:
        """A row went for good."""
        self.leave(row, row.raw)
        self.tied.pop(row, None)
        self.timed.pop(row, None)
        self.queued.pop(row, None)
        self.unread.pop(row, None)
        self.unaccepted.pop(row, None)

    def listen_on(self, ports: frozenset[bytes], rows: Iterable[SocketRow]) -> None:
        """Takes the ports listened on (network order); where they changed, counts anew which side is the service."""
        if ports == self.listening:
            return
        self.listening = ports
        self.peers, self.local, self.routes = Tally(), Tally(), Tally()
        self.sources = {}
        for row in rows:
            self._count_sides(row.raw, diag.address_bytes(row.raw[0], row.raw[24:40]), 1)

    def local_port_states(self, port: bytes) -> dict[int, int]:
        """{kernel's state number: sockets} of a port that is listened on (network order), over all local addresses."""
        found: Counter[int] = Counter()
        for key, count in self.local.by_state.items():
            if key[-3:-1] == port:
                found[key[-1]] += count
        return found

    def _count(self, row: SocketRow, raw: bytes, step: int) -> None:
        state = raw[1]
        self.states[state] += step
        if (watched := self.by_state.get(state)) is not None:
            if step > 0:
                watched[row] = None
            else:
                watched.pop(row, None)
        remote = diag.address_bytes(raw[0], raw[24:40])
        self.hosts.shift(remote, state, step)
        self._count_sides(raw, remote, step)

    def _count_sides(self, raw: bytes, host: bytes, step: int) -> None:
        state = raw[1]
        local = diag.address_bytes(raw[0], raw[8:24])
        if raw[4:6] in self.listening:
            self.local.shift(local + raw[4:6], state, step)
            return
        remote = host + raw[6:8]
        self.peers.shift(remote, state, step)
        if self.ephemeral[0] <= raw[4] << 8 | raw[5] <= self.ephemeral[1]:
            self.routes.shift(local + remote, state, step)
            _shift(self.sources, local, step)

    def _count_owners(self, row: SocketRow, state: int, step: int) -> None:
        owners = row.owners
        if not owners:
            return
        for process in {owner.process for owner in owners} if len(owners) > 1 else (owners[0].process,):
            states = self.processes.get(process)
            if states is None:
                states = self.processes[process] = {}
            count = states.get(state, 0) + step
            if count > 0:
                states[state] = count
            else:
                states.pop(state, None)
                if not states:
                    del self.processes[process]


def group_by_tally(kind: str, tally: Tally, prefix: str) -> list[Group]:
    """The largest hosts (key: address) or peers (key: address and port)."""
    groups = []
    for key in tally.largest():
        address, port = (key, b"") if len(key) in (4, 16) else (key[:-2], key[-2:])
        label = str(diag.endpoint(address, port)) if port else diag.address_text(address)
        groups.append(Group(kind, prefix + label, label, tally.totals[key], tally.states(key)))
    return groups
