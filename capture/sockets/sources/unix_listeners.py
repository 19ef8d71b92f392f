"""Unix sockets that listen, with their accept queues: what is between nginx and php-fpm, and is in no TCP table.

`struct unix_diag_msg` (linux/unix_diag.h), 16 bytes: family, type, state, pad, inode (4), cookie (8); attributes: the
name (0; a leading zero byte marks the abstract kind), the inodes of those who wait, in order (3), and the queue
(4: how many wait, maximum). The kernel refuses a
connection, or lets it wait, once more wait than the maximum (unix_recvq_full_lockless); it counts no drops.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from capture.sockets.inet_diag_msg import HEADER_SIZE, cookie_text, number_at
from capture.sockets.row import NO_OWNERS, UNKNOWN_OWNER, Namespace, Owner

_MESSAGE = struct.Struct("=BBBBI8s")
_ATTRIBUTE = struct.Struct("=HH")
_QUEUE = struct.Struct("=II")
UNIX_DIAG_NAME, UNIX_DIAG_ICONS, UNIX_DIAG_RQLEN = 0, 3, 4


class UnixListener:
    """One listening unix socket. `path` as ss prints it, `@` before abstract names: hostile text. Kept from look to
    look; `waiting` and `most` change. `since`: when each that waits was first seen to, by its inode."""

    __slots__ = ("cookie", "hidden", "inode", "most", "netns", "owners", "path", "since", "waiting")

    def __init__(self, cookie: bytes, inode: int, path: str, netns: Namespace | None) -> None:
        self.cookie = cookie_text(cookie)
        self.inode = inode
        self.path = path
        self.netns = netns
        self.waiting = 0
        self.most = 0
        self.owners: tuple[Owner, ...] = NO_OWNERS
        self.hidden: str | None = None
        self.since: dict[int, float] = {}

    def waited(self, now: float) -> float:
        """For how long the first in the queue has been seen to wait, seconds; 0 where nobody does."""
        return now - min(self.since.values(), default=now)

    @property
    def owner_missing(self) -> str | None:
        """Why no process owns it, as of a SocketRow; None where one does."""
        return None if self.owners else self.hidden or UNKNOWN_OWNER

    def __repr__(self) -> str:
        return f"UnixListener({self.path!r}, {self.waiting}/{self.most})"


class UnixTable:
    """The unix listeners of one namespace by cookie. `seen`: whether the kernel ever reported
    them; `unavailable`: why it did not."""

    def __init__(self, netns: Namespace | None) -> None:
        self.netns = netns
        self.rows: dict[bytes, UnixListener] = {}
        self.unavailable: str | None = None
        self.seen = False
        self._last = b""

    def update(self, messages: bytes, now: float) -> tuple[list[UnixListener], list[UnixListener]]:
        """Takes a dump as the truth of now; returns what is new and what has gone."""
        self.unavailable, self.seen = None, True
        if messages == self._last:
            return [], []
        self._last = messages
        new: list[UnixListener] = []
        seen: dict[bytes, UnixListener] = {}
        for inode, cookie, path, waiting, most, queue in parse(messages):
            row = self.rows.get(cookie)
            if row is None:
                row = UnixListener(cookie, inode, path, self.netns)
                new.append(row)
            row.waiting, row.most = waiting, most
            row.since = {one: row.since.get(one, now) for one in queue}
            seen[cookie] = row
        gone = [row for cookie, row in self.rows.items() if cookie not in seen]
        self.rows = seen
        return new, gone


def parse(messages: bytes) -> Iterator[tuple[int, bytes, str, int, int, tuple[int, ...]]]:
    """(inode, cookie, path, waiting, maximum, inodes of those who wait) of each message; what is cut, or tells no
    queue, is left out."""
    at, size, least = 0, len(messages), HEADER_SIZE + _MESSAGE.size
    while at + least <= size:
        end = at + number_at(messages, at)
        if end - at < least or end > size:
            return
        _, _, _, _, inode, cookie = _MESSAGE.unpack_from(messages, at + HEADER_SIZE)
        path, queue = "", None
        waiting: tuple[int, ...] = ()
        for kind, payload in _attributes(messages, at + least, end):
            if kind == UNIX_DIAG_NAME:
                path = _text(payload)
            elif kind == UNIX_DIAG_ICONS:
                waiting = struct.unpack(f"={len(payload) // 4}I", payload[: len(payload) & ~3])
            elif kind == UNIX_DIAG_RQLEN and len(payload) >= _QUEUE.size:
                queue = _QUEUE.unpack_from(payload)
        if queue is not None:
            yield inode, cookie, path, *queue, waiting
        at = (end + 3) & ~3


def _attributes(messages: bytes, at: int, end: int) -> Iterator[tuple[int, bytes]]:
    while at + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(messages, at)
        if length < 4 or at + length > end:
            return
        yield kind, messages[at + 4 : at + length]
        at += (length + 3) & ~3


def _text(name: bytes) -> str:
    if name.startswith(b"\0"):
        name = b"@" + name[1:]
    return name.rstrip(b"\0").decode("utf-8", "backslashreplace")
