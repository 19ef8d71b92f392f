"""The attributes after a record: `struct tcp_info` (linux/tcp.h) and a listener's memory counts (SK_MEMINFO).

Their length varies by kernel, privilege and state, so each field is taken only where the bytes reach it.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from capture.sockets.inet_diag_msg import HEADER_SIZE, RECORD_SIZE, number_at
from capture.sockets.sources.netlink import INET_DIAG_INFO, INET_DIAG_SKMEMINFO, INET_DIAG_SKV6ONLY

ATTRIBUTES_AT = HEADER_SIZE + RECORD_SIZE
_ATTRIBUTE = struct.Struct("=HH")
# probes, backoff, rto, snd_mss, unacked, last_data_sent, last_data_recv, last_ack_recv, rtt, total_retrans: 104 bytes
_HEAD = struct.Struct("=3xBB3xI4xI4xI16xI4xII8xI28xI")
# and bytes_acked, bytes_received, rwnd_limited, bytes_sent, snd_wnd: 232 bytes
_WHOLE = struct.Struct(_HEAD.format + "16xQQ40xQ16xQ20xI")
_SKMEM_DROPS_AT = 8 * 4
_LONG = struct.Struct("=Q")


class TcpInfo(NamedTuple):
    """What tells age, round trip and stalls. Times are ms, RTT µs; None where this kernel does not say."""

    probes: int
    backoff: int
    rto_us: int
    mss: int
    unacked: int
    last_data_sent: int
    last_data_received: int
    last_ack_received: int
    rtt_us: int
    total_retransmits: int
    bytes_acked: int | None = None
    bytes_received: int | None = None
    bytes_sent: int | None = None
    send_window: int | None = None
    window_limited_us: int | None = None
    """For how long in all its life the peer's window held it up."""


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
    if stop - start >= _WHOLE.size:  # Linux 5.4 and later: one reading for all fields
        fields = _WHOLE.unpack_from(message, start)
        return TcpInfo._make((*fields[:12], *fields[13:], fields[12]))
    head = _HEAD.unpack_from(message, start)
    acked, received = _long(message, start, stop, 120), _long(message, start, stop, 128)
    sent, window = _long(message, start, stop, 200), _word(message, start, stop, 228)
    return TcpInfo._make((*head, acked, received, sent, window, _long(message, start, stop, 176)))


def listener_drops(message: bytes, at: int = 0, end: int | None = None) -> int | None:
    """How many connections a listener has dropped so far (SKMEMINFO[8], ss's d)."""
    found = find_attribute(message, INET_DIAG_SKMEMINFO, at + ATTRIBUTES_AT, end)
    return None if found is None else _word(message, found[0], found[1], _SKMEM_DROPS_AT)


def listens_to_v6_only(message: bytes, at: int = 0, end: int | None = None) -> bool | None:
    """Whether an IPv6 listener turns IPv4 away (IPV6_V6ONLY); None for IPv4's, and where the kernel does not say."""
    found = find_attribute(message, INET_DIAG_SKV6ONLY, at + ATTRIBUTES_AT, end)
    return None if found is None or found[1] == found[0] else bool(message[found[0]])


def _word(message: bytes, start: int, stop: int, offset: int) -> int | None:
    return number_at(message, start + offset) if stop - start >= offset + 4 else None


def _long(message: bytes, start: int, stop: int, offset: int) -> int | None:
    return int(_LONG.unpack_from(message, start + offset)[0]) if stop - start >= offset + 8 else None
