"""One socket as every part above sees it. Rows are kept from look to look and change in place; a Snapshot lists them.

A row holds the kernel's 72 bytes and decodes a field when it is asked for: most fields of most sockets never are.
"""

from __future__ import annotations

from dataclasses import dataclass

from capture.model import Endpoint, TcpState
from capture.sockets import inet_diag_msg as diag


class Process:
    """A process as far as this program may see it; kept and renewed while it lives.

    `open_files` None: not permitted to count. `soft_limit`, `hard_limit`: RLIMIT_NOFILE, None for unlimited or unknown.
    `readable`: whether its descriptors may be listed; False hides which sockets are its own. `name` is the kernel's
    comm: whatever the process chose, so hostile text.
    """

    __slots__ = ("hard_limit", "limits_due", "name", "open_files", "pid", "readable", "sockets", "soft_limit")

    def __init__(self, pid: int, name: str) -> None:
        self.pid = pid
        self.name = name
        self.open_files: int | None = None
        self.soft_limit: int | None = None
        self.hard_limit: int | None = None
        self.limits_due = float("-inf")
        self.readable = True
        self.sockets: dict[int, int] = {}
        """Descriptor → inode, of the sockets among its descriptors (of every kind, not only TCP)."""

    def __repr__(self) -> str:
        return f"Process({self.pid}, {self.name!r})"


class Owner:
    """One descriptor of one process that holds a socket. `fd` -1 where the source does not say."""

    __slots__ = ("fd", "process")

    def __init__(self, process: Process, fd: int) -> None:
        self.process = process
        self.fd = fd

    @property
    def pid(self) -> int:
        """The process's id in the program's own pid namespace."""
        return self.process.pid

    @property
    def name(self) -> str:
        """The kernel's comm: at most 15 bytes, hostile text."""
        return self.process.name

    def __repr__(self) -> str:
        return f"Owner({self.pid}, {self.name!r}, fd={self.fd})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Owner) and self.process is other.process and self.fd == other.fd

    def __hash__(self) -> int:
        return hash((self.process.pid, self.fd))


class Moment:
    """The time of the last look, shared by all rows so that ages need no update. Seconds on the watcher's clock."""

    __slots__ = ("now",)

    def __init__(self, now: float) -> None:
        self.now = now


FIRST_TIMEOUT_S = 1.0
"""TCP_TIMEOUT_INIT: RFC 6298's first retransmission time-out of a SYN or SYN-ACK."""
ANSWERED_S = 1.25
"""That, and what a busy machine may be late by."""
TIME_WAIT_S = 60.0
"""TCP_TIMEWAIT_LEN, a constant of the kernel (net/tcp.h)."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace: its inode (None where hidden) and whose it is: a container, an `ip netns`, a process."""

    inode: int | None
    name: str

    def __str__(self) -> str:
        return f"{self.inode} {self.name}".strip() if self.inode is not None else self.name


NO_OWNERS: tuple[Owner, ...] = ()


