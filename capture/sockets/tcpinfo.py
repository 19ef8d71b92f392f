"""The attributes after a record: `struct tcp_info` (linux/tcp.h) and a listener's memory counts (SK_MEMINFO).

Their length varies by kernel, privilege and state, so each field is taken only where the bytes reach it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from capture.sockets.netlink import INET_DIAG_INFO, INET_DIAG_SKMEMINFO
from capture.sockets.wireform import HEADER_SIZE, RECORD_SIZE

ATTRIBUTES_AT = HEADER_SIZE + RECORD_SIZE
_ATTRIBUTE = struct.Struct("=HH")
_HEAD = struct.Struct("=8B24I")  # through total_retrans, 104 bytes
_SKMEM_DROPS_AT = 8 * 4
INFINITE = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class TcpInfo:
    """What tells age, round trip and stalls. Times are ms, RTT µs; None where this kernel does not say."""

    probes: int
    backoff: int
    rto_us: int
    unacked: int
    last_data_sent: int
    last_data_received: int
    last_ack_received: int
    rtt_us: int
    mss: int
    total_retransmits: int
    bytes_acked: int | None = None
    bytes_received: int | None = None
    bytes_sent: int | None = None
    send_window: int | None = None


def find_attribute(
    message: bytes, wanted: int, at: int = ATTRIBUTES_AT, end: int | None = None
) -> tuple[int, int] | None:
    """Where the payload of an attribute lies in a message: (start, end); None where it is absent or cut."""
    end = len(message) if end is None else end
    while at + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(message, at)
        if length < 4 or at + length > end:
            return None
        if kind == wanted:
            return at + 4, at + length
        at += (length + 3) & ~3
    return None


def tcp_info(message: bytes, at: int = 0, end: int | None = None) -> TcpInfo | None:
    """The tcp_info of the message at `at`; None for those that carry none (TIME-WAIT, SYN-RECV) or an unknown form."""
    found = find_attribute(message, INET_DIAG_INFO, at + ATTRIBUTES_AT, end)
    if found is None or found[1] - found[0] < _HEAD.size:
        return None
    start, stop = found
    head = _HEAD.unpack_from(message, start)
    return TcpInfo(
        probes=head[3],
        backoff=head[4],
        rto_us=head[8],
        unacked=head[12],
        last_data_sent=head[17],
        last_data_received=head[19],
        last_ack_received=head[20],
        rtt_us=head[23],
        mss=head[10],
        total_retransmits=head[31],
        bytes_acked=_long(message, start, stop, 120),
        bytes_received=_long(message, start, stop, 128),
        bytes_sent=_long(message, start, stop, 200),
        send_window=_word(message, start, stop, 228),
    )


def listener_drops(message: bytes, at: int = 0, end: int | None = None) -> int | None:
    """How many connections a listener has dropped so far (SKMEMINFO[8], ss's d)."""
    found = find_attribute(message, INET_DIAG_SKMEMINFO, at + ATTRIBUTES_AT, end)
    return None if found is None else _word(message, found[0], found[1], _SKMEM_DROPS_AT)


def _word(message: bytes, start: int, stop: int, offset: int) -> int | None:
    return (
        int.from_bytes(message[start + offset : start + offset + 4], "little") if stop - start >= offset + 4 else None
    )


def _long(message: bytes, start: int, stop: int, offset: int) -> int | None:
    return (
        int.from_bytes(message[start + offset : start + offset + 8], "little") if stop - start >= offset + 8 else None
    )
