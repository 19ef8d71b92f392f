"""Where the messages of a dump begin."""

from __future__ import annotations

from collections.abc import Iterator

from capture.sockets.inet_diag_msg import HEADER_SIZE, NUMBER, RECORD_SIZE

SMALLEST = HEADER_SIZE + RECORD_SIZE


def message_spans(chunk: bytes | memoryview) -> Iterator[tuple[int, int]]:
    """(start, end) of the messages of one receive buffer, as they are: of any length. What is no socket, or is cut,
    ends it."""
    at, size, length_at = 0, len(chunk), NUMBER.unpack_from
    while at + SMALLEST <= size:
        end = at + length_at(chunk, at)[0]
        if end - at < SMALLEST or end > size:
            return
        yield at, end
        at = (end + 3) & ~3
