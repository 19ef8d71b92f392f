"""Connections that end, as events with their last tcp_info (as capture/sockets/sources/ended.py reports them)."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

from capture.engine.compiling import CannotCompile
from capture.kernel.event import Ends, KernelEvent, Kind, LastWords
from capture.kernel.event_errors import EventsUnavailable
from capture.sockets.inet_diag_msg import (
    CLOSE,
    HEADER,
    HEADER_SIZE,
    RECORD_SIZE,
    cookie_text,
    local_of,
    remote_of,
)
from capture.sockets.sources.ended import LARGEST_MESSAGE, open_ended
from capture.sockets.sources.tcpinfo import TcpInfo, tcp_info

if TYPE_CHECKING:
    from capture.engine.kernel_news import Datagrams


class ClosedSockets:
    """Ends of connections of this network namespace. Raises EventsUnavailable (needs CAP_NET_ADMIN)."""

    def __init__(self) -> None:
        try:
            self._socket = open_ended()
        except OSError as error:
            raise EventsUnavailable(f"ends of connections: {error.strerror}: run as root") from error
        self._datagrams = _new_datagrams()

    def read(self) -> tuple[Ends, int]:
        """The messages since the last reading, and how often the kernel had to drop some (it does not say how many)."""
        parts, count, lost = [], 0, 0
        while True:
            got, packed, error = self._datagrams.received(self._socket.fileno())
            if got:
                parts.append(packed)
                count += got
            if error == errno.ENOBUFS:
                lost += 1
            elif error:
                raise OSError(error, os.strerror(error))
            elif not got:
                return Ends(count, b"".join(parts)), lost

    def close(self) -> None:
        """Gives the descriptor back."""
        self._socket.close()


class PlainDatagrams:
    """As the engine takes them (kernel_news.py), in plain Python."""

    def received(self, descriptor: int) -> tuple[int, bytes, int]:
        """How many there were, each with its length before it, and the errno that ended them; 0 for none."""
        messages: list[bytes] = []
        with socket.socket(fileno=os.dup(descriptor)) as taken:
            try:
                while True:
                    messages.append(taken.recv(LARGEST_MESSAGE, socket.MSG_DONTWAIT))
            except BlockingIOError:
                code = 0
            except OSError as error:
                code = error.errno or errno.EIO
        ends = Ends.of(messages)
        return len(ends), ends.packed, code


def _new_datagrams() -> Datagrams | PlainDatagrams:
    from capture.engine.kernel_news import Datagrams

    try:
        return Datagrams()
    except (CannotCompile, OSError, AttributeError):  # no engine here, or one of before
        return PlainDatagrams()


def closed(message: bytes, time: float) -> KernelEvent | None:
    """The event of a message; None where it is cut, or of a socket that never had a connection."""
    if len(message) < HEADER_SIZE + RECORD_SIZE:
        return None
    length = min(HEADER.unpack_from(message)[0], len(message))
    raw = message[HEADER_SIZE : HEADER_SIZE + RECORD_SIZE]
    remote = remote_of(raw)
    info = tcp_info(message, end=length)
    if raw[1] != CLOSE or not remote.port or info is None:
        return None
    return KernelEvent(
        time=time,
        kind=Kind.CLOSED,
        local=local_of(raw),
        remote=remote,
        cookie=cookie_text(raw[44:52]),
        last=_last_words(info),
    )


def _last_words(info: TcpInfo) -> LastWords:
    return LastWords(
        bytes_sent=info.bytes_sent if info.bytes_sent is not None else info.bytes_acked,
        bytes_received=info.bytes_received,
        retransmits=info.total_retransmits,
        rtt_ms=info.rtt_us / 1000 if info.rtt_us else None,
    )
