"""The back half of a large capture read by a second process, while this one reads the front half.

Where its first record begins is a guess, which the walk from the front proves: it ends exactly there, or what the
second process found is not used.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capture.aside import Aside, possible
from capture.flows.collecting import Collected, CollectedPart
from capture.wire.reading import CaptureReader
from capture.wire.tails import TailRead

if TYPE_CHECKING:
    from collections.abc import Callable

SMALLEST = 16 + 36  # bytes of a record with TCP in it: pcap's header, IPv4's, and TCP's up to its window
_COUNTS = struct.Struct("=QQ")

Found = tuple[CollectedPart, TailRead]


@dataclass(frozen=True)
class BackHalf:
    """The second process. To be closed."""

    begin: int  # file offset of its first record
    _child: Aside[Found | None]
    _counts: mmap.mmap  # shared: bytes and packets that it has read

    @classmethod
    def of(cls, reader: CaptureReader, collected: Collected) -> BackHalf | None:
        """Begin to read the back half of what a reader has not read yet, and let that reader leave it.

        `collected` is what was read so far. None where there can be no second process, or the file does not tell its
        middle.
        """
        total, done = reader.bytes_total or 0, reader.bytes_read
        if done >= total or not possible():
            return None
        try:
            counts = mmap.mmap(-1, _COUNTS.size)
            tail = reader.tail(done + (total - done) // 2)
        except OSError:  # no further file, or memory, for this process
            return None
        if tail is None:
            return None
        begin = tail.begins
        behind = collected.share((begin - reader.begins) // SMALLEST + 1, (total - begin) // SMALLEST + 1)
        if behind is None:
            tail.close()
            return None
        child = Aside.start(lambda: _read(tail, behind, counts))
        tail.close()
        if child is None:
            return None
        reader.leave_from(begin)
        return cls(begin, child, counts)

    @property
    def done(self) -> tuple[int, int]:
        """Bytes and packets read so far."""
        bytes_read, packets = _COUNTS.unpack(self._counts[:])
        return bytes_read, packets

    def join(self, reader: CaptureReader, collected: Collected, waiting: Callable[[], None]) -> bool:
        """Put the back half behind the front half, which `reader` has read.

        False, and nothing done, where the halves do not fit: then the reader goes on itself. `waiting` may raise.
        """
        reader.leave_from(None)
        if reader.begins != self.begin:
            return False
        found = self._child.result(waiting)
        if found is None:
            return False
        waiting()  # once more: all is read now
        part, tail = found
        fits = reader.adopt(tail)
        if fits is None:
            return False
        collected.append(part, fits)
        return True

    def close(self) -> None:
        """End the second process."""
        self._child.close()
        self._counts.close()


def _read(tail: CaptureReader, collected: Collected, counts: mmap.mmap) -> Found | None:
    begin, parent = tail.begins, os.getppid()
    for block in tail.blocks():
        if os.getppid() != parent:  # it was killed: nobody wants to know, and who started it may wait for this one
            return None
        collected.add(block)
        counts[:] = _COUNTS.pack(max(tail.bytes_read - begin, 0), tail.packets)
    told = tail.told()
    return None if told is None else (collected.part(), told)
