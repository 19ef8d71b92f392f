"""Frames and capture files made by hand, for tests of the decoder."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

SYN, ACK, PSH, FIN, RST = 2, 16, 8, 1, 4
TIMESTAMP = b"\x01\x01\x08\x0a" + bytes(8)


def tcp(sport: int = 1234, dport: int = 80, seq: int = 1, ack: int = 1, flags: int = ACK, window: int = 500,
        payload: bytes = b"", options: bytes = b"", checksum: int = 0) -> bytes:  # fmt: skip
    """A TCP segment."""
    options += bytes(-len(options) % 4)
    header = struct.pack(
        ">HHIIHHHH", sport, dport, seq, ack, (5 + len(options) // 4) << 12 | flags, window, checksum, 0
    )
    return header + options + payload


def ipv4(body: bytes, src: str = "10.0.0.1", dst: str = "10.0.0.2", protocol: int = 6, ip_id: int = 7, ttl: int = 64,
         fragment: int = 0, total: int | None = None, options: bytes = b"") -> bytes:  # fmt: skip
    """An IPv4 packet."""
    size = 20 + len(options) + len(body) if total is None else total
    ends = socket.inet_aton(src) + socket.inet_aton(dst)
    first = 0x45 + len(options) // 4
    return struct.pack(">BBHHHBBH", first, 0, size, ip_id, fragment, ttl, protocol, 0) + ends + options + body


def ipv6(body: bytes, src: str = "2001:db8::1", dst: str = "2001:db8::2", following: int = 6) -> bytes:
    """An IPv6 packet."""
    ends = socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst)
    return struct.pack(">IHBB", 6 << 28, len(body), following, 64) + ends + body


def udp(body: bytes, dport: int, sport: int = 40000) -> bytes:
    """A UDP datagram."""
    return struct.pack(">HHHH", sport, dport, 8 + len(body), 0) + body


def ethernet(body: bytes, kind: int = 0x0800, tags: Sequence[int] = ()) -> bytes:
    """An Ethernet frame, with VLAN tags."""
    tagged = b"".join(struct.pack(">HH", 0x8100, tag) for tag in tags)
    return bytes(12) + tagged + struct.pack(">H", kind) + body


def pcap(frames: Sequence[bytes], link: int = 1, order: str = "<", nanoseconds: bool = False, modified: bool = False,
         originals: Sequence[int] | None = None, start: int = 1_700_000_000, step: int = 1) -> bytes:  # fmt: skip
    """A pcap file; the packets are `step` microseconds (or nanoseconds) apart."""
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2CD34 if modified else 0xA1B2C3D4
    out = [struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 262144, link)]
    for index, frame in enumerate(frames):
        original = originals[index] if originals else len(frame)
        out.append(struct.pack(order + "IIII", start, 100 + index * step, len(frame), original))
        out.append(bytes(8 if modified else 0) + frame)
    return b"".join(out)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    length = len(body) + 12
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def section(order: str = "<") -> bytes:
    """A section header block."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int = 1, order: str = "<", options: bytes = b"", snaplen: int = 0) -> bytes:
    """An interface description block."""
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options, order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """An option of a pcapng block."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def enhanced(frame: bytes, ticks: int, number: int = 0, order: str = "<") -> bytes:
    """An enhanced packet block."""
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(6, head + frame, order)
