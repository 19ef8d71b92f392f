"""Windows over a file that another program cuts off, or writes on, while it is read; and over what only streams."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from capture import kernels
from capture.decode import Progress, decode
from capture.wire import feed, stream
from capture.wire.feed import FileFeed, StreamFeed, feed_of
from capture.wire.reading import open_capture
from capture.wire.source import open_source
from tests.capture.wire import building as make

FIRST, WINDOW, HEADROOM = 8 << 10, 32 << 10, 40 << 10
FRAME = make.ethernet(make.ipv4(make.tcp(payload=bytes(1200))))
RECORD = len(FRAME) + 16
RECORDS = 4 * WINDOW // RECORD


@pytest.fixture(autouse=True, params=["compiled", "numpy"])
def _small_windows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in one loop where the kernels were compiled, and window by window."""
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "KERNELS", None)
    elif kernels.KERNELS is None:
        pytest.skip("the kernels were not compiled")
    for name, size in (("FIRST", FIRST), ("WINDOW", WINDOW), ("HEADROOM", HEADROOM)):
        monkeypatch.setattr(feed, name, size)
    for name, size in (("PIECE", WINDOW), ("ROWS", WINDOW // RECORD)):
        monkeypatch.setattr(stream, name, size)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A pcap of four windows."""
    path = tmp_path / "large.pcap"
    path.write_bytes(make.pcap([]) + make.pcap([FRAME])[24:] * RECORDS)
    return path


@pytest.mark.parametrize("left", [0, 10, 24, 3 * FIRST, WINDOW + FIRST, 2 * WINDOW + 777])
def test_a_file_cut_off_between_two_windows(large: Path, left: int) -> None:
    with open_capture(str(large)) as reader:
        blocks = reader.blocks()
        packets = len(next(blocks)) + len(next(blocks))
        seen = packets
        os.truncate(large, left)
        packets += sum(len(block) for block in blocks)
        codes = [notice.code for notice in reader.notices]
    assert packets == max(seen, (left - 24) // RECORD)
    assert codes in ([], ["cut_short"])


def test_a_file_cut_off_while_it_is_decoded(large: Path) -> None:
    left = WINDOW + FIRST

    def progress(now: Progress) -> None:
        if now.packets:
            os.truncate(large, left)

    (decoded,) = decode([str(large)], progress=progress)
    assert decoded.packets == decoded.tcp_packets == (left - 24) // RECORD
    assert [notice.code for notice in decoded.notices] == ["cut_short"]


def test_a_file_that_grows_meanwhile(large: Path) -> None:
    more = make.pcap([FRAME])[24:] * 100
    with open_capture(str(large)) as reader:
        blocks = reader.blocks()
        packets = len(next(blocks))
        with large.open("ab") as file:
            file.write(more)
        packets += sum(len(block) for block in blocks)
        assert not reader.notices
    assert packets == RECORDS + 100


def test_a_file_that_is_written_in_the_middle_of_a_packet(large: Path) -> None:
    """The program that captures is in the middle of a packet; the rest comes while the file is read."""
    whole = large.read_bytes()
    os.truncate(large, len(whole) - 600)
    with open_capture(str(large)) as reader:
        blocks = reader.blocks()
        packets = len(next(blocks))
        with large.open("ab") as file:
            file.write(whole[-600:])
        packets += sum(len(block) for block in blocks)
        assert not reader.notices
    assert packets == RECORDS


@pytest.mark.parametrize("kept", [0, 1, 1000, FIRST, 20_000])
@pytest.mark.parametrize("packed", [False, True])
def test_windows_follow_each_other_without_a_gap(tmp_path: Path, kept: int, packed: bool) -> None:
    """Each begins with what was kept of the one before, however much that is."""
    data = bytes(os.urandom(5 * WINDOW + 123))
    path = tmp_path / "data"
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    windows = feed_of(open_source(str(path))[0])
    assert isinstance(windows, StreamFeed if packed else FileFeed)
    upto = 0
    while windows.advance(max(windows.start, windows.end - kept)):
        assert data[windows.base + windows.start : windows.base + windows.end] == bytes(
            windows.buffer[windows.start : windows.end]
        )
        assert windows.base + windows.start == max(0, upto - kept)
        assert len(windows.buffer) >= windows.end + feed.PAD
        upto = windows.base + windows.end
    windows.close()
    assert upto == len(data)
    assert windows.final


def test_a_packet_larger_than_a_window(tmp_path: Path) -> None:
    frames = [FRAME, FRAME + bytes(3 * WINDOW), *[FRAME] * 50]
    blocks, reader = make.read(make.pcap(frames), tmp_path)
    assert sum(map(len, blocks)) == 52
    assert not reader.notices