class SocketRow:
    """One TCP socket: what `ss -tanpeio` would print of it, and since when it is in its state.

    `age_s` is a minimum where `age_is_minimum`. Queues are bytes; for LISTEN the accept queue's length and maximum, as
    ss shows them. `owner_missing` says why nobody owns it.
    """

    __slots__ = (
        "age_is_minimum",
        "drops",
        "hidden",
        "moment",
        "netns",
        "owners",
        "raw",
        "read_at",
        "rtt_us",
        "scope",
        "since",
        "total_retransmits",
        "v6_only",
    )

    def __init__(self, raw: bytes, moment: Moment, netns: Namespace | None) -> None:
        self.raw = raw
        self.moment = moment
        self.netns = netns
        self.since = moment.now
        self.read_at = moment.now
        self.age_is_minimum = False
        self.owners: tuple[Owner, ...] = NO_OWNERS
        self.hidden: str | None = None
        self.rtt_us: int | None = None
        self.total_retransmits: int | None = None
        self.drops: int | None = None
        self.v6_only: bool | None = None
        self.scope: str | None = None

    @property
    def local(self) -> Endpoint:
        """This machine's end."""
        return diag.local_of(self.raw)

    @property
    def remote(self) -> Endpoint:
        """The peer's end; the wildcard address and port 0 for LISTEN."""
        return diag.remote_of(self.raw)

    @property
    def interface(self) -> int:
        """The index of the interface that the socket is tied to: the scope of a link-local address, or
        SO_BINDTODEVICE; 0 where it is tied to none. Indexes are each namespace's own."""
        return diag.number_at(self.raw, 40)

    @property
    def state(self) -> TcpState:
        """The state, in ss's spelling."""
        return diag.state_of(self.raw[1])

    @property
    def age_s(self) -> float:
        """Seconds in this state at the time of the last look."""
        return max(0.0, self.moment.now - self.since)

    @property
    def recv_q(self) -> int:
        """Bytes not yet read; of LISTEN connections not yet accepted."""
        return diag.number_at(self.raw, 56)

    @property
    def send_q(self) -> int:
        """Bytes not yet acknowledged; of LISTEN the accept queue's maximum."""
        number = diag.number_at(self.raw, 60)
        return 0 if number == diag.NO_MAXIMUM else number

    @property
    def uid(self) -> int:
        """The user that made the socket (0 where the kernel keeps none)."""
        return diag.number_at(self.raw, 64)

    @property
    def inode(self) -> int:
        """The inode of the socket; 0 where no file holds it: not yet accepted, closed by its process, TIME-WAIT."""
        return diag.number_at(self.raw, 68)

    @property
    def timer(self) -> str | None:
        """ss's name of the running timer: on, keepalive, timewait, persist; None where none runs."""
        number = self.raw[2]
        return diag.TIMERS[number] if number < len(diag.TIMERS) else "unknown"

    @property
    def timer_s(self) -> float | None:
        """Seconds until the timer fires; None where none runs, or where the last look passed over this socket
        because nothing else of it changed."""
        if self.raw[1] == diag.TIME_WAIT:
            return max(0.0, TIME_WAIT_S - self.age_s)
        if not self.raw[2] or self.read_at != self.moment.now:
            return None
        return diag.number_at(self.raw, 52) / 1000

    @property
    def rtt_ms(self) -> float | None:
        """The kernel's smoothed round trip; None where unknown."""
        return None if not self.rtt_us else self.rtt_us / 1000

    @property
    def unanswered(self) -> int:
        """Retransmissions or probes unanswered right now."""
        return self.raw[3]

    @property
    def answered(self) -> bool:
        """Of SYN-RECV: the client's ACK has come, and the listener waits for its first data (TCP_DEFER_ACCEPT) or for
        room in its queue. The kernel does not say so; but the timer has run out, and no SYN-ACK was sent again: one
        that cannot be sent takes the request with it (reqsk_timer_handler). False also where nothing tells yet."""
        raw = self.raw
        if raw[3] or raw[1] not in (diag.SYN_RECV, diag.NEW_SYN_RECV):
            return False
        return self.age_s > ANSWERED_S or diag.number_at(raw, 52) > 1000 * FIRST_TIMEOUT_S

    @property
    def retransmits(self) -> int:
        """Segments this connection sent again, all its life where the kernel counts them, else those unanswered now."""
        return max(self.raw[3], self.total_retransmits or 0)

    @property
    def cookie(self) -> str:
        """The kernel's own name of the socket, never used twice: hexadecimal, as after ss's `sk:`."""
        return diag.cookie_text(self.raw[44:52])

    @property
    def backlog(self) -> int | None:
        """Of a listener: connections waiting to be accepted."""
        return self.recv_q if self.raw[1] == diag.LISTEN else None

    @property
    def backlog_max(self) -> int | None:
        """Of a listener: the accept queue's maximum; None where the source does not tell (/proc)."""
        if self.raw[1] != diag.LISTEN:
            return None
        number = diag.number_at(self.raw, 60)
        return None if number == diag.NO_MAXIMUM else number

    @property
    def owner_missing(self) -> str | None:
        """Why no process owns it, None where one does: see MISSING."""
        if self.owners:
            return None
        return self.hidden or why_no_owner(self.raw) or UNKNOWN_OWNER

    def __repr__(self) -> str:
        return f"SocketRow({self.state.value} {self.local} {self.remote} {self.cookie})"


IN_TIME_WAIT = "time-wait"
NOT_ACCEPTED = "not yet accepted"
ORPHAN = "orphan"
OTHER_NAMESPACE = "other namespace"
NO_PERMISSION = "no permission"
UNKNOWN_OWNER = "not found"
MISSING = (IN_TIME_WAIT, NOT_ACCEPTED, ORPHAN, OTHER_NAMESPACE, NO_PERMISSION, UNKNOWN_OWNER)
"""Why a socket has no owner. time-wait: only the kernel keeps it. not yet accepted: it waits in a listener's queue.
orphan: its process closed it or ended, the kernel finishes. other namespace: held by a process outside what this
program may see. no permission: held, but descriptors of other users' processes may not be read. not found: in
flight, or the kernel's own."""

_ORPHAN_STATES = frozenset((diag.FIN_WAIT_1, diag.FIN_WAIT_2, diag.LAST_ACK, diag.CLOSING, diag.SYN_SENT, diag.CLOSE))


def why_no_owner(raw: bytes) -> str | None:
    """The reason that lies in the socket itself; None where a process must hold it."""
    state = raw[1]
    if state == diag.TIME_WAIT:
        return IN_TIME_WAIT
    if state in (diag.SYN_RECV, diag.NEW_SYN_RECV):
        return NOT_ACCEPTED
    if raw[68:72] != b"\0\0\0\0":
        return None
    return ORPHAN if state in _ORPHAN_STATES else NOT_ACCEPTED
