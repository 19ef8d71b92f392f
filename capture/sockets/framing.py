"""Where the messages of a dump begin, and the dump with its countdowns blanked.

Two dumps of an unchanged machine differ in running timers alone: TIME-WAIT, keep-alive. With those four bytes of each
message blanked they are equal, so that a look can pass over what did not change (table.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from capture.sockets.wireform import HEADER_SIZE, RECORD_SIZE

SMALLEST = HEADER_SIZE + RECORD_SIZE
_EXPIRES = HEADER_SIZE + 52


class Dump:
    """A dump cut into messages. `starts` has one entry more than there are messages: where the last one ends. `masked`
    is `stream` with each message's timer blanked. What is no socket, or is cut, ends its receive buffer."""

    __slots__ = ("masked", "starts", "stream")

    def __init__(self, chunks: Iterable[bytes]) -> None:
        streams: list[bytes] = []
        masked: list[bytearray] = []
        self.starts: list[int] = []
        base = 0
        for chunk in chunks:
            blanked = bytearray(chunk)
            starts, end = _frame(blanked)
            if end < len(chunk):
                chunk = chunk[:end]
                del blanked[end:]
            self.starts += starts if not base else [base + start for start in starts]
            streams.append(chunk)
            masked.append(blanked)
            base += end
        self.starts.append(base)
        self.stream = b"".join(streams)
        self.masked = b"".join(masked)

    def __len__(self) -> int:
        return len(self.starts) - 1


def message_spans(chunk: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of the messages of one receive buffer, as they are: of any length."""
    at, size = 0, len(chunk)
    while at + SMALLEST <= size:
        end = at + int.from_bytes(chunk[at : at + 4], "little")
        if end - at < SMALLEST or end > size:
            return
        yield at, end
        at = (end + 3) & ~3


def _frame(blanked: bytearray) -> tuple[range | list[int], int]:
    """Offsets of the messages of one receive buffer and where they end; blanks their timers on the way."""
    length = int.from_bytes(blanked[:4], "little")
    if length >= SMALLEST and length & 3 == 0 and _uniform(blanked, length):
        count = len(blanked) // length
        for at in range(_EXPIRES, _EXPIRES + 4):
            blanked[at::length] = bytes(count)
        return range(0, len(blanked), length), len(blanked)
    return _walk(blanked)


def _uniform(chunk: bytearray, length: int) -> bool:
    """Whether all messages have the first one's length: by induction, for each length field lies where the one before
    says, and says the same."""
    count, rest = divmod(len(chunk), length)
    return not rest and all(chunk[at::length] == chunk[at : at + 1] * count for at in range(4))


def _walk(blanked: bytearray) -> tuple[list[int], int]:
    """Message by message, in steps of four bytes: the kernel pads them so."""
    starts: list[int] = []
    at, expires, smallest = 0, _EXPIRES // 4, SMALLEST
    with memoryview(blanked)[: len(blanked) & ~3] as view, view.cast("I") as words:
        end = len(words)
        while at < end:
            length = words[at]
            after = at + ((length + 3) >> 2)
            if length < smallest or after > end:
                break
            words[at + expires] = 0
            starts.append(at << 2)
            at = after
    return starts, at << 2
