"""Segments that no kernel sent."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from tests.lab.harness.signature import ACK, FIN, SYN, records, segments


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f">{len(data) // 2}H", (data + b"\0" * (len(data) % 2))))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(
    source: tuple[str, int], to: tuple[str, int], *, flags: int, seq: int, ack: int = 0, ttl: int = 64, window: int = 0
) -> bytes:
    """An IPv4 packet with one TCP segment without data or options."""
    ends = socket.inet_aton(source[0]) + socket.inet_aton(to[0])
    tcp = struct.pack(">HHIIBBHHH", source[1], to[1], seq % 2**32, ack % 2**32, 5 << 4, flags, window, 0, 0)
    tcp = tcp[:16] + struct.pack(">H", checksum(ends + struct.pack(">BBH", 0, 6, len(tcp)) + tcp)) + tcp[18:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, ttl, 6, 0) + ends
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + tcp


def forged_reset(path: Path, to: tuple[str, int], source: tuple[str, int], *, ttl: int, off: int = 0) -> bytes:
    """A RST to `to` in the name of `source`, made of what was recorded.

    Its sequence number is `off` bytes away from the exact one.
    An Ethernet frame where the recording is of Ethernet, an IP packet otherwise.
    """
    seq = ack = 0
    for seen in segments(path):
        if seen.source == source and seen.destination == to:
            seq = seen.seq + seen.length + bool(seen.flags & SYN) + bool(seen.flags & FIN)
    packet = segment(source, to, flags=4, seq=seq + off, ack=ack, ttl=ttl)
    for _, link, frame, _ in records(path):
        if link == 1 and socket.inet_aton(source[0]) == frame[26:30] and frame[23] == 6 and frame[47] & ACK:
            return frame[:14] + packet
    return packet
