"""What is in a recording's lines (see recording.py)."""

from __future__ import annotations

import msgspec

from capture.sockets.sources.settings import KernelSettings
from capture.sockets.sources.tcpinfo import TcpInfo

SCHEMA, FIRST_SCHEMA, END_SCHEMA = "tcptriage.looks/2", "tcptriage.looks/1", "tcptriage.looks/end"


class RecordedRow(msgspec.Struct, array_like=True):
    """A row that is new or changed. `namespace` is an index into the look's namespaces; `owners` are (pid, descriptor).
    `since` is on the clock of the look's `moment`."""

    raw: bytes
    namespace: int
    since: float
    age_is_minimum: bool
    rtt_us: int | None
    total_retransmits: int | None
    drops: int | None
    owners: list[tuple[int, int]]
    hidden: str | None
    info: TcpInfo | None = None


class RecordedProcess(msgspec.Struct, array_like=True):
    """A process that is new or changed."""

    pid: int
    name: str
    open_files: int | None
    soft_limit: int | None
    hard_limit: int | None
    readable: bool


class RecordedNamespace(msgspec.Struct, array_like=True):
    """A namespace: inode and name, None for the program's own; settings and records of bound sockets (None: as before),
    counters that moved; what a tap on resets took (seconds, missed, [count and fields of each])."""

    netns: tuple[int | None, str] | None
    settings: KernelSettings | None
    counters: dict[str, int]
    bound: list[bytes] | None = None
    resets: tuple[float, int, list[tuple[int, bool, bytes, bytes, bytes, bytes, str]]] | None = None


class RecordedUnix(msgspec.Struct, array_like=True):
    """A listening unix socket. `since`: the earliest time of one that waits, on the clock of the look's `moment`."""

    namespace: int
    cookie: str
    inode: int
    path: str
    waiting: int
    most: int
    owners: list[tuple[int, int]]
    hidden: str | None
    since: float | None


class RecordedLook(msgspec.Struct):
    """One line of a recording."""

    schema: str
    time: float
    moment: float
    host: str
    source: str
    limits: tuple[str, ...]
    hidden_owners: int
    namespaces: list[RecordedNamespace] = msgspec.field(name="places")
    rows: list[RecordedRow]
    gone: list[tuple[int, bytes]]
    processes: list[RecordedProcess]
    ended: list[int]
    unix: list[RecordedUnix] | None = None
    """All unix listeners where one of them changed; None: as before."""


class RecordedEnd(msgspec.Struct):
    """The end mark."""

    schema: str
    looks: int


class RecordedHead(msgspec.Struct):
    """What tells a line of a look from an end mark: only its schema."""

    schema: str = ""


LOOKS = msgspec.json.Decoder(RecordedLook)  # made under the import lock: threads may replay recordings at once


HEAD = msgspec.json.Decoder(RecordedHead)
