"""Who called connect(), kept as the kernel's bytes: there are thousands a second, and few are asked for."""

from __future__ import annotations

import sys
from typing import Final

from capture.kernel.formats import Format
from capture.kernel.records import ends_of, thread_of
from capture.model import Endpoint

KEPT: Final = 8192
"""Sockets whose connect() was called last: those that fail mostly do so within a round trip."""
POINTER: Final = 8


class ConnectCalls:
    """Records of changes of state into SYN-SENT, by socket. `form` is the event's; `offset` what makes nanoseconds of
    the ring's clock epoch nanoseconds, as of the last reading."""

    def __init__(self, form: Format) -> None:
        state, socket = form.fields["newstate"], form.fields["skaddr"]
        self._form, self.id = form, form.id
        self.state_at = state.offset + (0 if sys.byteorder == "little" else state.size - 1)
        """The byte of a record that is SYN_SENT in such a change: states are small numbers."""
        self._socket_at = socket.offset
        self._calls: dict[bytes, list[tuple[int, bytes]]] = {}
        self.offset = 0

    def note(self, at: int, record: bytes) -> None:
        """A call at a time of the ring's clock."""
        key = record[self._socket_at : self._socket_at + POINTER]
        known = self._calls.get(key)
        if known is None:
            self._calls[key] = [(at, record)]
        else:
            known.append((at, record))

    def thread(self, socket: int, time: float, remote: Endpoint | None = None) -> int:
        """The thread of the last call on a socket up to a time (epoch seconds); 0 where there is none. The kernel uses
        a socket's memory again: later calls may be another's, and where it was accept() that made a socket of it, it
        is not connected to where the call went: `remote`, if given."""
        calls = self._calls.get(socket.to_bytes(POINTER, sys.byteorder), ())
        until = int(time * 1e9) - self.offset + 1000  # a double holds epoch times to less than that
        record = next((record for at, record in reversed(calls) if at <= until), None)
        if record is None or (remote is not None and ends_of(self._form, record)[1] != remote):
            return 0
        return thread_of(self._form, record)

    def callers(self) -> set[tuple[Endpoint, int]]:
        """Whereto the calls that are known went, and of which thread."""
        found: dict[bytes, tuple[Endpoint, int]] = {}
        places = [self._form.fields[name] for name in ("common_pid", "dport", "daddr", "daddr_v6")]
        for calls in self._calls.values():
            for _, record in calls:
                key = b"".join([record[at : at + size] for at, size in places])
                if key not in found and len(found) < KEPT:
                    found[key] = (ends_of(self._form, record)[1], thread_of(self._form, record))
        return set(found.values())

    def prune(self) -> None:
        """After a reading: only the last call of each socket, and only of the last sockets."""
        for key, calls in self._calls.items():
            if len(calls) > 1:
                self._calls[key] = calls[-1:]
        for key in list(self._calls)[: max(0, len(self._calls) - KEPT)]:
            del self._calls[key]

    def forget(self) -> None:
        """Knows of none."""
        self._calls.clear()
