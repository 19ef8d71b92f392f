"""Who called connect(), kept as the kernel's bytes: there are thousands a second, and few are asked for."""

from __future__ import annotations

import sys
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import Final

from capture.kernel.formats import Format
from capture.kernel.records import SYN_SENT, ends_of, thread_of
from capture.kernel.ring_pages import ENTRY, Kept, entries
from capture.model import Endpoint

KEPT: Final = 8192
KEPT_BYTES: Final = 1 << 20
"""Some ten thousand calls, those that were last: those that fail mostly do so within a round trip."""
PART: Final = 1 << 18
FEW: Final = 20
"""Sockets asked for between two readings that are searched for one by one."""
POINTER: Final = 8


class _Part:
    """Some of the calls; which are of which socket is sought out when it is asked for."""

    __slots__ = ("_asked", "_by_socket", "_socket_at", "data")

    def __init__(self, socket_at: int) -> None:
        self._socket_at = socket_at
        self.data = bytearray()
        self._asked = 0
        self._by_socket: dict[bytes, list[tuple[int, bytes]]] | None = None

    def add(self, parted: bytes) -> None:
        self.data += parted
        self._asked, self._by_socket = 0, None

    def calls(self) -> Iterable[tuple[int, bytes]]:
        return entries(bytes(self.data))

    def of(self, socket: bytes) -> Iterable[tuple[int, bytes]]:
        self._asked += 1
        if self._asked <= FEW:  # taking them all apart costs as much as some tens of searches, and more memory
            return self._found(socket)
        if self._by_socket is None:
            self._by_socket, begin = defaultdict(list), self._socket_at
            for at, record in self.calls():
                self._by_socket[record[begin : begin + POINTER]].append((at, record))
        return self._by_socket.get(socket, ())

    def _found(self, socket: bytes) -> Iterator[tuple[int, bytes]]:
        """By a search of the bytes: records of one event are all of one length."""
        if not self.data:
            return
        data, begin = self.data, ENTRY.size + self._socket_at
        size = ENTRY.size + ENTRY.unpack_from(data)[1]
        at = data.find(socket, begin)
        while at >= 0:
            start = at - begin
            if start % size == 0 and start + size <= len(data):
                yield ENTRY.unpack_from(data, start)[0], bytes(data[start + ENTRY.size : start + size])
            at = data.find(socket, at + 1)


class ConnectCalls:
    """Records of changes of state into SYN-SENT, by socket. `form` is the event's; `offset` what makes nanoseconds of
    the ring's clock epoch nanoseconds, as of the last reading."""

    def __init__(self, form: Format) -> None:
        state = form.fields["newstate"]
        self._form = form
        # The byte of a record that is SYN_SENT in such a change: states are small numbers.
        self.kept = Kept(form.id, state.offset + (0 if sys.byteorder == "little" else state.size - 1), SYN_SENT)
        self._parts: deque[_Part] = deque()
        self._size = 0
        self.offset = 0

    def keep(self, parted: bytes) -> None:
        """Takes calls as they were parted from a page of the ring; the oldest go."""
        if not self._parts or len(self._parts[-1].data) >= PART:
            self._parts.append(_Part(self._form.fields["skaddr"].offset))
        self._parts[-1].add(parted)
        self._size += len(parted)
        while self._size - len(self._parts[0].data) >= KEPT_BYTES:
            self._size -= len(self._parts.popleft().data)

    def thread(self, socket: int, time: float, remote: Endpoint | None = None) -> int:
        """The thread of the last call on a socket up to a time (epoch seconds); 0 where there is none. The kernel uses
        a socket's memory again: later calls may be another's, and where it was accept() that made a socket of it, it
        is not connected to where the call went: `remote`, if given."""
        until = int(time * 1e9) - self.offset + 1000  # a double holds epoch times to less than that
        calls = [call for call in self._of(socket.to_bytes(POINTER, sys.byteorder)) if call[0] <= until]
        _, record = max(calls, default=(0, b""))
        if not record or (remote is not None and ends_of(self._form, record)[1] != remote):
            return 0
        return thread_of(self._form, record)

    def callers(self) -> set[tuple[Endpoint, int]]:
        """Whereto the calls that are known went, and of which thread."""
        found: dict[bytes, tuple[Endpoint, int]] = {}
        places = [self._form.fields[name] for name in ("common_pid", "dport", "daddr", "daddr_v6")]
        for part in self._parts:
            for _, record in part.calls():
                key = b"".join([record[at : at + size] for at, size in places])
                if key not in found and len(found) < KEPT:
                    found[key] = (ends_of(self._form, record)[1], thread_of(self._form, record))
        return set(found.values())

    def forget(self) -> None:
        """Knows of none."""
        self._parts.clear()
        self._size = 0

    def _of(self, socket: bytes) -> Iterator[tuple[int, bytes]]:
        for part in self._parts:
            yield from part.of(socket)
