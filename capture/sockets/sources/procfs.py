"""/proc/net/tcp and tcp6: the fallback where sock_diag is refused, and other namespaces for those without privileges.

No cookies there: a socket is named by its addresses (a listener by its inode too), for as long as it shows. No accept
queue's maximum, no drops, no tcp_info. Addresses are words in host order, timers in clock ticks of 1/100 s.
"""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from capture.sockets.inet_diag_msg import LISTEN, NO_MAXIMUM, RECORD, SYN_RECV, packed
from capture.sockets.row import Namespace
from capture.sockets.sources import counters, settings
from capture.sockets.sources.dump_diff import Chunk
from capture.sockets.sources.socket_errors import SourceUnavailable
from capture.sockets.sources.tcpinfo import TcpInfo

_TICK_MS = 1000 // os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 10


class ProcfsSource:
    """One namespace as /proc shows it. `root` is a folder like /proc/self/net or /proc/PID/net."""

    name = "procfs"

    def __init__(self, root: str = "/proc/thread-self/net", netns: Namespace | None = None) -> None:
        self.netns = netns
        self._root = root
        self._others: bytes | None = None
        self._read("tcp")

    def connections(self) -> Iterable[Chunk]:
        """See Source."""
        return self.detailed()

    def detailed(self) -> Iterable[bytes]:
        """See Source: there are no details. What the reading for `listeners` brought, if one has just been."""
        others, self._others = self._others, None
        return [self._read_all()[1] if others is None else others]

    def listeners(self) -> Iterable[bytes]:
        """See Source."""
        listening, self._others = self._read_all()
        return [listening]

    def _read_all(self) -> tuple[bytes, bytes]:
        """(listeners, other sockets)."""
        listening: list[bytes] = []
        others: list[bytes] = []
        for family, name in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
            for raw in parse_table(self._read(name), family):
                (listening if raw[1] == LISTEN else others).append(packed(raw))
        return b"".join(listening), b"".join(others)

    def exact(self, raw: bytes) -> TcpInfo | None:
        """See Source: /proc has none."""
        return None

    def counters(self) -> dict[str, int]:
        """See Source."""
        return counters.read_counters(self._root)

    def settings(self) -> settings.KernelSettings:
        """See Source. Those of this program's namespace: /proc/sys shows no other."""
        return settings.read_settings()

    def limits(self) -> list[str]:
        """See Source."""
        return ["procfs_source"]

    def close(self) -> None:
        """See Source."""

    def _read(self, name: str) -> str:
        try:
            return Path(self._root, name).read_text()
        except FileNotFoundError as error:
            if name == "tcp6":  # a kernel without IPv6
                return ""
            raise SourceUnavailable(f"{self._root}/{name}: {error.strerror}") from error
        except OSError as error:
            raise SourceUnavailable(f"{self._root}/{name}: {error.strerror}") from error


def parse_table(text: str, family: int) -> Iterator[bytes]:
    """The 72-byte records of a /proc/net/tcp or tcp6; lines that are damaged or cut are left out."""
    for line in text.splitlines()[1:]:
        try:
            yield _record(line.split(), family)
        except (ValueError, IndexError, struct.error):
            continue


def _record(fields: list[str], family: int) -> bytes:
    local, local_port = _endpoint(fields[1])
    remote, remote_port = _endpoint(fields[2])
    state = int(fields[3], 16)
    sent, received = (int(part, 16) for part in fields[4].split(":"))
    timer, expires = (int(part, 16) for part in fields[5].split(":"))
    inode = int(fields[9])
    if state == LISTEN:
        sent = NO_MAXIMUM
    if state == SYN_RECV:
        inode = 0
    return RECORD.pack(
        family,
        state,
        timer,
        min(int(fields[6], 16), 255),
        local_port,
        remote_port,
        local.ljust(16, b"\0"),
        remote.ljust(16, b"\0"),
        0,
        name_of(local + local_port + remote + remote_port, inode if state == LISTEN else 0),
        min(expires * _TICK_MS, 0xFFFFFFFF),
        received & 0xFFFFFFFF,
        sent & 0xFFFFFFFF,
        int(fields[7]),
        inode,
    )


def name_of(ends: bytes, inode: int) -> bytes:
    """Eight bytes that stand for a cookie where the source has none: the same for the same addresses."""
    return hashlib.blake2b(ends + inode.to_bytes(8, "little"), digest_size=8).digest()


def _endpoint(text: str) -> tuple[bytes, bytes]:
    address, _, port = text.partition(":")
    words = bytes.fromhex(address)
    if sys.byteorder == "little":
        words = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
    return words, int(port, 16).to_bytes(2, "big")
