"""Looks that are made here, for the tables of findings: written as a recording, and looked at as one replays.

`many(12, "CLOSE-WAIT", age=5)` is twelve rows that differ in the peer's port; `look(0, …)`, `look(4, …)` are two looks,
4 s apart, each with all the rows that there are.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from capture.model import Finding
from capture.sockets import inet_diag_msg as diag
from capture.sockets.findings.thresholds import Thresholds
from capture.sockets.recordings.recording_format import (
    SCHEMA,
    RecordedLook,
    RecordedNamespace,
    RecordedProcess,
    RecordedRow,
    RecordedUnix,
)
from capture.sockets.recordings.replay import Replay
from capture.sockets.sources.settings import KernelSettings
from capture.sockets.sources.tcpinfo import TcpInfo

START = 1_700_000_000.0
"""Of the first look, epoch seconds; on the clock of ages it is at 1,000 s."""
STATES = {
    "ESTAB": 1, "SYN-SENT": 2, "SYN-RECV": 3, "FIN-WAIT-1": 4, "FIN-WAIT-2": 5, "TIME-WAIT": 6, "CLOSE": 7,
    "CLOSE-WAIT": 8, "LAST-ACK": 9, "LISTEN": 10, "CLOSING": 11, "NEW-SYN-RECV": 12,
}  # fmt: skip
TIMERS = {"": 0, "on": 1, "keepalive": 2, "timewait": 3, "persist": 4}
INFO = TcpInfo(0, 0, 204_000, 1448, 0, 0, 0, 0, 300, 0, 0, 0, 0, 65_535)
Row = tuple[bytes, dict[str, Any]]


def info(**more: Any) -> TcpInfo:
    """tcp_info of a connection with an open window that spoke just now; times are ms."""
    return INFO._replace(**more)


def row(state: str = "ESTAB", number: int = 0, **of: Any) -> Row:
    """One socket, held by process 812 as descriptor 7 but for `owners`; without `age` it is 30 s in its state."""
    local, port = of.get("local", "10.0.0.1"), of.get("port", 8080)
    remote, peer = of.get("remote", "10.0.0.7"), of.get("peer", 40_000 + number)
    if state == "LISTEN":
        remote, peer = "0.0.0.0", 0
    raw = diag.RECORD.pack(
        socket.AF_INET6 if ":" in local else socket.AF_INET, STATES[state], TIMERS[of.get("timer", "")],
        of.get("again", _sent_again(state, of)), port.to_bytes(2, "big"), peer.to_bytes(2, "big"),
        _address(local), _address(remote), 0,
        diag.NUMBER.pack(of.get("cookie", number + 1)) + bytes(4), 0, of.get("recv", 0), of.get("send", 0),
        of.get("uid", 1000), of.get("inode", 5000 + number),
    )  # fmt: skip
    return raw, of


def _sent_again(state: str, of: dict[str, Any]) -> int:
    """A SYN-ACK without an answer goes out again after a second."""
    return int(state in ("SYN-RECV", "NEW-SYN-RECV") and of.get("age", 30.0) > 1.0)


def many(count: int, state: str = "ESTAB", first: int = 0, **of: Any) -> list[Row]:
    """Alike but for the peer's port and what is given as a function of the number."""
    return [
        row(state, number, **{name: value(number) if callable(value) else value for name, value in of.items()})
        for number in range(first, first + count)
    ]


def listener(port: int = 8080, waiting: int = 0, most: int = 128, **of: Any) -> Row:
    """A listener on all addresses but for `local`; its cookie is of its port."""
    values = {"local": "0.0.0.0", "cookie": 900_000 + port, "inode": 90_000 + port, "drops": 0}
    return row("LISTEN", port=port, recv=waiting, send=most, **(values | of))


def process(pid: int = 812, name: str = "java", used: int | None = 40, soft: int | None = 1024, **of: Any) -> Any:
    """A process that may open 4,096 descriptors if it asks."""
    return RecordedProcess(pid, name, used, soft, of.get("hard", 4096), of.get("readable", True))


def unix(waiting: int, most: int = 128, **of: Any) -> RecordedUnix:
    """A unix listener; `since`: for how long the first in its queue has waited."""
    since = 1000.0 - of["since"] if "since" in of else None
    owners = of.get("owners", [(812, 9)])
    return RecordedUnix(of.get("place", 0), "77", 7700, of.get("path", "/run/app"), waiting, most, owners, None, since)


def place(netns: tuple[int | None, str] | None = None, **of: Any) -> RecordedNamespace:
    """A network namespace: `settings`, `counters`, `bound` records, tapped `resets`."""
    bound = [raw for raw, _ in of.get("bound", ())]
    return RecordedNamespace(netns, KernelSettings(**of.get("settings", {})), of.get("counters", {}), bound,
                         of.get("resets"))  # fmt: skip


def look(at: float, *rows: Row, **of: Any) -> RecordedLook:
    """A look `at` seconds after the first: `processes`, `unix`, and `places` or what is of the only one."""
    places = of.get("places") or [place(**{n: of[n] for n in ("settings", "counters", "bound", "resets") if n in of})]
    return RecordedLook(
        SCHEMA, START + at, 1000.0 + at, "web1", "sock_diag", (), 0, places,
        [_recorded(raw, more, 1000.0 + at) for raw, more in rows], of.get("gone", []),
        of.get("processes", [process()]), [], of.get("unix"),
    )  # fmt: skip


def found(path: Path, looks: Iterable[RecordedLook], thresholds: Thresholds | None = None) -> tuple[Finding, ...]:
    """The findings of the last look."""
    path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in looks))
    return list(Replay(path, thresholds, unfinished=True))[-1].findings


def _recorded(raw: bytes, of: dict[str, Any], now: float) -> RecordedRow:
    number = diag.number_at(raw, 68)
    owners = of.get("owners", [(812, 7)] if number else [])
    return RecordedRow(
        raw, of.get("place", 0), now - of.get("age", 30.0), of.get("least", False), None, None, of.get("drops"),
        owners, of.get("hidden"), of.get("info"),
    )  # fmt: skip


def _address(text: str) -> bytes:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return socket.inet_pton(family, text).ljust(16, b"\0")


Looks = list[RecordedLook]
LISTENS = listener(owners=[(812, 5)])
OTHERS = [process(), process(900, "web"), process(901, "web", readable=False)]
OUT = {"remote": "10.0.0.9", "peer": 5432, "port": lambda n: 41_000 + n}  # a client's: to one service of another host
NO_HOLDER = {"inode": 0, "owners": []}
HIDDEN = {"owners": [], "hidden": "no permission"}
HOSTS: dict[str, Any] = {"remote": lambda n: f"10.0.{n // 250}.{1 + n % 250}"}
INSIDE = (4026532001, "docker shop")


def one(*rows: Row, **of: Any) -> Looks:
    """A single look."""
    return [look(0, *rows, **of)]


def later(seconds: float, *rows: Row, before: list[Row] | None = None, **of: Any) -> Looks:
    """Two looks; `counters` move from nothing to what is given."""
    counters = of.pop("counters", {})
    first = dict.fromkeys(counters, 0) | {"InSegs": 1}
    kept = {name: of[name] for name in ("settings", "bound", "processes") if name in of}
    return [look(0, *(before if before is not None else rows), counters=first, **kept),
            look(seconds, *rows, counters=counters | {"InSegs": 2}, **of)]  # fmt: skip
