"""One capture that several threads follow: what they say is what one engine says, to the byte."""

from __future__ import annotations

import gc
import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capture.decode import decode
from capture.engine.session import Engine, Table
from capture.engine.shares import SharedOut
from capture.report.json_lines import connection_lines
from capture.triage import judged
from capture.wire.capture_errors import CaptureUnreadable
from capture.wire.files.open_capture import RecordedPackets
from tests.capture.fleet.making import records
from tests.capture.flows.traffic import ACK, FIN, PSH, RST, SYN, Talk, random_traffic
from tests.capture.wire import building as make

EXAMPLES = Path(__file__).parents[3] / "tui" / "examples"


def told(path: str, followers: int = 0, *more: str, join: bool = False) -> list[Any]:
    """All that is said of a capture."""
    found: list[Any] = []
    for decoded in decode([path, *more], join=join, followers=followers):
        triage = judged(decoded)
        lines = b"".join(connection_lines(triage, range(len(decoded.flows))))
        found.append((lines, decoded.notices, decoded.packets, decoded.tcp_packets, decoded.link_types))
        found.append((decoded.first_time, decoded.last_time, decoded.flows.copies, triage.findings))
    return found


def mixed_traffic(folder: Path) -> str:
    """IPv4 and IPv6, VLANs, fragments, second copies, ICMP errors, ports used again, openings that wait."""
    wire = random_traffic(5, 120, 0.2)
    for number in range(40):
        talk = Talk(wire, ("10.9.0.1", 5000 + number % 7), ("10.9.0.2", 443), [number * 10_000, 77], number * 900)
        talk.open(50)
        talk.say(0, PSH | ACK, 300)
        talk.say(1, RST if number % 3 else FIN | ACK)
    wire.frames = [(at // 30, frame) for at, frame in wire.frames]
    wire.frames += [(at + 3, frame) for at, frame in wire.frames[::11]]  # captured again
    for number in range(30):
        addresses = f"2001:db8::{number + 1:x}", f"2001:db8::{number % 4 + 100:x}"
        there, back = make.tcp(4000, 80, 9, 0, SYN), make.tcp(80, 4000, 5, 10, SYN | ACK)
        wire.frames.append(
            (number * 70, make.ethernet(make.ipv6(there, *addresses), 0x86DD, [number % 3] * (number % 2)))
        )
        wire.frames.append((number * 70 + 40, make.ethernet(make.ipv6(back, *addresses[::-1]), 0x86DD)))
    return wire.write(folder / "mixed.pcap")


def fed(engine: Engine, data: bytes, size: int) -> Table:
    packets = RecordedPackets("", engine, 0)
    for at in range(0, len(data), size):
        packets.feed(memoryview(data)[at : at + size])
        engine.pass_on()
    packets.end()
    engine.end()
    return engine.table(last=True)


@pytest.mark.parametrize("followers", [1, 2, 3])
@pytest.mark.parametrize("size", [1000, 70_001, 1 << 24])
def test_shares_are_together_what_one_engine_says(tmp_path: Path, followers: int, size: int) -> None:
    data = Path(mixed_traffic(tmp_path)).read_bytes()
    one, shared = fed(Engine(), data, size), fed(SharedOut(followers), data, size)
    assert one.connections == shared.connections > 150
    assert (one.v6, one.scopes, one.quoted.tolist()) == (shared.v6, shared.scopes, shared.quoted.tolist())
    words = [[table.words[word] for word in table.columns["word"].tolist()] for table in (one, shared)]
    assert words[0] == words[1]
    for name, column in one.columns.items():
        if name != "word":
            assert np.array_equal(column, shared.columns[name]), name


def test_each_share_has_some(tmp_path: Path) -> None:
    shared = SharedOut(3)
    data = Path(mixed_traffic(tmp_path)).read_bytes()
    packets = RecordedPackets("", shared, 0)
    packets.feed(memoryview(data))
    shared.pass_on()
    shared._batches.end()
    for thread in shared._threads:
        thread.join()
    counts = [share.totals.connections for share in shared._shares]
    assert all(count > 20 for count in counts)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.pcap*")), ids=lambda path: path.name)
def test_the_report_of_a_recording_is_the_same(path: Path) -> None:
    assert told(str(path), 2) == told(str(path))


@pytest.mark.parametrize("overlap", [False, True])
def test_joined_files_are_the_same_too(tmp_path: Path, overlap: bool) -> None:
    """Cut at an odd place, or each second packet in another file: those overlap in time."""
    header, rows = records(mixed_traffic(tmp_path))
    parts = (rows[::2], rows[1::2]) if overlap else (rows[:333], rows[333:])
    paths = [tmp_path / "one.pcap", tmp_path / "two.pcap"]
    for path, part in zip(paths, parts, strict=True):
        path.write_bytes(header + b"".join(part))
    first, second = map(str, paths)
    assert told(first, 2, second, join=True) == told(first, 0, second, join=True)


def test_captures_one_behind_the_other_stay_apart(tmp_path: Path) -> None:
    both = tmp_path / "both.pcap"
    both.write_bytes(Path(mixed_traffic(tmp_path)).read_bytes() + (EXAMPLES / "incident.pcap").read_bytes())
    assert told(str(both), 2) == told(str(both))
    assert len(told(str(both), 2)) == 4


def test_damage_is_told_once(tmp_path: Path) -> None:
    data = bytearray(Path(mixed_traffic(tmp_path)).read_bytes())
    data[20_000:20_400] = b"\xff" * 400
    damaged = tmp_path / "damaged.pcap"
    damaged.write_bytes(data[:-7])
    assert told(str(damaged), 2) == told(str(damaged))
    assert {notice.code for notice in decode([str(damaged)], followers=2)[0].notices} >= {"bad_record", "cut_short"}


def test_no_thread_is_left_where_nothing_can_be_read(tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(struct.pack("<IHHi", 0xA1B2C3D4, 2, 4, 0))
    before = threading.active_count()
    with pytest.raises(CaptureUnreadable):
        decode([str(cut)], followers=2)
    gc.collect()
    assert threading.active_count() == before
