"""Classic pcap: forms, cuts and damage."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from capture.engine.session import READER_NEXT
from tests.capture.engine.segments import read_segments
from tests.capture.wire import building as make

FRAME = make.ethernet(make.ipv4(make.tcp(payload=b"x" * 10)))


def test_the_modified_form_has_longer_record_headers() -> None:
    read = read_segments(make.pcap([FRAME] * 3, modified=True))
    assert read.column("payload") == [10, 10, 10]
    assert not read.notices


def test_every_cut_gives_the_whole_packets_before_it() -> None:
    data = make.pcap([FRAME] * 4)
    record = len(FRAME) + 16
    for size in range(24, len(data) + 1):
        read = read_segments(data[:size])
        assert len(read) == (size - 24) // record
        cut = (size - 24) % record != 0
        assert [notice.code for notice in read.notices] == (["cut_short"] if cut else [])


def test_reading_resumes_behind_an_impossible_length() -> None:
    data = bytearray(make.pcap([FRAME] * 60))
    struct.pack_into("<I", data, 24 + 20 * (len(FRAME) + 16) + 8, 0x7FFFFFFF)
    read = read_segments(bytes(data))
    assert len(read) == 59
    assert [(notice.code, notice.packet) for notice in read.notices] == [("bad_record", 21)]


def test_garbage_at_the_end_is_named() -> None:
    read = read_segments(make.pcap([FRAME] * 5) + b"trailing garbage, not a record" * 9)
    assert len(read) == 5
    assert [notice.code for notice in read.notices] == ["bad_record"]


def test_the_upper_bits_of_the_link_type_are_flags() -> None:
    read = read_segments(make.pcap([FRAME], link=0x14000001))
    assert read.link_types == ["EN10MB"]
    assert len(read) == 1


def test_times_that_go_back() -> None:
    late, early = make.pcap([FRAME], start=2_000_000_000), make.pcap([FRAME], start=5)
    read = read_segments(late + early[24:])
    assert read.column("time") == [2_000_000_000_000_100_000, 5_000_100_000]
    assert (read.first_time, read.last_time) == (5_000_100_000, 2_000_000_000_000_100_000)


BESIDE = {"modpcap": 8, "rh6_1pcap": 8, "suse6_3pcap": 12, "nokiapcap": 4}
FRAMES = [make.ethernet(make.ipv4(make.tcp(seq=n, payload=b"x" * n))) for n in range(1, 6)]
LLDP = bytes(12) + b"\x88\xcc" + bytes(60)
TAGGED = make.ethernet(make.ipv4(make.tcp(seq=1)), tags=[10])


def odd(frames: list[bytes], form: str, order: str = "<") -> bytes:
    """A pcap with something behind each record header: an interface, a protocol and a kind of packet, or less."""
    magic = 0xA1B2CD34 if form in ("modpcap", "suse6_3pcap") else 0xA1B2C3D4
    beside = struct.pack(order + "IHBBI", 3, 0x0800, 4, 0, 0)[: BESIDE[form]] if form != "nokiapcap" else bytes(4)
    out = [struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65535, 1)]
    for number, frame in enumerate(frames):
        out += [struct.pack(order + "IIII", 1_700_000_000 + number, 5, len(frame), len(frame)), beside, frame]
    return b"".join(out)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("first", [FRAMES[0], LLDP, TAGGED], ids=["ip", "lldp", "vlan"])
@pytest.mark.parametrize("form", BESIDE)
def test_odd_forms_are_told_by_the_second_record(form: str, first: bytes, order: str) -> None:
    read = read_segments(odd([first, *FRAMES[1:]], form, order))
    assert read.packets == 5
    assert read.notices == []
    assert read.column("seq")[-4:] == [2, 3, 4, 5]
    if form != "nokiapcap":
        assert {(row["interface"], row["direction"]) for row in read.segments} == {(3, 2)}


@pytest.mark.parametrize("form", ["modpcap", "rh6_1pcap", "nokiapcap", "suse6_3pcap"])
def test_a_single_packet_of_an_odd_form(form: str) -> None:
    read = read_segments(odd(FRAMES[4:], form))
    assert read.column("seq") == [5]
    assert read.notices == []


@pytest.mark.skipif(not shutil.which("editcap"), reason="editcap is not installed")
@pytest.mark.parametrize("form", BESIDE)
def test_odd_forms_as_wireshark_writes_them(tmp_path: Path, form: str) -> None:
    plain, other = tmp_path / "plain.pcap", tmp_path / "odd.pcap"
    plain.write_bytes(make.pcap([LLDP, *FRAMES]))
    if subprocess.run(["editcap", "-F", form, plain, other], capture_output=True, check=False).returncode:
        pytest.skip(f"this editcap writes no {form}")
    one, two = read_segments(plain.read_bytes()), read_segments(other.read_bytes())
    for name in ("number", "time", "seq", "payload", "data"):
        assert one.column(name) == two.column(name)
    assert two.notices == []


def test_a_usual_file_whose_second_record_is_damaged_keeps_its_form() -> None:
    data = bytearray(make.pcap([LLDP, *FRAMES * 4]))
    struct.pack_into("<I", data, 24 + 16 + len(LLDP) + 8, 0x7FFFFFFF)
    read = read_segments(bytes(data))
    assert read.packets == 20
    assert [(notice.code, notice.packet) for notice in read.notices] == [("bad_record", 2)]


def swapped(data: bytes, version: tuple[int, int], link: int = 1, order: str = "<") -> bytes:
    """The same file of an older version, whose records have their lengths the other way round."""
    out, at = bytearray(data), 24
    struct.pack_into(order + "HH", out, 4, *version)
    struct.pack_into(order + "I", out, 20, link)
    while at < len(data):
        captured, original = struct.unpack_from(order + "II", data, at + 8)
        struct.pack_into(order + "II", out, at + 8, original, captured)
        at += 16 + captured
    return bytes(out)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [(2, 0), (2, 2), (2, 3), (543, 0)])
def test_lengths_of_old_versions_are_swapped(version: tuple[int, int], order: str) -> None:
    data = make.pcap(FRAMES, originals=[len(frame) + 7 for frame in FRAMES], order=order)
    read, usual = read_segments(swapped(data, version, order=order)), read_segments(data)
    assert read.column("payload") == usual.column("payload") == [1, 2, 3, 4, 5]
    assert read.notices == []


def test_a_version_of_aix_has_its_own_link_types_and_nanoseconds() -> None:
    read = read_segments(swapped(make.pcap(FRAMES, originals=[99] * 5, step=7), (2, 2), link=6))
    assert read.link_types == ["EN10MB"]
    assert read.column("time") == [1_700_000_000_000_000_100 + 7 * n for n in range(5)]


def test_an_original_length_above_2_31_is_no_negative_one() -> None:
    huge = 0xFFFF_FFF0
    frames = [FRAMES[4], make.ethernet(make.ipv4(make.tcp(payload=b"x" * 20), total=0))]
    read = read_segments(make.pcap(frames, originals=[huge, huge]))
    assert read.column("payload") == [5, 20]  # what IP says; and where it says nothing, what is there


@pytest.mark.parametrize("orders", ["<<", "<>", "><"])
def test_another_header_is_another_capture(orders: str) -> None:
    """`cat a.pcap b.pcap`: not a packet of the year 2055."""
    one, two = (make.pcap(FRAMES, order=order) for order in orders)
    read = read_segments(one + two)
    assert (read.status, read.packets) == (READER_NEXT, 5)
    assert read.notices == []
    assert read.left == len(two)  # fed at once


def test_pcapng_behind_pcap_and_pcap_behind_pcapng() -> None:
    plain = make.pcap(FRAMES[:2])
    blocks = make.section() + make.interface() + make.enhanced(FRAMES[0], 1)
    for data, packets in ((plain + blocks, 2), (blocks + plain, 1)):
        read = read_segments(data)
        assert (read.status, read.packets, read.notices) == (READER_NEXT, packets, [])


def test_a_packet_of_2055_is_one_where_no_header_follows() -> None:
    read = read_segments(make.pcap(FRAMES, start=0xA1B2C3D4))
    assert read.packets == 5
    assert read.notices == []


def test_a_whole_record_at_the_end_is_found_behind_damage() -> None:
    data = make.pcap(FRAMES[:3])
    at = 24 + 16 + len(FRAMES[0])
    broken = bytearray(data)
    struct.pack_into("<I", broken, at + 8, 0x7FFFFFFF)
    read = read_segments(bytes(broken))
    assert read.column("seq") == [1, 3]
    assert [notice.code for notice in read.notices] == ["bad_record"]


def test_damage_without_end_is_given_up() -> None:
    good, bad = make.pcap(FRAMES[:3])[24:], b"\xff" * 16
    read = read_segments(make.pcap([]) + (good + bad) * 500 + good)
    assert [notice.code for notice in read.notices].count("bad_record") == 20
    assert "too much of the file is damaged" in read.notices[-1].text
    assert read.packets == 3 * 201
