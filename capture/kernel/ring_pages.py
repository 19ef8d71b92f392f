"""Pages of the kernel's trace ring as `trace_pipe_raw` hands them out (include/linux/ring_buffer.h)."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from capture.engine.compiling import CannotCompile

HEADER: Final = struct.Struct("=QQ")  # time stamp, commit: `header_page` of 64-bit kernels
WORD: Final = struct.Struct("=I")
PADDING, TIME_EXTEND, TIME_STAMP = 29, 30, 31
DELTA_BITS: Final = 27
MISSED_EVENTS: Final = 1 << 31
MISSED_STORED: Final = 1 << 30
EPOCH_BITS: Final = 0x1F << 59
"""A TIME_STAMP holds 59 bits; the five above are those of the time before."""
ENTRY: Final = struct.Struct("=QI")
"""Before a record that was parted from its page: its time, its length."""


class Kept(NamedTuple):
    """Records that are kept as they are, and decoded when they are asked for: those of this event (its number) that
    have this byte there."""

    event: int
    at: int
    byte: int


NOTHING: Final = Kept(0xFFFFFFFF, 0, 0)


class Parting(Protocol):
    """Parts pages."""

    def parted(self, page: bytes, event: int, at: int, byte: int) -> tuple[bytes, bytes]:
        """(those to keep, all others), each record behind its ENTRY."""


def new_parting() -> Parting:
    """The engine's, or plain Python without one."""
    from capture.engine.kernel_news import TracePages

    try:
        return TracePages()
    except (CannotCompile, OSError, AttributeError):  # no engine here, or one of before
        return PlainParting()


class PlainParting:
    """See Parting: as it would be explained."""

    def parted(self, page: bytes, event: int, at: int, byte: int) -> tuple[bytes, bytes]:
        """See Parting."""
        kept: list[bytes] = []
        others: list[bytes] = []
        for time, record in records(page):
            wanted = int.from_bytes(record[:2], sys.byteorder) == event and record[at : at + 1] == bytes((byte,))
            (kept if wanted else others).append(ENTRY.pack(time, len(record)) + record)
        return b"".join(kept), b"".join(others)


def entries(parted: bytes) -> Iterator[tuple[int, bytes]]:
    """Time and bytes of each record that was parted from its page."""
    at = 0
    while at + ENTRY.size <= len(parted):
        time, length = ENTRY.unpack_from(parted, at)
        at += ENTRY.size
        yield time, parted[at : at + length]
        at += length


def records(page: bytes) -> Iterator[tuple[int, bytes]]:
    """Time stamp (of the ring's clock, nanoseconds) and bytes of each event of a page, in order.

    A page that is cut or damaged ends the walk: nothing behind its end is read.
    """
    if len(page) < HEADER.size:
        return
    time, commit = HEADER.unpack_from(page)
    at, end = HEADER.size, min(HEADER.size + (commit & (MISSED_STORED - 1)), len(page))
    while at + WORD.size <= end:
        (head,) = WORD.unpack_from(page, at)
        kind, delta = head & 31, head >> 5
        if kind == PADDING:
            if not delta or at + 8 > end:
                return
            (length,) = WORD.unpack_from(page, at + 4)
            time += delta
            at += 4 + length
            continue
        if kind in (TIME_EXTEND, TIME_STAMP):
            if at + 8 > end:
                return
            (high,) = WORD.unpack_from(page, at + 4)
            stamp = delta + (high << DELTA_BITS)
            time = time + stamp if kind == TIME_EXTEND else stamp | time & EPOCH_BITS
            at += 8
            continue
        time += delta
        begin, length = at + 4, kind * 4
        if kind == 0:
            if at + 8 > end:
                return
            # the length counts its own word
            (length,) = WORD.unpack_from(page, begin)
            begin, length = at + 8, length - 4
        if length <= 0 or begin + length > end:
            return
        yield time, page[begin : begin + length]
        at = begin + length


def missed(page: bytes) -> int:
    """How many events the ring had to drop before this page; 1 where it only says that there were some."""
    if len(page) < HEADER.size:
        return 0
    _, commit = HEADER.unpack_from(page)
    if not commit & MISSED_EVENTS:
        return 0
    at = HEADER.size + (commit & (MISSED_STORED - 1))
    if commit & MISSED_STORED and at + 8 <= len(page):
        return max(1, int(struct.unpack_from("=Q", page, at)[0]))
    return 1
