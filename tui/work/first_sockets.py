"""The first rows at once: the kernel's bare answer, while owners, ages and groups are still being read.

A first look at 10,000 sockets takes some hundred milliseconds, most of them for owners; the dump itself takes ten. Rows
are made of what asks for attention and of the first of the rest: nobody reads more before the first look is there.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.rows.socket_rows import SocketRows, socket_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

READING = "reading"
MOST_ROWS = 500
COMMON = (1, 6)  # the kernel's numbers of ESTABLISHED and TIME-WAIT: wrong only where something is unanswered


@dataclass(frozen=True, slots=True)
class Peek:
    """Rows without owners; `total` is how many sockets there are."""

    rows: SocketRows
    total: int


def first_rows() -> Peek | None:
    """This machine's connections; None where the kernel's own interface is not to be had."""
    from capture.sockets.row import Moment, SocketRow
    from capture.sockets.sources.netlink import CONNECTIONS, DiagSocket
    from capture.sockets.sources.socket_errors import SourceUnavailable

    with suppress(SourceUnavailable, OSError):
        diag = DiagSocket()
        try:
            records = list(_records(diag.dump(CONNECTIONS, 0)))
        finally:
            diag.close()
        moment = Moment(time.monotonic())
        rows = []
        for record in sorted(records, key=_is_common)[:MOST_ROWS]:
            row = SocketRow(record, moment, None)
            row.hidden = READING
            row.age_is_minimum = True
            rows.append(row)
        return Peek(socket_rows(rows, None, ("mark", True)), len(records))
    return None


def _is_common(record: bytes) -> bool:
    return record[1] in COMMON and not record[3]  # state, unanswered retransmissions: inet_diag_msg


def _records(stream: bytes) -> Iterator[bytes]:
    """The record of each netlink message."""
    from capture.sockets.inet_diag_msg import HEADER_SIZE, NUMBER, RECORD_SIZE

    at, smallest = 0, HEADER_SIZE + RECORD_SIZE
    while at + smallest <= len(stream):
        (length,) = NUMBER.unpack_from(stream, at)
        if length < HEADER_SIZE:
            return
        if length >= smallest:
            yield stream[at + HEADER_SIZE : at + smallest]
        at += (length + 3) & ~3
