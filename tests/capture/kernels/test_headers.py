"""Packets of the common layouts, decoded in one loop: every column as numpy decodes it header by header."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capture.model import Notice
from capture.wire.checksums import BUDGET
from capture.wire.columns import AddressTable, Mark, PacketColumns
from capture.wire.common import common_layouts
from capture.wire.reading import open_capture
from tests.capture.kernels.ways import assert_same, both_ways, compiled
from tests.capture.wire import building as make
from tests.capture.wire.test_layers import LINKS, TUNNELS

pytestmark = compiled

PLAIN = make.tcp(seq=5, payload=b"12345")
OPTIONS = {
    "none": b"",
    "timestamp as usual": make.TIMESTAMP,
    "timestamp elsewhere": make.TIMESTAMP[2:] + b"\1\1",
    "timestamp and more": make.TIMESTAMP + b"\1\1\1\1",
    "timestamp of a wrong length": b"\1\1\x08\x0b" + bytes(12),
    "SYN's": b"\2\4\5\xb4\4\2\x08\x0a" + bytes(8) + b"\1\3\3\7",
    "scale 0": b"\3\3\0",
    "scale 14": b"\3\3\x0e",
    "scale 15": b"\3\3\x0f\1",
    "scale 255": b"\1\3\3\xff",
    "scale twice": b"\3\3\2\3\3\5",
    "scale of a wrong length": b"\3\4\7\1",
    "SACK": b"\1\1\5\x0a" + bytes(8),
    "SACK and timestamp": make.TIMESTAMP + b"\1\1\5\x12" + bytes(16),
    "SACK without a block": b"\5\2\1\1",
    "TFO": b"\x22\6abcd\1\1",
    "TFO asked for": b"\x22\2\1\1",
    "NOPs": b"\1" * 40,
    "end, then a scale": b"\0\3\3\7",
    "length 0": b"\xfe\0\3\3\7\1\1\1",
    "length 1": b"\xfe\1\3\3\7\1\1\1",
    "beyond the header": b"\1\1\x08\x0a\1\1\1\1",
    "kind alone at the end": b"\1\1\1\x08",
    "scale cut at the end": b"\1\1\3\3",
    "forty bytes": b"\xfe\x25" + bytes(35) + b"\3\3\7",
    "MD5": b"\x13\x12" + bytes(16) + b"\1\1",
}


def sized(header: int, body: bytes = b"12345") -> bytes:
    """A TCP header that claims so many words."""
    segment = bytearray(make.tcp(payload=body))
    segment[12] = header << 4 | segment[12] & 15
    return bytes(segment)


def v6(body: bytes, length: int | None = None, following: int = 6, version: int = 6, last: int = 1) -> bytes:
    packet = bytearray(make.ipv6(body, dst=f"2001:db8::{last:x}", following=following))
    packet[4:6] = struct.pack(">H", len(body) if length is None else length)
    packet[0] = version << 4
    return bytes(packet)


def v4_of_length(total: int, body: bytes = PLAIN, options: bytes = b"") -> bytes:
    return make.ipv4(body, total=total, options=options)


PACKETS_V4 = {
    **{f"options: {name}": make.ipv4(make.tcp(options=value, payload=b"abc")) for name, value in OPTIONS.items()},
    **{f"flags {flags:x}": make.ipv4(make.tcp(flags=flags)) for flags in (0, 2, 0x12, 4, 1, 0x1FF, 0xE00, 0xFFF)},
    **{f"header of {words} words": make.ipv4(sized(words)) for words in (0, 1, 4, 5, 6, 7, 8, 15)},
    **{f"total {total}": v4_of_length(total) for total in (0, 1, 19, 20, 21, 36, 39, 40, 41, 45, 46, 60, 65535)},
    **{f"fragment {bits:x}": make.ipv4(PLAIN, fragment=bits) for bits in (0x4000, 0x8000, 0x2000, 0x2001, 1, 0x1FFF)},
    **{f"IP options {size}": make.ipv4(PLAIN, options=b"\1" * size) for size in (4, 8, 20, 40)},
    "IP options, total less": v4_of_length(43, options=b"\1" * 4),
    "IP options, total 0": v4_of_length(0, options=b"\1" * 40),
    "header of 16 bytes": b"\x44" + make.ipv4(PLAIN)[1:],
    "header longer than the packet": b"\x4f" + make.ipv4(b"")[1:],
    "version 5": b"\x55" + make.ipv4(PLAIN)[1:],
    "version 6 under IPv4's type": v6(PLAIN),
    "empty TCP": make.ipv4(b""),
    "padding of Ethernet": make.ipv4(make.tcp()) + bytes(6),
    "UDP": make.ipv4(make.udp(b"x" * 30, 53), protocol=17),
    "UDP cut": make.ipv4(b"\0\1", protocol=17),
    "ICMP": make.ipv4(b"\x03\x01" + bytes(6) + make.ipv4(PLAIN)[:28], protocol=1),
    "IP in IP": make.ipv4(make.ipv4(PLAIN), protocol=4),
    "SCTP": make.ipv4(PLAIN, protocol=132),
    "largest id, ttl 0": make.ipv4(PLAIN, ip_id=65535, ttl=0),
    "window 0": make.ipv4(make.tcp(window=0)),
    "numbers at the wrap": make.ipv4(make.tcp(seq=2**32 - 1, ack=2**31, window=65535)),
    "payload 1": make.ipv4(make.tcp(payload=b"x")),
    "the highest addresses": make.ipv4(PLAIN, src="255.255.255.255", dst="0.0.0.0"),
}
PACKETS_V6 = {
    "plain": v6(PLAIN),
    "length 0": v6(PLAIN, length=0),
    "length 1": v6(PLAIN, length=1),
    "shorter than TCP": v6(PLAIN, length=19),
    "longer than captured": v6(PLAIN, length=9000),
    "padded": v6(make.tcp()) + bytes(4),
    "version 4": v6(PLAIN, version=4),
    "version 0": v6(PLAIN, version=0),
    "hop by hop": v6(b"\x06\0" + bytes(6) + PLAIN, following=0),
    "routing": v6(b"\x06\2" + bytes(22) + PLAIN, following=43),
    "authentication": v6(b"\x06\4" + bytes(22) + PLAIN, following=51),
    "two extensions": v6(b"\x3c\0" + bytes(6) + b"\x06\0" + bytes(6) + PLAIN, following=0),
    "fragment": v6(b"\x06\0\0\1" + bytes(4) + PLAIN, following=44),
    "atomic fragment": v6(b"\x06\0\0\0" + bytes(4) + PLAIN, following=44),
    "no next header": v6(PLAIN, following=59),
    "UDP": v6(make.udp(b"x" * 30, 53), following=17),
    "ICMPv6": v6(b"\1\4" + bytes(6) + v6(PLAIN), following=58),
    "options": v6(make.tcp(options=OPTIONS["SYN's"], flags=2)),
    "timestamp": v6(make.tcp(options=make.TIMESTAMP, payload=b"xy")),
    "header of 4 words": v6(sized(4)),
    **{f"address {last:x}": v6(PLAIN, last=last) for last in (0xFFFF, 2, 0, 0xABC)},
}
OTHERS = {  # Ethernet's types
    "ARP": (0x0806, bytes(28)),
    "LLC": (len(PLAIN), PLAIN),
    "LLC with SNAP": (60, b"\xaa\xaa\3\0\0\0\x08\0" + make.ipv4(PLAIN)),
    "VLAN": (0x8100, b"\0\x0a\x08\0" + make.ipv4(PLAIN)),
    "unknown": (0x88CC, bytes(40)),
    "IPv4 under IPv6's type": (0x86DD, make.ipv4(PLAIN)),
}
TYPED = [
    *((0x0800, packet) for packet in PACKETS_V4.values()),
    *((0x86DD, packet) for packet in PACKETS_V6.values()),
    *OTHERS.values(),
]
FRAMED = {
    "ethernet": (1, [make.ethernet(packet, kind) for kind, packet in TYPED]),
    "sll": (113, [bytes(14) + struct.pack(">H", kind) + packet for kind, packet in TYPED]),
    "sll2": (276, [struct.pack(">H", kind) + bytes(18) + packet for kind, packet in TYPED]),
    "raw": (101, [packet for _, packet in TYPED]),
    "raw 12": (12, [packet for _, packet in TYPED]),
    "ipv4": (228, [packet for _, packet in TYPED]),
    "ipv6": (229, [packet for _, packet in TYPED]),
}


def decoded(path: Path) -> tuple[dict[str, list[Any]], list[Notice], int]:
    """Every column of every TCP packet (addresses as text), the notices and how many packets there are."""
    with open_capture(str(path)) as reader:
        blocks = list(reader.blocks())
        columns = {name: make.column(blocks, name) for name in PacketColumns.__struct_fields__}
        for name in ("src", "dst"):  # an IPv6 address has its key by when it was first seen
            columns[name] = [reader.addresses.text(key) for key in columns[name]]
        scopes = [reader.scopes.scopes[index] for index in columns["scope"]]
        columns["scope"] = [(scope.vlan, scope.tunnel) for scope in scopes]
        return columns, reader.notices, reader.packets


def agreed(data: bytes, folder: Path) -> tuple[dict[str, list[Any]], list[Notice], int]:
    """What is decoded of a capture, which must be the same both ways."""
    path = folder / "made.pcap"
    path.write_bytes(data)
    found, plain = both_ways(lambda: decoded(path))
    assert_same(found, plain)
    return found


@pytest.mark.parametrize("name", FRAMED)
def test_every_corner(tmp_path: Path, name: str) -> None:
    link, frames = FRAMED[name]
    columns, _, packets = agreed(make.pcap(frames, link=link), tmp_path)
    assert packets == len(frames)
    assert len(columns["number"]) > 80 or name in ("ipv6",)


@pytest.mark.parametrize("frame", FRAMED["ethernet"][1], ids=[*PACKETS_V4, *PACKETS_V6, *OTHERS])
def test_alone_in_its_capture(tmp_path: Path, frame: bytes) -> None:
    """Decoded all alone it takes other ways through numpy."""
    agreed(make.pcap([frame]), tmp_path)


@pytest.mark.parametrize("name", ["ethernet", "sll", "sll2", "raw"])
def test_cut_at_every_byte(tmp_path: Path, name: str) -> None:
    link, frames = FRAMED[name]
    skip = {"ethernet": 14, "sll": 16, "sll2": 20, "raw": 0}[name]
    packets = (
        PACKETS_V4["options: SYN's"], PACKETS_V4["options: SACK and timestamp"], PACKETS_V4["options: scale twice"],
        PACKETS_V4["options: timestamp as usual"], PACKETS_V4["IP options 8"], PACKETS_V4["total 0"],
        PACKETS_V4["UDP"], PACKETS_V6["plain"], PACKETS_V6["options"], PACKETS_V6["hop by hop"], PACKETS_V6["length 0"],
    )  # fmt: skip
    whole = [frame for frame in frames if frame[skip:] in packets]
    cuts = [(frame[:size], len(frame)) for frame in whole for size in range(len(frame) + 1)]
    agreed(make.pcap([cut for cut, _ in cuts], link=link, originals=[size for _, size in cuts]), tmp_path)
    agreed(make.pcap([cut for cut, _ in cuts], link=link), tmp_path)  # as if that were all


@pytest.mark.parametrize("original", [0, 1, 59, 70_000, 0x7FFFFFFF])
def test_sizes_on_the_wire_that_are_not_so(tmp_path: Path, original: int) -> None:
    frames = FRAMED["ethernet"][1]
    agreed(make.pcap(frames, originals=[original] * len(frames)), tmp_path)


@pytest.mark.parametrize(
    "form", [{"order": ">"}, {"nanoseconds": True}, {"modified": True}, {"order": ">", "modified": True}]
)
def test_forms_of_pcap(tmp_path: Path, form: dict[str, Any]) -> None:
    agreed(make.pcap(FRAMED["ethernet"][1], **form), tmp_path)


def test_pcapng(tmp_path: Path) -> None:
    frames = [*FRAMED["ethernet"][1], *(frame for frame, _ in TUNNELS.values())]
    blocks = [make.enhanced(frame, 1_700_000_000_000_000 + number) for number, frame in enumerate(frames)]
    agreed(make.section() + make.interface() + b"".join(blocks), tmp_path)
    mixed = [make.enhanced(frame, number, number % 2) for number, frame in enumerate(frames)]
    agreed(make.section() + make.interface() + make.interface(101) + b"".join(mixed), tmp_path)


@pytest.mark.parametrize("name", LINKS)
def test_other_link_types(tmp_path: Path, name: str) -> None:
    link, frame = LINKS[name]
    agreed(make.pcap([frame, frame[:-3], frame[: len(frame) // 2]], link=link), tmp_path)


def test_tunnels_and_packets_of_their_ports(tmp_path: Path) -> None:
    ports = (53, 443, 4789, 8472, 4790, 6081, 2152, 3544, 5072, 6635, 1701, 4754)
    frames = [frame for frame, _ in TUNNELS.values()]
    inner = make.ethernet(make.ipv4(PLAIN))
    for port in ports:
        for body in (b"\x08\0\0\0\0\0\x05\0" + inner, make.ipv4(PLAIN), b"", b"\0\0\x08\0" + make.ipv4(PLAIN)):
            for ends in ((port, 40000), (40000, port), (port, port)):
                frames.append(make.ethernet(make.ipv4(make.udp(body, *ends), protocol=17)))
                frames.append(make.ethernet(v6(make.udp(body, *ends), following=17), 0x86DD))
    columns, _, _ = agreed(make.pcap(frames + FRAMED["ethernet"][1]), tmp_path)
    assert any(tunnel for _, tunnel in columns["scope"])


@pytest.mark.parametrize("seed", range(6))
def test_headers_of_random_bytes(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = [bytearray(frame) for frame in FRAMED["ethernet"][1] * 4]
    for frame in frames:
        for at in rng.integers(12, min(len(frame), 90), int(rng.integers(1, 4))):
            frame[at] = rng.choice((int(rng.integers(256)), 0, 255, 0x45, 0x60, 6, 17))
    cut = [bytes(frame[: int(rng.integers(len(frame) + 1))] if rng.random() < 0.3 else frame) for frame in frames]
    agreed(make.pcap(cut, originals=[len(frame) for frame in frames]), tmp_path)


def test_the_common_ones_are_all_decoded_in_the_loop(tmp_path: Path) -> None:
    """Else this would compare numpy with itself."""
    for link, packets, kind in ((1, PACKETS_V4, 0x0800), (113, PACKETS_V4, 0x0800), (1, PACKETS_V6, 0x86DD)):
        head = {1: make.ethernet(b"", kind), 113: bytes(14) + b"\x08\0"}[link]
        plain = [
            packet for name, packet in packets.items() if name.startswith(("options", "flags", "plain", "address"))
        ]
        path = tmp_path / "common.pcap"
        path.write_bytes(make.pcap([head + packet for packet in plain], link=link))
        with open_capture(str(path)) as reader:
            (records,) = reader.records()
            assert not isinstance(records, str)
            found = common_layouts(records, AddressTable())
            assert found is not None
            assert len(found[0]) == len(plain)
            assert not len(found[1])


def checksummed(packet: bytes, change: int = 0, field: int | None = None) -> bytes:
    """The same packet with the right TCP checksum, or one that is off, or given."""
    v4 = packet[0] >> 4 == 4
    start = (packet[0] & 15) * 4 if v4 else 40
    addresses, segment = packet[12:20] if v4 else packet[8:40], bytearray(packet[start:])
    segment[16:18] = bytes(2)
    pseudo = ones(addresses + struct.pack(">II", len(segment), 6))
    total = ones(bytes(segment), pseudo)
    value = {None: (0xFFFF - total) ^ change, -1: pseudo}.get(field, field)
    segment[16:18] = struct.pack(">H", value)
    return packet[:start] + bytes(segment)


def ones(data: bytes, start: int = 0) -> int:
    """The sum of RFC 1071."""
    data += bytes(len(data) % 2)
    total = start + sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def frames_with(change: int, field: int | None, sizes: Sequence[int]) -> list[bytes]:
    rng = np.random.default_rng(len(sizes))
    frames = []
    for size in sizes:
        body = make.tcp(seq=size, options=OPTIONS["SYN's"] if size % 3 else b"", payload=rng.bytes(size))
        frames.append(make.ethernet(checksummed(make.ipv4(body, src=socket.inet_ntoa(rng.bytes(4))), change, field)))
        frames.append(make.ethernet(checksummed(make.ipv4(body, options=b"\1" * 8), change, field)))
        frames.append(make.ethernet(checksummed(v6(body, last=size), change, field), 0x86DD))
    return frames


@pytest.mark.parametrize(
    ("change", "field", "wrong"),
    [(0, None, False), (1, None, True), (0x4100, None, True), (0, 0, False), (0, -1, False)],
    ids=["right", "wrong", "wrong in the other byte", "none", "left to the card"],
)
def test_checksums(tmp_path: Path, change: int, field: int | None, wrong: bool) -> None:
    frames = frames_with(change, field, (*range(40), 1001, 1448, 9000))
    columns, _, _ = agreed(make.pcap(frames), tmp_path)
    assert len(columns["marks"]) == len(frames)
    assert {bool(marks & Mark.BAD_CHECKSUM) for marks in columns["marks"]} == {wrong}
    agreed(make.pcap([frame + bytes(3) for frame in frames]), tmp_path)
    cut, _, _ = agreed(make.pcap([frame[:-1] for frame in frames[3:]], originals=[*map(len, frames[3:])]), tmp_path)
    assert not any(marks & Mark.BAD_CHECKSUM for marks in cut["marks"])


def test_a_checksum_of_ones(tmp_path: Path) -> None:
    """0xFFFF and 0 are the same number in ones' complement."""
    frames = [make.ethernet(checksummed(make.ipv4(make.tcp(seq=seq)), field=0xFFFF)) for seq in range(3000)]
    agreed(make.pcap(frames), tmp_path)


def test_checksums_are_looked_at_to_the_same_byte(tmp_path: Path) -> None:
    frames = frames_with(1, None, [1448] * 500)
    columns, _, _ = agreed(make.pcap(frames * 2), tmp_path)
    wrong = [offset for offset, marks in zip(columns["offset"], columns["marks"], strict=True) if marks & 4]
    assert BUDGET - 4000 < wrong[-1] < BUDGET
    assert len(wrong) < len(columns["marks"])
