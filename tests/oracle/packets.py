"""Packets of a capture, each read by itself with dpkt and struct.

pcap and pcapng of Ethernet, Linux cooked, raw and loopback captures, VLANs, IPv4 and IPv6 without tunnels or fragments:
what tests make and record.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

import dpkt

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
BEGIN = 16  # bytes of a payload that are kept
PCAP = (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d")
End = tuple[str, int]


@dataclass
class Packet:
    """A TCP packet. `time` is in epoch nanoseconds, `number` counts all packets of the file from 1.

    `tags` are what the analysis says of it.
    """

    number: int
    time: int
    offset: int
    src: str
    sport: int
    dst: str
    dport: int
    seq: int
    ack: int
    flags: int
    window: int
    payload: int
    ttl: int
    ip_id: int
    wscale: int  # -1 without
    timestamp: bool
    sack: bool
    vlan: str | None
    header_cut: bool = field(default=False, compare=False)
    begin: bytes = field(default=b"", compare=False)  # of the payload, as far as it was captured
    tags: set[str] = field(default_factory=set, compare=False)

    @property
    def source(self) -> End:
        return self.src, self.sport

    @property
    def target(self) -> End:
        return self.dst, self.dport

    @property
    def after(self) -> int:
        """The sequence number that follows: SYN and FIN take one, both at once too."""
        return (self.seq + self.payload + bool(self.flags & (SYN | FIN))) % 2**32

    @property
    def bare_syn(self) -> bool:
        return self.flags & (SYN | ACK | FIN | RST) == SYN

    @property
    def control(self) -> bool:
        return bool(self.flags & (SYN | FIN | RST))

    def kind(self, wanted: int) -> bool:
        """Of SYN and ACK, exactly these bits."""
        return self.flags & (SYN | ACK) == wanted


def before(a: int, b: int) -> bool:
    """Sequence number a comes before b, across the wrap."""
    return 0 < (b - a) % 2**32 < 2**31


def ahead(a: int, b: int) -> int:
    """How far a is ahead of b; negative where it is behind."""
    step = (a - b) % 2**32
    return step - 2**32 if step >= 2**31 else step


def packets_of(path: str) -> list[Packet]:
    """All TCP packets of a capture."""
    with open(path, "rb") as file:
        data = file.read()
    found = []
    for number, (offset, time, link, frame, original) in enumerate(_records(data), 1):
        told = _tcp(frame, original, link)
        if told is not None:
            found.append(Packet(number, time, offset, *told))
    return found


def _records(data: bytes) -> Iterator[tuple[int, int, int, bytes, int]]:
    """File offset, time, link type, captured bytes and original length of each record."""
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        yield from _pcapng(data)
        return
    if data[:4] not in PCAP:
        raise ValueError("no pcap, no pcapng")
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    scale = 1 if data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1000
    link, at = struct.unpack(order + "I", data[20:24])[0], 24
    while at + 16 <= len(data):
        seconds, fraction, captured, original = struct.unpack(order + "IIII", data[at : at + 16])
        if at + 16 + captured > len(data):
            return
        yield at, seconds * 10**9 + fraction * scale, link, data[at + 16 : at + 16 + captured], original
        at += 16 + captured


def _pcapng(data: bytes) -> Iterator[tuple[int, int, int, bytes, int]]:
    """Enhanced packet blocks in microseconds (or as if_tsresol says), little-endian."""
    interfaces: list[tuple[int, int]] = []
    at = 0
    while at + 12 <= len(data):
        kind, length = struct.unpack("<II", data[at : at + 8])
        body = data[at + 8 : at + length - 4]
        if length < 12 or at + length > len(data):
            return
        if kind == 1:
            resolution, options = 6, body[8:]
            while len(options) >= 4:
                code, size = struct.unpack("<HH", options[:4])
                if code == 9:
                    resolution = options[4]
                options = options[4 + (size + 3) // 4 * 4 :]
            interfaces.append((struct.unpack("<H", body[:2])[0], resolution))
        elif kind == 6:
            interface, high, low, captured, original = struct.unpack("<IIIII", body[:20])
            link, resolution = interfaces[interface]
            time = (high << 32 | low) * 10 ** (9 - resolution)
            yield at, time, link, body[20 : 20 + captured], original
        at += length


def _tcp(frame: bytes, original: int, link: int) -> tuple | None:
    """Fields of a TCP packet, or None."""
    begin, vlans = {1: 14, 113: 16, 276: 20, 101: 0, 0: 4, 228: 0, 229: 0}[link], []
    if link in (1, 113, 276):
        kind = struct.unpack(">H", frame[{1: 12, 113: 14, 276: 0}[link] :][:2].ljust(2, b"\0"))[0]
        while kind in (0x8100, 0x88A8) and len(frame) >= begin + 4:
            tag, kind = struct.unpack(">HH", frame[begin : begin + 4])
            vlans.append(str(tag & 0xFFF))
            begin += 4
        if kind not in (0x0800, 0x86DD):
            return None
    packet = frame[begin:]
    try:
        version = packet[0] >> 4
        if version == 4:
            ip = dpkt.ip.IP(packet)
            total, header, protocol, ttl, ip_id = ip.len or original - begin, ip.hl * 4, ip.p, ip.ttl, ip.id
            if ip.offset or ip.mf:
                return None
        else:
            ip = dpkt.ip6.IP6(packet)
            total, header, protocol, ttl, ip_id = 40 + ip.plen, 40, ip.nxt, ip.hlim, 0
        if protocol != 6:
            return None
        segment = packet[header:]
        sport, dport, seq, ack, bits, window = struct.unpack(">HHIIHH", segment[:16])
    except (dpkt.UnpackError, struct.error, IndexError):
        return None
    length = (bits >> 12) * 4
    try:
        options = dict(dpkt.tcp.parse_opts(segment[20:length]))
    except (dpkt.UnpackError, IndexError):
        options = {}
    return (
        str(ip_address(ip.src)),
        sport,
        str(ip_address(ip.dst)),
        dport,
        seq,
        ack,
        bits & 0x1FF,
        window,
        max(min(total, original - begin) - header - length, 0),
        ttl,
        ip_id,
        options[3][0] if options.get(3) else -1,
        8 in options,
        bool(options.get(5)),
        ",".join(tag for tag in vlans if tag != "0") or None,
        len(segment) < length,
        segment[length : min(length + BEGIN, max(total - header, 0))],
    )
