"""Classic pcap: forms, cuts and damage."""

from __future__ import annotations

import struct
from pathlib import Path

from tests.capture.wire import building as make

FRAME = make.ethernet(make.ipv4(make.tcp(payload=b"x" * 10)))


def test_the_modified_form_has_longer_record_headers(tmp_path: Path) -> None:
    blocks, reader = make.read(make.pcap([FRAME] * 3, modified=True), tmp_path)
    assert make.column(blocks, "payload") == [10, 10, 10]
    assert not reader.notices


def test_every_cut_gives_the_whole_packets_before_it(tmp_path: Path) -> None:
    data = make.pcap([FRAME] * 4)
    record = len(FRAME) + 16
    for size in range(24, len(data) + 1):
        blocks, reader = make.read(data[:size], tmp_path)
        assert sum(map(len, blocks)) == (size - 24) // record
        cut = (size - 24) % record != 0
        assert [notice.code for notice in reader.notices] == (["cut_short"] if cut else [])


def test_reading_resumes_behind_an_impossible_length(tmp_path: Path) -> None:
    data = bytearray(make.pcap([FRAME] * 60))
    struct.pack_into("<I", data, 24 + 20 * (len(FRAME) + 16) + 8, 0x7FFFFFFF)
    blocks, reader = make.read(bytes(data), tmp_path)
    assert sum(map(len, blocks)) == 59
    assert [(notice.code, notice.packet) for notice in reader.notices] == [("bad_record", 21)]


def test_garbage_at_the_end_is_named(tmp_path: Path) -> None:
    blocks, reader = make.read(make.pcap([FRAME] * 5) + b"trailing garbage, not a record" * 9, tmp_path)
    assert sum(map(len, blocks)) == 5
    assert [notice.code for notice in reader.notices] == ["bad_record"]


def test_the_upper_bits_of_the_link_type_are_flags(tmp_path: Path) -> None:
    blocks, reader = make.read(make.pcap([FRAME], link=0x14000001), tmp_path)
    assert reader.link_types == ["EN10MB"]
    assert len(blocks) == 1


def test_times_that_go_back(tmp_path: Path) -> None:
    late, early = make.pcap([FRAME], start=2_000_000_000), make.pcap([FRAME], start=5)
    blocks, reader = make.read(late + early[24:], tmp_path)
    assert make.column(blocks, "time") == [2_000_000_000_000_100_000, 5_000_100_000]
    assert (reader.first_time, reader.last_time) == (5_000_100_000, 2_000_000_000_000_100_000)
