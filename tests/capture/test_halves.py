"""Two processes find what one finds, or one goes on alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.capture.wire import building as make

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="a second process is for Linux and two cores"
)
ROUNDS = 5000
SIZE = 1000  # bytes of payload: files above 4 MB are read in windows


def frames(wrap: bool = True) -> list[bytes]:
    """Long and short connections over both halves, of every kind that is counted apart."""
    out = []
    for number in range(ROUNDS):
        port = 1000 + number % 50 if number % 3 else 5000 + number
        segment = make.tcp(sport=port, seq=1 + number // 50 * SIZE, payload=bytes([number % 256]) * SIZE)
        if wrap and number % 7 == 0:
            host = 9 if number < ROUNDS // 2 else 3  # other addresses, in another order, behind
            packet = make.ethernet(make.ipv6(segment, src=f"2001:db8::{host + number % 2}"), 0x86DD)
        elif wrap and number % 11 == 0:
            packet = make.ethernet(make.ipv4(segment), tags=[20 if number < ROUNDS // 2 else 30 + number % 2])
        else:
            packet = make.ethernet(make.ipv4(segment, ip_id=number % 65536))
        out.append(packet)
        if wrap and number % 500 == 0:
            quoted = make.ipv4(make.tcp(sport=port, seq=42))[:28]
            out.append(make.ethernet(make.ipv4(bytes([3, 1]) + bytes(6) + quoted, src="192.0.2.9", protocol=1)))
    return out


def small_frames(count: int) -> list[bytes]:
    """Packets of which a file holds as many as it can, nearly."""
    return [make.ethernet(make.ipv4(make.tcp(sport=1 + n % 999, seq=n), ip_id=n % 65536)) for n in range(count)]


def both_ways(data: bytes, tmp_path: Path, *arguments: str) -> dict[str, Any]:
    path = tmp_path / "large.pcap"
    path.write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-m", "tests.capture.read_both_ways", str(path), *arguments],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    if set(arguments) <= {"fail"}:
        assert found["progress"][0]
        assert found["progress"][1] == len(data)
    return found


def test_the_same_is_found(tmp_path: Path) -> None:
    packets = frames()
    found = both_ways(make.pcap(packets), tmp_path)
    assert found["joined"] == [True]
    assert found["same"]
    assert found["progress"][2] == len(packets)


def test_progress_stays_at_the_end_while_many_packets_are_grouped(tmp_path: Path) -> None:
    # more packets than decode.MANY, and several windows behind the middle of the file
    found = both_ways(make.pcap([frame + bytes(150) for frame in small_frames(210_000)]), tmp_path)
    assert found["joined"] == [True]
    assert found["same"]


def test_several_files_that_are_one_capture(tmp_path: Path) -> None:
    packets = frames()
    later = [tmp_path / "second.pcap", tmp_path / "third.pcap"]
    for number, path in enumerate(later, 1):
        path.write_bytes(make.pcap(packets[number * 7 :], start=1_700_000_000 + 10 * number))
    found = both_ways(make.pcap(packets), tmp_path, *map(str, later))
    assert found["joined"] == [True] * 3
    assert found["same"]
    assert found["progress"][2] == 3 * len(packets) - 21


def test_a_file_that_grows_beyond_the_room_for_it(tmp_path: Path) -> None:
    found = both_ways(make.pcap(small_frames(70_000)), tmp_path, "grow")
    assert found["joined"] == [False]
    assert found["same"]
    assert found["progress"][2] == 140_000


def test_the_end_of_what_is_given_up_is_told_once(tmp_path: Path) -> None:
    data = bytearray(make.pcap(small_frames(70_000)))
    for place in range(210):
        at = 1_200_000 + place * 5000
        data[at : at + 100] = bytes([0xFF]) * 100
    found = both_ways(bytes(data), tmp_path)
    assert found["joined"] == [False]
    assert found["same"]


def test_a_cut_end_is_told(tmp_path: Path) -> None:
    found = both_ways(make.pcap(frames())[:-500], tmp_path)
    assert found["joined"] == [True]
    assert found["same"]


def test_every_packet_twice_over_the_border(tmp_path: Path) -> None:
    twice = [frame for frame in frames(wrap=False) for _ in range(2)]
    for drop in range(2):  # the border lies between two pairs, or within one
        found = both_ways(make.pcap(twice[drop:]), tmp_path)
        assert found["joined"] == [True]
        assert found["same"]


@pytest.mark.parametrize("where", [0.3, 0.6, 0.8])
def test_damage_is_left_to_one_process(where: float, tmp_path: Path) -> None:
    data = bytearray(make.pcap(frames()))
    at = int(len(data) * where)
    data[at : at + 3000] = bytes([0xFF]) * 3000
    assert both_ways(bytes(data), tmp_path)["same"]


def test_a_capture_within_packets_leads_nobody_astray(tmp_path: Path) -> None:
    """In the middle of the file lies a packet that holds a capture: its records look as sound as the real ones."""
    inner = make.pcap(frames(wrap=False)[:20])[24:]
    outer = [make.ethernet(make.ipv4(make.tcp(seq=1 + number * 60000, payload=inner))) for number in range(300)]
    found = both_ways(make.pcap(outer), tmp_path)
    assert found["joined"] == [False]
    assert found["same"]


def test_fragments_are_left_to_one_process(tmp_path: Path) -> None:
    whole = make.tcp(sport=77, payload=bytes(1200))
    first, rest = (
        make.ethernet(make.ipv4(whole[:800], ip_id=9, fragment=0x2000)),
        make.ethernet(make.ipv4(whole[800:], ip_id=9, fragment=100)),
    )
    packets: Sequence[bytes] = [first, *frames(), rest]
    found = both_ways(make.pcap(packets), tmp_path)
    assert found["joined"] == [False]
    assert found["same"]


def test_a_second_process_that_fails_is_done_without(tmp_path: Path) -> None:
    found = both_ways(make.pcap(frames()), tmp_path, "fail")
    assert found["joined"] == [False]
    assert found["same"]
