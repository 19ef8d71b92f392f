"""IP fragments: reassembled in any order, or named."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import pytest

from capture.wire.columns import Mark
from tests.capture.wire import building as make

SEGMENT = make.tcp(sport=5, payload=bytes(range(100)))
MORE = 0x2000


def pieces() -> list[bytes]:
    cuts = [(0, 48), (48, 96), (96, len(SEGMENT))]
    return [
        make.ethernet(make.ipv4(SEGMENT[a:b], fragment=a // 8 | (MORE if b < len(SEGMENT) else 0))) for a, b in cuts
    ]


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
def test_fragments_in_any_order_are_one_packet_where_the_last_came(tmp_path: Path, order: tuple[int, ...]) -> None:
    parts = pieces()
    blocks, reader = make.read(make.pcap([parts[index] for index in order]), tmp_path)
    assert make.column(blocks, "payload") == [100]
    assert make.column(blocks, "number") == [3]
    assert make.column(blocks, "marks") == [Mark.FRAGMENT]
    assert not reader.notices


def test_missing_fragments_are_named(tmp_path: Path) -> None:
    blocks, reader = make.read(make.pcap(pieces()[:2]), tmp_path)
    assert not blocks
    assert [notice.code for notice in reader.notices] == ["fragments_missing"]


def test_ipv6_fragments(tmp_path: Path) -> None:
    def piece(a: int, b: int) -> bytes:
        header = struct.pack(">BBHI", 6, 0, a | (b < len(SEGMENT)), 77)
        return make.ethernet(make.ipv6(header + SEGMENT[a:b], following=44), 0x86DD)

    blocks, _ = make.read(make.pcap([piece(0, 80), piece(80, len(SEGMENT))]), tmp_path)
    assert make.column(blocks, "payload") == [100]
    assert make.column(blocks, "marks") == [Mark.FRAGMENT | Mark.IPV6]


def test_a_fragmented_tunnel(tmp_path: Path) -> None:
    inner = make.udp(b"\x08\0\0\0\0\0\x07\0" + make.ethernet(make.ipv4(SEGMENT)), 4789)
    parts = [
        make.ethernet(make.ipv4(inner[:64], protocol=17, fragment=MORE)),
        make.ethernet(make.ipv4(inner[64:], protocol=17, fragment=8)),
    ]
    blocks, reader = make.read(make.pcap(parts), tmp_path)
    assert make.column(blocks, "payload") == [100]
    assert reader.scopes.scopes[make.column(blocks, "scope")[0]].tunnel == "vxlan:7"


def test_other_fragments_are_no_concern(tmp_path: Path) -> None:
    frame = make.ethernet(make.ipv4(make.udp(bytes(64), 53), protocol=17, fragment=MORE))
    _, reader = make.read(make.pcap([frame] * 50), tmp_path)
    assert not reader.notices


def test_fragments_without_end_take_no_memory_without_end(tmp_path: Path) -> None:
    frames = [make.ethernet(make.ipv4(bytes(8), fragment=MORE, ip_id=index)) for index in range(3000)]
    _, reader = make.read(make.pcap(frames), tmp_path)
    assert "3000" in reader.notices[0].text
