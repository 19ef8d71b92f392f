"""Where the messages of a dump begin, and the dump with its countdowns blanked.

Two dumps of an unchanged machine differ in running timers alone: TIME-WAIT, keep-alive. With those four bytes of each
message blanked they are equal, so that a look can pass over what did not change (socket_table.py).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from capture.sockets.inet_diag_msg import HEADER_SIZE, RECORD_SIZE

SMALLEST = HEADER_SIZE + RECORD_SIZE
_EXPIRES = HEADER_SIZE + 52


class Dump:
    """A dump cut into messages. `starts` has one entry more than there are messages: where the last one ends. `masked`
    is the dump with each message's timer blanked. What is no socket, or is cut, ends its receive buffer."""

    __slots__ = ("_bases", "_chunks", "masked", "starts")

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.masked = bytearray()
        self.starts: list[int] = []
        self._chunks: list[bytes] = []
        self._bases: list[int] = []
        base = 0
        for chunk in chunks:
            self.masked += chunk
            starts, end = _frame(chunk, self.masked, base)
            self.starts += starts
            self._chunks.append(chunk)
            self._bases.append(base)
            base += end
            del self.masked[base:]
        self.starts.append(base)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def record(self, at: int) -> bytes:
        """The 72 bytes of one message, as they came."""
        start = self.starts[at]
        number = bisect_right(self._bases, start) - 1
        inside = start - self._bases[number]
        return self._chunks[number][inside + HEADER_SIZE : inside + SMALLEST]


def message_spans(chunk: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of the messages of one receive buffer, as they are: of any length."""
    at, size = 0, len(chunk)
    while at + SMALLEST <= size:
        end = at + int.from_bytes(chunk[at : at + 4], "little")
        if end - at < SMALLEST or end > size:
            return
        yield at, end
        at = (end + 3) & ~3


def _frame(chunk: bytes, masked: bytearray, base: int) -> tuple[range | list[int], int]:
    """Offsets in `masked` of the messages of a receive buffer that lies at `base` there, and the buffer's length as far
    as it is good; blanks their timers on the way."""
    length = int.from_bytes(chunk[:4], "little")
    if length >= SMALLEST and length & 3 == 0 and _uniform(chunk, length):
        count = len(chunk) // length
        for at in range(base + _EXPIRES, base + _EXPIRES + 4):
            masked[at::length] = bytes(count)
        return range(base, base + len(chunk), length), len(chunk)
    return _walk(masked, base)


def _uniform(chunk: bytes, length: int) -> bool:
    """Whether all messages have the first one's length: by induction, for each length field lies where the one before
    says, and says the same."""
    count, rest = divmod(len(chunk), length)
    return not rest and all(chunk[at::length] == chunk[at : at + 1] * count for at in range(4))


def _walk(masked: bytearray, base: int) -> tuple[list[int], int]:
    """Message by message, in steps of four bytes: the kernel pads them so."""
    starts: list[int] = []
    append, expires, smallest = starts.append, _EXPIRES // 4, SMALLEST
    at = base >> 2
    with memoryview(masked)[: len(masked) & ~3] as view, view.cast("I") as words:
        end = len(words)
        last = end - smallest // 4
        while at <= last:
            length = words[at]
            if length < smallest:
                break
            append(at << 2)
            words[at + expires] = 0
            at += length + 3 >> 2
    if at > end:  # the last one is cut
        at = starts.pop() >> 2
    return starts, (at << 2) - base
