"""IPv4 packets with TCP, taken apart and put together again with checksums that hold."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, replace

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
WRAP = 1 << 32


@dataclass(frozen=True)
class Segment:
    """One packet. `options` are TCP's, padded; addresses are 4 bytes."""

    source: bytes
    target: bytes
    sport: int
    dport: int
    seq: int
    ack: int
    flags: int
    window: int
    options: bytes
    payload: bytes
    ttl: int = 64
    ip_id: int = 0

    @property
    def end(self) -> int:
        """The number after its payload, SYN and FIN."""
        return (self.seq + len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)) % WRAP

    def changed(self, **fields: object) -> Segment:
        """The same with other fields."""
        return replace(self, **fields)  # type: ignore[arg-type]

    def packed(self) -> bytes:
        """As it goes over the wire."""
        size = 20 + len(self.options)
        tcp = struct.pack(
            ">HHIIBBHHH", self.sport, self.dport, self.seq % WRAP, self.ack % WRAP, size // 4 << 4, self.flags,
            self.window, 0, 0,
        ) + self.options + self.payload  # fmt: skip
        pseudo = self.source + self.target + struct.pack(">BBH", 0, 6, len(tcp))
        tcp = tcp[:16] + _sum(pseudo + tcp) + tcp[18:]
        head = struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), self.ip_id, 0x4000, self.ttl, 6, 0, self.source, self.target
        )
        return head[:10] + _sum(head) + head[12:] + tcp


def _sum(data: bytes) -> bytes:
    words = array("H", data + b"\0" * (len(data) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return array("H", [~total & 0xFFFF]).tobytes()


def parsed(packet: bytes) -> Segment | None:
    """A packet as a segment; None for what is none."""
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != 6:
        return None
    at = (packet[0] & 15) * 4
    sport, dport, seq, ack, offset, flags, window = struct.unpack_from(">HHIIBBH", packet, at)
    data = at + (offset >> 4) * 4
    end = int.from_bytes(packet[2:4], "big")
    return Segment(packet[12:16], packet[16:20], sport, dport, seq, ack, flags, window, packet[at + 20 : data],
                   packet[data:end], packet[8], int.from_bytes(packet[4:6], "big"))  # fmt: skip


def with_option(options: bytes, kind: int, change: object) -> bytes:
    """Options with the body of one changed by a function of its bytes; None from it takes the option out."""
    made, at = b"", 0
    while at < len(options):
        if options[at] < 2:
            made, at = made + options[at : at + 1], at + 1
            continue
        size = max(2, options[at + 1])
        body: bytes | None = options[at + 2 : at + size]
        if options[at] == kind:
            body = change(body)  # type: ignore[operator]
        made += b"\x01" * size if body is None else bytes([options[at], size]) + body
        at += size
    return made


def tsval(options: bytes) -> int:
    """The sender's timestamp, or 0."""
    found = [0]

    def seen(body: bytes) -> bytes:
        found[0] = int.from_bytes(body[:4], "big")
        return body

    with_option(options, 8, seen)
    return found[0]
