"""The first rows at once: the kernel's bare answer, while owners, ages and groups are still being read.

A first look at 10,000 sockets takes some hundred milliseconds, most of them for owners; the dump itself takes ten.
"""

from __future__ import annotations

import time
from contextlib import suppress

from tui.socket_rows import SocketRows, socket_rows

READING = "reading"


def first_rows() -> SocketRows | None:
    """This machine's connections without owners; None where the kernel's own interface is not to be had."""
    from capture.sockets.errors import SourceUnavailable
    from capture.sockets.netlink import CONNECTIONS, DiagSocket
    from capture.sockets.row import Moment, SocketRow
    from capture.sockets.wireform import HEADER_SIZE, NUMBER, RECORD_SIZE

    with suppress(SourceUnavailable, OSError):
        diag = DiagSocket()
        try:
            stream = diag.dump(CONNECTIONS, 0)
        finally:
            diag.close()
        moment = Moment(time.monotonic())
        rows, at, smallest = [], 0, HEADER_SIZE + RECORD_SIZE
        while at + smallest <= len(stream):
            (length,) = NUMBER.unpack_from(stream, at)
            if length < HEADER_SIZE:
                break
            if length >= smallest:
                row = SocketRow(stream[at + HEADER_SIZE : at + smallest], moment, None)
                row.hidden = READING
                row.age_is_minimum = True
                rows.append(row)
            at += (length + 3) & ~3
        return socket_rows(rows, None, ("mark", True))
    return None
