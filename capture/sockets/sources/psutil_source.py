"""psutil: sockets where there is neither sock_diag nor /proc/net (macOS, BSD). Nothing else of capture imports it."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

import psutil

from capture.sockets.inet_diag_msg import LISTEN, NO_MAXIMUM, RECORD, SYN_RECV, TIME_WAIT, packed
from capture.sockets.row import UNKNOWN_OWNER, Namespace, Owner, Process
from capture.sockets.sources.dump_diff import Chunk
from capture.sockets.sources.procfs import name_of
from capture.sockets.sources.settings import KernelSettings
from capture.sockets.sources.socket_errors import SourceUnavailable
from capture.sockets.sources.tcpinfo import TcpInfo

_STATES = {
    psutil.CONN_ESTABLISHED: 1,
    psutil.CONN_SYN_SENT: 2,
    psutil.CONN_SYN_RECV: 3,
    psutil.CONN_FIN_WAIT1: 4,
    psutil.CONN_FIN_WAIT2: 5,
    psutil.CONN_TIME_WAIT: 6,
    psutil.CONN_CLOSE: 7,
    psutil.CONN_CLOSE_WAIT: 8,
    psutil.CONN_LAST_ACK: 9,
    psutil.CONN_LISTEN: 10,
    psutil.CONN_CLOSING: 11,
}


class PsutilSource:
    """This machine's sockets by psutil: addresses, states and owners, nothing else.

    `owners` are those of the last reading, by the name of the socket (eight bytes in its cookie's place).
    """

    name = "psutil"

    def __init__(self) -> None:
        self.netns: Namespace | None = None
        self.owners: dict[bytes, tuple[Owner, ...]] = {}
        self.hidden: dict[bytes, str] = {}
        self._processes: dict[int, Process] = {}
        self._others: bytes | None = None

    def connections(self) -> Iterable[Chunk]:
        """See Source."""
        return self.detailed()

    def _read_all(self) -> tuple[bytes, bytes]:
        """(listeners, other sockets); renews `owners` and `hidden`."""
        try:
            found = psutil.net_connections(kind="tcp")
        except (psutil.Error, OSError, RuntimeError) as error:
            raise SourceUnavailable(f"psutil: {error}") from error
        self._processes = {pid: process for pid, process in self._processes.items() if psutil.pid_exists(pid)}
        owners: dict[bytes, list[Owner]] = {}
        records: dict[bytes, bytes] = {}
        for connection in found:
            raw = _record(connection)
            if raw is None:
                continue
            records[raw[44:52]] = raw
            if connection.pid:
                owners.setdefault(raw[44:52], []).append(Owner(self._process(connection.pid), connection.fd))
        self.owners = {name: tuple(held) for name, held in owners.items()}
        states = (TIME_WAIT, SYN_RECV)
        self.hidden = {
            name: UNKNOWN_OWNER for name, raw in records.items() if name not in owners and raw[1] not in states
        }
        listening = b"".join(packed(raw) for raw in records.values() if raw[1] == LISTEN)
        return listening, b"".join(packed(raw) for raw in records.values() if raw[1] != LISTEN)

    def detailed(self) -> Iterable[bytes]:
        """See Source: there are no details. What the reading for `listeners` brought, if one has just been."""
        others, self._others = self._others, None
        return [self._read_all()[1] if others is None else others]

    def listeners(self) -> Iterable[bytes]:
        """See Source."""
        listening, self._others = self._read_all()
        return [listening]

    def exact(self, raw: bytes) -> TcpInfo | None:
        """See Source: psutil has none."""
        return None

    def counters(self) -> dict[str, int]:
        """See Source: psutil has none."""
        return {}

    def settings(self) -> KernelSettings:
        """See Source: the defaults of Linux, for want of others."""
        return KernelSettings()

    def limits(self) -> list[str]:
        """See Source."""
        return ["psutil_source"]

    def close(self) -> None:
        """See Source."""

    def _process(self, pid: int) -> Process:
        process = self._processes.get(pid)
        if process is None:
            try:
                name = psutil.Process(pid).name()
            except (psutil.Error, OSError):
                name = ""
            process = self._processes[pid] = Process(pid, name)
        return process


def _record(connection: Any) -> bytes | None:
    state = _STATES.get(connection.status)
    if state is None or not connection.laddr:
        return None
    family = socket.AF_INET6 if connection.family == socket.AF_INET6 else socket.AF_INET
    local, local_port = _end(family, connection.laddr)
    remote, remote_port = _end(family, connection.raddr)
    name = name_of(local + local_port + remote + remote_port, 0)
    wide = (local.ljust(16, b"\0"), remote.ljust(16, b"\0"))
    most = NO_MAXIMUM if state == LISTEN else 0
    return RECORD.pack(int(family), state, 0, 0, local_port, remote_port, *wide, 0, name, 0, 0, most, 0, 0)


def _end(family: int, address: Any) -> tuple[bytes, bytes]:
    if not address:
        return bytes(4 if family == socket.AF_INET else 16), b"\0\0"
    text = str(address[0]).partition("%")[0]
    return socket.inet_pton(family, text), int(address[1]).to_bytes(2, "big")
