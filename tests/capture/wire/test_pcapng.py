"""pcapng: sections, interfaces, block kinds, damage."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.capture.wire import building as make

PACKET = make.ipv4(make.tcp(payload=b"abc"))
FRAME = make.ethernet(PACKET)
SECOND = 1_700_000_000


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders(tmp_path: Path, order: str) -> None:
    data = make.section(order) + make.interface(order=order) + make.enhanced(FRAME, SECOND * 10**6, order=order)
    blocks, _ = make.read(data, tmp_path)
    assert make.column(blocks, "time") == [SECOND * 10**9]


@pytest.mark.parametrize(
    ("resolution", "ticks", "nanoseconds"),
    [
        (0, SECOND, SECOND * 10**9),
        (3, SECOND * 1000 + 7, SECOND * 10**9 + 7_000_000),
        (9, SECOND * 10**9 + 7, SECOND * 10**9 + 7),
        (12, (SECOND % 10**6) * 10**12 + 7123, (SECOND % 10**6) * 10**9 + 7),
        (0x80 | 20, (SECOND << 20) + (1 << 19), SECOND * 10**9 + 500_000_000),
    ],
)
def test_each_interface_has_its_own_resolution(tmp_path: Path, resolution: int, ticks: int, nanoseconds: int) -> None:
    described = make.interface(options=make.option(9, bytes([resolution])))
    blocks, _ = make.read(make.section() + described + make.enhanced(FRAME, ticks), tmp_path)
    assert make.column(blocks, "time") == [nanoseconds]


def test_each_interface_has_its_own_offset_and_link_type(tmp_path: Path) -> None:
    data = (
        make.section()
        + make.interface(options=make.option(14, struct.pack("<q", -100)))
        + make.interface(link=101)
        + make.enhanced(FRAME, SECOND * 10**6)
        + make.enhanced(PACKET, SECOND * 10**6, number=1)
    )
    blocks, reader = make.read(data, tmp_path)
    assert make.column(blocks, "time") == [(SECOND - 100) * 10**9, SECOND * 10**9]
    assert make.column(blocks, "payload") == [3, 3]
    assert reader.link_types == ["EN10MB", "RAW"]


def test_simple_and_old_packets_and_unknown_blocks(tmp_path: Path) -> None:
    old = struct.pack("<HHIIII", 0, 5, 0, 77, len(FRAME), len(FRAME)) + FRAME
    data = (
        make.section()
        + make.interface()
        + make.block(0x0BAD, b"unknown")
        + make.block(3, struct.pack("<I", len(FRAME)) + FRAME)
        + make.block(4, b"names")
        + make.block(2, old)
    )
    blocks, reader = make.read(data, tmp_path)
    assert make.column(blocks, "time") == [0, 77_000]
    assert reader.packets == 2


def test_a_new_section_forgets_interfaces_and_may_change_byte_order(tmp_path: Path) -> None:
    data = make.section() + make.interface() + make.enhanced(FRAME, 1)
    data += make.section(">") + make.interface(101, ">") + make.enhanced(PACKET, 2, order=">")
    blocks, _ = make.read(data, tmp_path)
    assert make.column(blocks, "time") == [1000, 2000]
    assert make.column(blocks, "number") == [1, 2]


def test_packets_of_an_interface_that_no_block_describes_are_named(tmp_path: Path) -> None:
    data = make.section() + make.interface() + make.enhanced(FRAME, 1, number=3) + make.enhanced(FRAME, 2)
    blocks, reader = make.read(data, tmp_path)
    assert make.column(blocks, "number") == [2]
    assert [notice.code for notice in reader.notices] == ["bad_record"]


def test_reading_resumes_behind_a_damaged_block(tmp_path: Path) -> None:
    parts = [make.enhanced(FRAME, index) for index in range(50)]
    broken = bytearray(parts[10])
    struct.pack_into("<I", broken, 4, 5)
    parts[10] = bytes(broken)
    blocks, reader = make.read(make.section() + make.interface() + b"".join(parts), tmp_path)
    assert sum(map(len, blocks)) == 49
    assert [notice.code for notice in reader.notices] == ["bad_record"]


def test_every_cut(tmp_path: Path) -> None:
    head = make.section() + make.interface()
    data = head + make.enhanced(FRAME, 1) * 3
    packet = (len(data) - len(head)) // 3
    for size in range(len(head), len(data) + 1):
        blocks, reader = make.read(data[:size], tmp_path)
        assert sum(map(len, blocks)) == (size - len(head)) // packet
        assert len(reader.notices) == ((size - len(head)) % packet != 0)
