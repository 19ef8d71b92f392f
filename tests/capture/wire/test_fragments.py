"""IP fragments: reassembled in any order, or named."""

from __future__ import annotations

import itertools
import struct

import pytest

from capture.wire.column_types import PacketMark
from tests.capture.engine.segments import read_segments
from tests.capture.wire import building as make

SEGMENT = make.tcp(sport=5, payload=bytes(range(100)))
MORE = 0x2000


def pieces() -> list[bytes]:
    cuts = [(0, 48), (48, 96), (96, len(SEGMENT))]
    return [
        make.ethernet(make.ipv4(SEGMENT[a:b], fragment=a // 8 | (MORE if b < len(SEGMENT) else 0))) for a, b in cuts
    ]


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
def test_fragments_in_any_order_are_one_packet_where_the_last_came(order: tuple[int, ...]) -> None:
    parts = pieces()
    read = read_segments(make.pcap([parts[index] for index in order]))
    assert read.column("payload") == [100]
    assert read.column("number") == [3]
    assert read.column("marks") == [PacketMark.FRAGMENT]
    assert not read.notices


def test_missing_fragments_are_named() -> None:
    read = read_segments(make.pcap(pieces()[:2]))
    assert not len(read)
    assert [notice.code for notice in read.notices] == ["fragments_missing"]


def test_ipv6_fragments() -> None:
    def piece(a: int, b: int) -> bytes:
        header = struct.pack(">BBHI", 6, 0, a | (b < len(SEGMENT)), 77)
        return make.ethernet(make.ipv6(header + SEGMENT[a:b], following=44), 0x86DD)

    read = read_segments(make.pcap([piece(0, 80), piece(80, len(SEGMENT))]))
    assert read.column("payload") == [100]
    assert read.column("marks") == [PacketMark.FRAGMENT | PacketMark.IPV6]


def test_a_fragmented_tunnel() -> None:
    inner = make.udp(b"\x08\0\0\0\0\0\x07\0" + make.ethernet(make.ipv4(SEGMENT)), 4789)
    parts = [
        make.ethernet(make.ipv4(inner[:64], protocol=17, fragment=MORE)),
        make.ethernet(make.ipv4(inner[64:], protocol=17, fragment=8)),
    ]
    read = read_segments(make.pcap(parts))
    assert read.column("payload") == [100]
    assert read.scopes == [(None, "vxlan:7")]


def test_other_fragments_are_no_concern() -> None:
    frame = make.ethernet(make.ipv4(make.udp(bytes(64), 53), protocol=17, fragment=MORE))
    read = read_segments(make.pcap([frame] * 50))
    assert not read.notices


def test_fragments_without_end_take_no_memory_without_end() -> None:
    frames = [make.ethernet(make.ipv4(bytes(8), fragment=MORE, ip_id=index)) for index in range(3000)]
    read = read_segments(make.pcap(frames))
    assert "3000" in read.notices[0].text
