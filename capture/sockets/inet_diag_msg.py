"""The one form of a socket below this package: the kernel's `struct inet_diag_msg`, 72 bytes (linux/inet_diag.h).

Every source delivers a *stream*: netlink messages one after another, each a 16-byte `nlmsghdr` and this record, then
attributes. Sources that are not netlink pack the same form, so that everything above sees one kind of row. Numbers are
in host order but ports and addresses, which are in network order.

offset  0 family, state, timer, retransmits (one byte each)   4 local port    6 remote port   8 local address (16)
       24 remote address (16)   40 interface   44 cookie (8)   52 timer expires, ms   56 receive queue   60 send queue
       64 uid   68 inode
"""

from __future__ import annotations

import socket
import struct
from functools import lru_cache

from capture.model import Endpoint, TcpState

HEADER = struct.Struct("=IHHII")
"""nlmsghdr: length with the header, type, flags, sequence, port id."""
HEADER_SIZE = 16
RECORD_SIZE = 72
RECORD = struct.Struct("=BBBB2s2s16s16sI8sIIIII")
NUMBER = struct.Struct("=I")
SIGNED = struct.Struct("=i")

STATES: tuple[TcpState, ...] = (
    TcpState.CLOSED,
    TcpState.ESTABLISHED,
    TcpState.SYN_SENT,
    TcpState.SYN_RECEIVED,
    TcpState.FIN_WAIT_1,
    TcpState.FIN_WAIT_2,
    TcpState.TIME_WAIT,
    TcpState.CLOSED,
    TcpState.CLOSE_WAIT,
    TcpState.LAST_ACK,
    TcpState.LISTEN,
    TcpState.CLOSING,
    TcpState.SYN_RECEIVED,
    TcpState.CLOSED,
)
"""By the kernel's numbers (linux/tcp_states.h); 12 is NEW_SYN_RECV, 13 BOUND_INACTIVE."""

ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT_1, FIN_WAIT_2, TIME_WAIT = 1, 2, 3, 4, 5, 6
CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING, NEW_SYN_RECV = 7, 8, 9, 10, 11, 12

TIMERS = (None, "on", "keepalive", "timewait", "persist")
"""ss's names of idiag_timer; None where no timer runs."""
TIMER_ON, TIMER_KEEPALIVE, TIMER_TIMEWAIT, TIMER_PERSIST = 1, 2, 3, 4

NO_MAXIMUM = 0xFFFFFFFF
"""In the send queue of a listener: the source does not know the accept queue's maximum."""

MAPPED = b"\0" * 10 + b"\xff\xff"
"""The first 12 bytes of an IPv4 address inside IPv6 (RFC 4291 §2.5.5.2): dual-stack sockets show these."""


def number_at(raw: bytes | memoryview, at: int) -> int:
    """A 32-bit number of a record, in the machine's byte order."""
    found: int = NUMBER.unpack_from(raw, at)[0]
    return found


def cookie_text(cookie: bytes) -> str:
    """Eight bytes of a cookie as ss writes them: two numbers, the lower one first, as one in hexadecimal."""
    return f"{number_at(cookie, 4) << 32 | number_at(cookie, 0):x}"


def cookie_bytes(text: str) -> bytes:
    """The eight bytes of what cookie_text wrote. Raises ValueError."""
    number = int(text or "0", 16)
    return NUMBER.pack(number & 0xFFFFFFFF) + NUMBER.pack(number >> 32 & 0xFFFFFFFF)


def state_of(number: int) -> TcpState:
    """The state for a kernel number; a number newer than this table reads as CLOSED."""
    return STATES[number] if number < len(STATES) else TcpState.CLOSED


def address_bytes(family: int, sixteen: bytes) -> bytes:
    """4 or 16 bytes of an address field; IPv4-mapped IPv6 counts as IPv4, so that one host is one key."""
    if family == socket.AF_INET:
        return sixteen[:4]
    return sixteen[12:] if sixteen.startswith(MAPPED) else sixteen


@lru_cache(maxsize=65536)
def address_text(address: bytes) -> str:
    """Canonical text of 4 or 16 address bytes (RFC 5952 for IPv6)."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def endpoint(address: bytes, port: bytes) -> Endpoint:
    """An Endpoint of address bytes and a port in network order."""
    return Endpoint(address_text(address), port[0] << 8 | port[1])


def local_address(raw: bytes) -> bytes:
    """4 or 16 bytes: this machine's address."""
    return address_bytes(raw[0], raw[8:24])


def remote_address(raw: bytes) -> bytes:
    """4 or 16 bytes: the peer's address."""
    return address_bytes(raw[0], raw[24:40])


def local_port(raw: bytes) -> bytes:
    """This machine's port, in network order."""
    return raw[4:6]


def remote_port(raw: bytes) -> bytes:
    """The peer's port, in network order."""
    return raw[6:8]


def local_of(raw: bytes) -> Endpoint:
    """The local end of a record."""
    return endpoint(local_address(raw), local_port(raw))


def remote_of(raw: bytes) -> Endpoint:
    """The remote end of a record; 0.0.0.0:0 or [::]:0 of a listener."""
    return endpoint(remote_address(raw), remote_port(raw))


def packed(raw: bytes, attributes: bytes = b"") -> bytes:
    """One netlink-shaped message of a record, for sources that are not netlink."""
    length = HEADER_SIZE + len(raw) + len(attributes)
    return HEADER.pack(length, 20, 2, 0, 0) + raw + attributes + b"\0" * (-length & 3)
