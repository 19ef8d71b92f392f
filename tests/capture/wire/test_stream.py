"""A large pcap file read in one loop: the same packets, notices and packet bytes as window by window."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from capture.wire import feed, stream
from capture.wire.columns import Mark
from capture.wire.feed import FileFeed
from capture.wire.reading import open_capture
from tests.bench.mutate import mutated
from tests.capture.kernels.test_headers import FRAMED, agreed, frames_with
from tests.capture.kernels.ways import compiled
from tests.capture.wire import building as make
from tests.capture.wire.test_layers import TUNNELS

pytestmark = compiled

APART = 60_000  # µs: too far apart to be taken for two sights of one packet, which depends on how blocks are cut
VLAN = make.ethernet(make.ipv4(make.tcp(payload=b"x" * 40)), tags=[5])
PLAIN = make.ethernet(make.ipv4(make.tcp(payload=b"x" * 40)))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything so small that it happens often."""
    for name, size in (("FIRST", 1000), ("WINDOW", 4000), ("HEADROOM", 5000)):
        monkeypatch.setattr(feed, name, size)
    for name, size in (("PIECE", 3000), ("ROWS", 29), ("SET_ASIDE", 2500)):
        monkeypatch.setattr(stream, name, size)


def blocks_streamed(path: Path) -> int:
    """How many packets come from the loop."""
    with open_capture(str(path)) as reader:
        assert isinstance(reader._feed, FileFeed)
        streamed = stream.streamed(reader._container, reader._feed, reader.addresses)
        return sum(block.packets for block in streamed)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", FRAMED)
def test_every_corner(tmp_path: Path, name: str) -> None:
    link, frames = FRAMED[name]
    nanoseconds: dict[str, Any] = {"nanoseconds": True, "step": 51_000_000}
    agreed(make.pcap(frames[:80], link=link, **nanoseconds), tmp_path)
    forms: tuple[dict[str, Any], ...] = ({"order": ">"}, {"modified": True}, {})
    for form in forms:
        _, _, packets = agreed(make.pcap(frames * 2, link=link, step=APART, **form), tmp_path)
        assert packets == 2 * len(frames)
    made = tmp_path / "made.pcap"
    assert blocks_streamed(made) == (0 if name == "sll2" else packets)  # which has an interface for each packet


@pytest.mark.usefixtures("small")
def test_tunnels_are_put_aside(tmp_path: Path) -> None:
    frames = [frame for frame, _ in TUNNELS.values()]
    mixed = [frame for one in FRAMED["ethernet"][1] for frame in (one, random.Random(len(one)).choice(frames))]
    for made in (frames * 9, mixed):
        agreed(make.pcap(made, step=APART), tmp_path)
        assert blocks_streamed(tmp_path / "made.pcap") == len(made)


@pytest.mark.usefixtures("small")
def test_fragments_in_different_blocks(tmp_path: Path) -> None:
    body = make.tcp(seq=77, payload=bytes(200))
    first = make.ethernet(make.ipv4(body[:96], fragment=0x2000))
    last = make.ethernet(make.ipv4(body[96:], fragment=96 // 8))
    for between in (0, 1, 28, 29, 30, 100):
        frames = [PLAIN] * 40 + [first] + [PLAIN] * between + [last] + [PLAIN] * 9
        columns, notices, _ = agreed(make.pcap(frames, step=APART), tmp_path)
        assert columns["payload"].count(200) == 1
        assert not notices


@pytest.mark.usefixtures("small")
def test_records_that_are_too_large_for_the_loop(tmp_path: Path) -> None:
    large = make.ethernet(make.ipv4(make.tcp(payload=bytes(3200)), total=0))
    for frames in ([PLAIN] * 40 + [large] + [PLAIN] * 40, [large] * 9, [PLAIN] * 60 + [large]):
        columns, _, packets = agreed(make.pcap(frames, step=APART), tmp_path)
        assert packets == len(columns["number"]) == len(frames)


@pytest.mark.usefixtures("small")
def test_where_the_file_is_damaged_the_windows_go_on(tmp_path: Path) -> None:
    data = make.pcap([PLAIN, VLAN] * 60, step=APART)
    for seed in range(25):
        agreed(data[:24] + mutated(data[24:], random.Random(seed)), tmp_path)
    for cut in range(len(data) - 120, len(data), 7):
        agreed(data[:cut], tmp_path)


def test_checksums_are_looked_at_to_the_same_byte(tmp_path: Path) -> None:
    """Also of packets that were put aside, which stand closer together there."""
    frames = [
        frame for pair in zip(frames_with(1, None, [1448] * 600), [VLAN[:-1]] * 1800, strict=True) for frame in pair
    ]
    wrong = make.ethernet(frames_with(1, None, [1400])[0][14:], tags=[9])
    data = make.pcap([frame for one in frames for frame in (one, wrong)], step=APART)
    assert len(data) > 4 * feed.FIRST
    columns, _, _ = agreed(data, tmp_path)
    assert sum(marks & Mark.BAD_CHECKSUM != 0 for marks in columns["marks"]) > 900
    assert blocks_streamed(tmp_path / "made.pcap") == 2 * len(frames)


@pytest.mark.usefixtures("small")
def test_as_much_put_aside_as_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [VLAN] * 40 + [VLAN[:54]]  # its TCP header is cut after the window
    monkeypatch.setattr(stream, "ROWS", 100)
    for before in range(7, 12):  # packets in the first block
        monkeypatch.setattr(stream, "SET_ASIDE", sum(map(len, frames[before:])))
        columns, _, _ = agreed(make.pcap(frames, originals=[len(VLAN)] * 41, step=APART), tmp_path)
        assert len(columns["number"]) == len(frames)
