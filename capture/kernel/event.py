"""One thing that the kernel said, and what came of one reading."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

from capture.model import Endpoint

LENGTH = 4


class Kind(StrEnum):
    """What happened (contract's words)."""

    RESET_SENT = "reset_sent"
    RESET_RECEIVED = "reset_received"
    CALL_FAILED = "call_failed"  # a send or recv that returned an error to the application
    ERROR_REPORTED = "error_reported"  # an error put on the socket: the next call gets it, if there is one
    RETRANSMITTED = "retransmitted"
    DROPPED = "dropped"
    CLOSED = "closed"  # a connection's last words: its tcp_info when it ended


class EventOwner(Struct, frozen=True):
    """A process. `name` is the kernel's comm: hostile text."""

    pid: int
    name: str


class LastWords(Struct, frozen=True):
    """tcp_info of a connection that has ended; None where this kernel's struct is too short.

    `bytes_received` counts the peer's FIN as one, as the kernel does."""

    bytes_sent: int | None
    bytes_received: int | None
    retransmits: int
    rtt_ms: float | None


class KernelEvent(Struct, frozen=True):
    """`time` epoch seconds of the first of `count` equal ones. `local` and `remote` None where the kernel named none.

    `errno` is a name; `reason` the kernel's word for a reset or drop; `netns` names another network namespace
    where it is known, as a socket's; `cookie` as ss writes it.
    """

    time: float
    kind: Kind
    local: Endpoint | None = None
    remote: Endpoint | None = None
    errno: str | None = None
    call: str | None = None
    reason: str | None = None
    owner: EventOwner | None = None
    count: int = 1
    netns: str | None = None
    cookie: str | None = None
    last: LastWords | None = None

    def key(self) -> tuple[object, ...]:
        """What equal events share: all but their times."""
        return (
            self.kind,
            self.local,
            self.remote,
            self.errno,
            self.call,
            self.reason,
            self.owner,
            self.netns,
            self.cookie,
            self.last,
        )


class Ends(Struct, frozen=True):
    """Connections that ended, as the kernel's messages: they are the most, and few are looked at (closed_sockets.py
    reads them). `packed` has each behind its length, four bytes in the machine's order."""

    count: int = 0
    packed: bytes = b""

    @staticmethod
    def of(messages: Iterable[bytes]) -> Ends:
        """These messages."""
        parts = [len(message).to_bytes(LENGTH, sys.byteorder) + message for message in messages]
        return Ends(len(parts), b"".join(parts))

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[bytes]:
        at = 0
        while at + LENGTH <= len(self.packed):
            length = int.from_bytes(self.packed[at : at + LENGTH], sys.byteorder)
            yield self.packed[at + LENGTH : at + LENGTH + length]
            at += LENGTH + length


class Reading(Struct, frozen=True):
    """What happened since the last reading: `events` in order of time and folded, and the `ends` of connections.

    `time` epoch seconds of the reading; `lost` how many the kernel had to drop, at least.
    """

    time: float
    events: tuple[KernelEvent, ...]
    ends: Ends
    lost: int
