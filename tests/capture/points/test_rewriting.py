"""Boxes that rewrite what packets are told by: timestamps taken out, numbers changed before a capture began."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from capture.points.comparison import compare
from tests.capture.points.editing import ACK, SEQ, Frame, clock, each_tcp, frames, write
from tests.capture.points.test_comparison import LAB, PAIR, codes, differences, only, pair

HEADER_LENGTH, OPTIONS = 46, 54
TIMESTAMPS, NO_OPERATION = 8, 1


def without_timestamps(frame: Frame) -> Frame:
    """The timestamps option overwritten, as some firewalls do."""
    at, end = OPTIONS, 34 + (frame.data[HEADER_LENGTH] >> 4) * 4
    while at < end and frame.data[at]:
        size = 1 if frame.data[at] == NO_OPERATION else frame.data[at + 1]
        if frame.data[at] == TIMESTAMPS:
            return frame.with_bytes(at, bytes([NO_OPERATION]) * size)
        at += size
    return frame


def test_a_syn_without_its_timestamps_is_changed_and_not_lost(tmp_path: Path) -> None:
    comparison = pair(tmp_path, lambda packets: each_tcp(packets, without_timestamps))
    both = only(comparison)
    assert list(differences(both)) == ["modified"]
    assert {change.what for packet in both.modified for change in packet.changed} == {"timestamps"}
    assert both.cause == "half_close"


@pytest.mark.parametrize("late", ["both", "b"])
@pytest.mark.parametrize("stamped", [True, False], ids=["with timestamps", "without"])
def test_rewritten_numbers_of_a_connection_that_began_before(tmp_path: Path, stamped: bool, late: str) -> None:
    """No opening tells by how much: timestamps, or contents between the same ends, do."""
    source = LAB / "14f-client-pool-idle-race"

    def moved(frame: Frame, at: int, by: int) -> Frame:
        return frame.with_bytes(at, ((frame.number(at) + by) % (1 << 32)).to_bytes(4, "big"))

    captures = []
    for name in ("client", "server"):
        packets = [frame for frame in frames(source / f"{name}.pcap") if frame.is_tcp]
        client = packets[0].source
        if not stamped:
            packets = each_tcp(packets, without_timestamps)
        if name == "server":
            by = {True: (123_456_789, -987_654_321), False: (-987_654_321, 123_456_789)}
            packets = [moved(moved(f, SEQ, by[f.source == client][0]), ACK, by[f.source == client][1]) for f in packets]
        if name == "server" or late == "both":
            packets = packets[3:]
        captures.append(write(tmp_path / f"{name}.pcap", packets, source / f"{name}.pcap"))
    comparison = compare(*map(str, captures))
    both = only(comparison)
    assert both.shifted is not None
    assert [by % (1 << 32) for by in both.shifted] == [123_456_789, -987_654_321 % (1 << 32)]
    assert differences(both) == ({"missed": [("a", 1), ("a", 2)]} if late == "b" else {})  # what came before b's first
    assert "renumbered" in codes(comparison)


def test_one_capture_named_twice_is_said(tmp_path: Path) -> None:
    copy = write(tmp_path / "copy.pcap", frames(PAIR / "client.pcap"), PAIR / "client.pcap")
    assert codes(compare(str(PAIR / "client.pcap"), str(copy))) == ["same_capture"]
    assert codes(compare(str(PAIR / "client.pcap"), str(PAIR / "server.pcap"))) == []


@pytest.mark.parametrize("ppm", [200, -200])
def test_a_clock_that_gains_does_not_swap_two_points(tmp_path: Path, ppm: int) -> None:
    """Two µs of cable between, and no router: what a clock gains until the answer comes is more than that."""
    packets = [frame for frame in frames(PAIR / "client.pcap") if frame.is_tcp]
    client = packets[0].source
    along = [replace(frame, time=frame.time + (2 if frame.source == client else -2)) for frame in packets]
    a = write(tmp_path / "a.pcap", packets, PAIR / "client.pcap")
    b = write(tmp_path / "b.pcap", clock(along, 3600, ppm), PAIR / "client.pcap")
    comparison = compare(str(a), str(b))
    assert comparison.near == "a"
    assert differences(only(comparison)) == {}
