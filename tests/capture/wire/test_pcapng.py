"""pcapng: sections, interfaces, block kinds, damage."""

from __future__ import annotations

import struct

import pytest

from tests.capture.engine.segments import read_segments
from tests.capture.wire import building as make

PACKET = make.ipv4(make.tcp(payload=b"abc"))
FRAME = make.ethernet(PACKET)
SECOND = 1_700_000_000


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders(order: str) -> None:
    data = make.section(order) + make.interface(order=order) + make.enhanced(FRAME, SECOND * 10**6, order=order)
    read = read_segments(data)
    assert read.column("time") == [SECOND * 10**9]


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
def test_each_interface_has_its_own_resolution(resolution: int, ticks: int, nanoseconds: int) -> None:
    described = make.interface(options=make.option(9, bytes([resolution])))
    read = read_segments(make.section() + described + make.enhanced(FRAME, ticks))
    assert read.column("time") == [nanoseconds]


def test_each_interface_has_its_own_offset_and_link_type() -> None:
    data = (
        make.section()
        + make.interface(options=make.option(14, struct.pack("<q", -100)))
        + make.interface(link=101)
        + make.enhanced(FRAME, SECOND * 10**6)
        + make.enhanced(PACKET, SECOND * 10**6, number=1)
    )
    read = read_segments(data)
    assert read.column("time") == [(SECOND - 100) * 10**9, SECOND * 10**9]
    assert read.column("payload") == [3, 3]
    assert read.link_types == ["EN10MB", "RAW"]


def test_simple_and_old_packets_and_unknown_blocks() -> None:
    old = struct.pack("<HHIIII", 0, 5, 0, 77, len(FRAME), len(FRAME)) + FRAME
    data = (
        make.section()
        + make.interface()
        + make.block(0x0BAD, b"unknown")
        + make.block(3, struct.pack("<I", len(FRAME)) + FRAME)
        + make.block(4, b"names")
        + make.block(2, old)
    )
    read = read_segments(data)
    assert read.column("time") == [0, 77_000]
    assert read.packets == 2


def test_a_new_section_forgets_interfaces_and_may_change_byte_order() -> None:
    data = make.section() + make.interface() + make.enhanced(FRAME, 1)
    data += make.section(">") + make.interface(101, ">") + make.enhanced(PACKET, 2, order=">")
    read = read_segments(data)
    assert read.column("time") == [1000, 2000]
    assert read.column("number") == [1, 2]


def test_packets_of_an_interface_that_no_block_describes_are_named() -> None:
    data = make.section() + make.interface() + make.enhanced(FRAME, 1, number=3) + make.enhanced(FRAME, 2)
    read = read_segments(data)
    assert read.column("number") == [2]
    assert [notice.code for notice in read.notices] == ["bad_record"]


def test_reading_resumes_behind_a_damaged_block() -> None:
    parts = [make.enhanced(FRAME, index) for index in range(50)]
    broken = bytearray(parts[10])
    struct.pack_into("<I", broken, 4, 5)
    parts[10] = bytes(broken)
    read = read_segments(make.section() + make.interface() + b"".join(parts))
    assert len(read) == 49
    assert [notice.code for notice in read.notices] == ["bad_record"]


def test_every_cut() -> None:
    head = make.section() + make.interface()
    data = head + make.enhanced(FRAME, 1) * 3
    packet = (len(data) - len(head)) // 3
    for size in range(len(head), len(data) + 1):
        read = read_segments(data[:size])
        assert len(read) == (size - len(head)) // packet
        assert len(read.notices) == ((size - len(head)) % packet != 0)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("padded", [True, False], ids=["length without padding", "no padding"])
def test_blocks_whose_length_is_no_multiple_of_four(padded: bool, order: str) -> None:
    """Old programs left the padding out of the length, or out altogether."""

    def old(frame: bytes, ticks: int) -> bytes:
        length = 32 + len(frame)
        head = struct.pack(order + "IIIIIII", 6, length, 0, 0, ticks, len(frame), len(frame))
        return head + frame + bytes(-len(frame) % 4 if padded else 0) + struct.pack(order + "I", length)

    frames = [make.ethernet(make.ipv4(make.tcp(seq=n, payload=bytes(n)))) for n in range(1, 9)]
    data = make.section(order) + make.interface(order=order) + b"".join(old(frame, n) for n, frame in enumerate(frames))
    read = read_segments(data)
    assert read.column("seq") == list(range(1, 9))
    assert read.notices == []


def test_more_than_65535_interfaces() -> None:
    many = make.interface(147) * 70_000 + make.interface()
    read = read_segments(make.section() + many + make.enhanced(FRAME, 5, number=70_000))
    assert read.column("interface") == [70_000]
    assert read.column("time") == [5000]
    assert read.link_types == ["USER0", "EN10MB"]


@pytest.mark.parametrize(("flags", "direction"), [(0, 0), (1, 1), (2, 2), (0x11, 1)])
def test_the_direction_of_a_packet(flags: int, direction: int) -> None:
    head = struct.pack("<IIIII", 0, 0, 0, len(FRAME), len(FRAME))
    options = make.option(2, struct.pack("<I", flags)) + bytes(4)
    packet = make.block(6, head + FRAME + bytes(-len(FRAME) % 4) + options)
    assert read_segments(make.section() + make.interface() + packet).column("direction") == [direction]


def test_times_that_do_not_fit_are_cut() -> None:
    late = make.interface(options=make.option(9, b"\0") + make.option(14, struct.pack("<q", 1 << 62)))
    read = read_segments(make.section() + late + make.enhanced(FRAME, (1 << 64) - 1))
    assert read.column("time") == [((1 << 63) // 1_000_000_000 - 1) * 1_000_000_000]


@pytest.mark.parametrize("order", ["<", ">"])
def test_packets_that_the_capture_dropped_are_told(order: str) -> None:
    """The last statistics of each interface count: they are totals."""

    def dropped(interface: int, by_interface: int, by_system: int) -> bytes:
        counts = ((5, by_interface), (7, by_system))
        options = b"".join(make.option(code, struct.pack(f"{order}Q", count), order) for code, count in counts)
        return make.block(5, struct.pack(f"{order}III", interface, 0, 0) + options, order)

    described = (
        make.section(order) + make.interface(order=order) * 2 + make.enhanced(FRAME, SECOND * 10**6, order=order)
    )
    read = read_segments(described + dropped(0, 1, 0) + dropped(0, 3, 2) + dropped(1, 0, 4) + dropped(9, 50, 50))
    (notice,) = read.notices
    assert notice.code == "dropped_by_capture"
    assert " 9 packets" in notice.text
    assert read_segments(described + dropped(0, 0, 0)).notices == []
