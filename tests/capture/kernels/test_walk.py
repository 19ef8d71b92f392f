"""The records of pcap files, walked in one loop: the same as numpy finds, sound files and damaged ones."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import pytest

from capture.model import Notice
from capture.wire import feed, pcap
from capture.wire.reading import open_capture
from tests.bench.mutate import mutated
from tests.capture.kernels.ways import assert_same, both_ways, compiled
from tests.capture.wire import building as make

pytestmark = compiled

FORMS: dict[str, dict[str, Any]] = {
    "little": {},
    "big": {"order": ">"},
    "nanoseconds": {"nanoseconds": True},
    "big nanoseconds": {"order": ">", "nanoseconds": True},
    "modified": {"modified": True},
    "big modified": {"order": ">", "modified": True},
}
FRAMES = [make.ethernet(make.ipv4(make.tcp(seq=n, payload=bytes(n * 7 % 1400)), ip_id=n + 1)) for n in range(90)]
SMALL = [bytes(size) for size in (0, 1, 2, 0, 0, 60, 14, 0)]
Walked = tuple[list[tuple[int, int, int, int, int, bytes]], list[Notice]]


def walked(path: Path) -> Walked:
    """Number, offset, sizes, time and bytes of every record; and the notices."""
    found = []
    with open_capture(str(path)) as reader:
        for records in reader.records():
            assert not isinstance(records, str)
            columns = (records.offset, records.captured, records.original, records.time, records.begin)
            for row, (offset, captured, original, time, begin) in enumerate(zip(*map(list, columns), strict=True)):
                data = bytes(records.buffer[begin : begin + captured])
                found.append((records.first_number + row, int(offset), int(captured), int(original), int(time), data))
        return found, reader.notices


def agreed(data: bytes, folder: Path) -> Walked:
    path = folder / "made.pcap"
    path.write_bytes(data)
    found, plain = both_ways(lambda: walked(path))
    assert_same(found, plain)
    return found


@pytest.fixture(params=["one window", "small windows", "few records at once"])
def windows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "small windows":
        for name, size in (("FIRST", 2048), ("WINDOW", 4096), ("HEADROOM", 6000)):
            monkeypatch.setattr(feed, name, size)
    elif request.param == "few records at once":
        monkeypatch.setattr(pcap, "MOST_AT_ONCE", 7)


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("form", FORMS)
def test_sound_files(tmp_path: Path, form: str) -> None:
    for frames in (FRAMES, SMALL * 40, FRAMES + SMALL + FRAMES, FRAMES[:7], [], [FRAMES[60] * 40, *FRAMES]):
        records, notices = agreed(make.pcap(frames, **FORMS[form]), tmp_path)
        assert [record[5] for record in records] == frames
        assert not notices


def header(form: dict[str, Any], seconds: int, fraction: int, captured: int, original: int) -> bytes:
    order, rest = form.get("order", "<"), bytes(8 if form.get("modified") else 0)
    return struct.pack(order + "IIII", seconds, fraction, captured, original) + rest


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("form", FORMS)
def test_headers_that_cannot_be(tmp_path: Path, form: str) -> None:
    how = FORMS[form]
    before, after = make.pcap(FRAMES[:20], **how), make.pcap(FRAMES[20:60], **how)[24:]
    for between in (
        bytes(16), bytes(24), bytes(64), bytes(5000), b"\xff" * 16, b"\xff" * 999, b"x" * 40,
        header(how, 0, 5, 0, 0), header(how, 1_700_000_000, 1, 0xFFFFFFFF, 60), header(how, 1, 1, 0x7FFFFFFF, 1),
        header(how, 1_700_000_000, 1, (1 << 18) + 1, 1 << 19), header(how, 1_700_000_000, 1, 1 << 18, 1 << 18),
        header(how, 1_700_000_000, 1, 40, 0) + bytes(40), header(how, 0, 0, 4, 4) + bytes(4),
        header(how, 0xFFFFFFFF, 0xFFFFFFFF, 4, 0xFFFFFFFF) + bytes(4), header(how, 0, 0, 0, 9),
        header(how, 1_700_000_000, 0, 0, 0), header(how, 1_700_000_000, 2_000_000_000, 1, 1) + b"x",
    ):  # fmt: skip
        agreed(before + between + after, tmp_path)
        agreed(before + between, tmp_path)
        agreed(before[:24] + between + after, tmp_path)


@pytest.mark.usefixtures("windows")
def test_cut_off_anywhere(tmp_path: Path) -> None:
    data = make.pcap(FRAMES[:9])
    for size in [*range(24, 60), *range(60, len(data), 29)]:
        agreed(data[:size], tmp_path)


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("form", FORMS)
def test_damaged_files(tmp_path: Path, form: str) -> None:
    data = make.pcap(FRAMES, **FORMS[form])
    for seed in range(15):
        rng = random.Random(f"{form} {seed}")
        agreed(data[:24] + mutated(data[24:], rng), tmp_path)


def test_more_records_than_are_told_at_once(tmp_path: Path) -> None:
    count = pcap.MOST_AT_ONCE * 2 + 5
    data = make.pcap([]) + make.pcap([b"ab"])[24:] * count
    path = tmp_path / "many.pcap"
    path.write_bytes(data)

    def sizes() -> tuple[int, int, list[Notice]]:
        with open_capture(str(path)) as reader:
            records = [part for part in reader.records() if not isinstance(part, str)]
            return sum(map(len, records)), records[-1].first_number + len(records[-1]) - 1, reader.notices

    for found in both_ways(sizes):
        assert found == (count, count, [])
