"""The facts of sockets and of the processes that hold them."""

from __future__ import annotations

import msgspec

from capture.model import Endpoint


class Holder(msgspec.Struct, frozen=True):
    """A process that holds a socket. `name` is the kernel's comm: hostile text."""

    pid: int
    name: str
    fd: int = -1


class Socket(msgspec.Struct, frozen=True):
    """One TCP socket, as in capture.sockets. `stayed`: seen in the same state in both looks.

    `closed_window_s`: seconds since a byte went out into a closed window; None where the window is open or unknown.
    `new_drops`: of a listener, between the two looks. `backlog_max`: of a listener, None where the source does not tell
    (`send_q` is 0 then); `v6_only`: whether an IPv6 listener turns IPv4 away, None where that is not known. `netns`:
    the network namespace that holds it, None for the program's own.
    """

    state: str
    local: Endpoint
    remote: Endpoint
    age_s: float
    age_is_minimum: bool
    recv_q: int
    send_q: int
    owners: tuple[Holder, ...]
    cookie: str
    owner_missing: str | None = None
    uid: int = 0
    inode: int = 0
    timer: str | None = None
    retransmits: int = 0
    unanswered: int = 0
    answered: bool = False
    """Of SYN-RECV: the client did its part, the listener waits for data or for room (SocketRow.answered)."""
    drops: int | None = None
    new_drops: int = 0
    stayed: bool = True
    closed_window_s: float | None = None
    awaiting_s: float | None = None
    """Seconds since this side sent data with none back since; None where it waits for nothing, or that is unknown."""
    backlog_max: int | None = None
    v6_only: bool | None = None
    netns: str | None = None


class UnixListener(msgspec.Struct, frozen=True):
    """A listening unix socket: connections waiting to be accepted, and the most that may. `path` is hostile text, `@`
    before abstract names. `waited_s`: for how long the first of them was seen to wait. `owner_missing` as of a
    Socket."""

    path: str
    waiting: int
    most: int
    owners: tuple[Holder, ...]
    waited_s: float = 0.0
    owner_missing: str | None = None
    netns: str | None = None


class Elsewhere(msgspec.Struct, frozen=True):
    """A network namespace that was not looked into; `sockets` None where they could not even be counted."""

    name: str
    sockets: int | None


class Bound(msgspec.Struct, frozen=True):
    """A socket that bind() gave a port, and nothing more: the port is taken all the same."""

    local: Endpoint
    inode: int


class Sockets(msgspec.Struct, frozen=True):
    """Two looks at the live connections, `elapsed_s` apart; `rows` are those of the second. `counters` moved between
    them, `totals` count since the network namespace began.

    `netns` names the network namespace that was looked at, None for the program's own; `elsewhere` are those that hold
    sockets and were not. `unix` None: unix listeners could not be looked at. `hidden_owners` sockets are held by
    processes out of sight: `hidden_why` says why.
    """

    elapsed_s: float
    source: str
    hidden_owners: int
    limits: tuple[str, ...]
    rows: tuple[Socket, ...]
    counters: dict[str, int]
    totals: dict[str, int]
    ephemeral_ports: int = 28232
    port_range: tuple[int, int] = (32768, 60999)
    netns: str | None = None
    elsewhere: tuple[Elsewhere, ...] = ()
    unix: tuple[UnixListener, ...] | None = None
    hidden_why: str = ""
    bound: tuple[Bound, ...] | None = None
    """Sockets that are bound to a port, and neither listen nor connect; None where that is unknown (Linux before 6.8,
    /proc)."""
    others: tuple[Sockets, ...] = ()
    """Those of the other network namespaces, where this is the machine's own one and they may be entered; none of
    theirs is among `rows`."""


class Granted(msgspec.Struct, frozen=True):
    """RLIMIT_NOFILE that a process's unit, or the log-ins of its user (`account`), get today; None where nothing tells.
    `by`: what says so (file:line, a unit), empty where it is only seen in other processes."""

    soft: int | None
    hard: int | None
    account: str
    by: str = ""


class Process(msgspec.Struct, frozen=True):
    """A process and its descriptors. None: may not be read. `kinds` counts descriptors by what they are (socket, file,
    pipe, …); `lost_sockets`: sockets that no protocol lists (lsof's "can't identify protocol")."""

    pid: int
    name: str
    uid: int
    parent: int | None = None
    unit: str = ""
    command: str = ""
    open_files: int | None = None
    soft_limit: int | None = None
    hard_limit: int | None = None
    kinds: dict[str, int] = {}
    lost_sockets: int | None = None
    children: int = 0
    granted: Granted | None = None
    """Of those nearest to their limits."""
    identity: tuple[str, ...] = ()
    """Words for its language and server ("python", "gunicorn"); empty where nothing tells."""
    container: str = ""
    threads: int | None = None
    started: float | None = None
    """Epoch seconds."""


class Processes(msgspec.Struct, frozen=True):
    """All processes that may be seen; `hidden` of them did not tell how many descriptors they have."""

    rows: tuple[Process, ...]
    hidden: int
    own_pid: int = 0
    unseen: str = ""
    """Why processes of this machine may not even show (a pid namespace, hidepid); empty where all do."""
    contained: bool = False
    """Why is a pid namespace: those of a container all show, those around it do not."""
    may_raise: bool = True
    """Whether who runs this may raise a hard limit (CAP_SYS_RESOURCE): in a container often not even root."""
