"""From files to connections: joining, progress, cancelling, previews."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from capture.decode import DecodedCapture, DecodingCancelled, Progress, decode
from capture.reread import packets_of, whole_packets
from capture.wire.capture_errors import CaptureUnreadable
from capture.wire.files.open_capture import MOST_CAPTURES
from tests.capture.flows.traffic import ACK, FIN, PSH, Talk, Wire, random_traffic
from tests.capture.wire import building as make


def rotated(tmp_path: Path) -> list[str]:
    """One long connection over three files, named so that their names sort wrongly."""
    talk = Talk(Wire(), ("10.0.0.1", 40000), ("10.0.0.2", 80), [1000, 5000], 0)
    paths = []
    for number, name in enumerate(("c.pcap", "a.pcap", "b.pcap")):
        talk.wire = Wire(identification=1000 * (number + 1))
        if number == 0:
            talk.open(300)
        for _ in range(5):
            talk.at += 1_000_000
            talk.say(0, PSH | ACK, 100)
        if number == 2:
            talk.say(0, FIN | ACK, at=talk.at + 10)
        paths.append(talk.wire.write(tmp_path / name))
    return paths


def test_several_files_are_several_captures(tmp_path: Path) -> None:
    captures = decode(sorted(rotated(tmp_path)))
    assert [len(capture.flows) for capture in captures] == [1, 1, 1]
    assert [capture.tcp_packets for capture in captures] == [5, 6, 8]


def test_captures_one_behind_the_other_are_several(tmp_path: Path) -> None:
    """`cat a.pcap b.pcap`: each as if it were a file of its own, its packets read again from where it begins."""
    paths = rotated(tmp_path)
    data = [Path(path).read_bytes() for path in paths]
    (tmp_path / "cat").write_bytes(b"".join(data))
    (tmp_path / "cat.gz").write_bytes(b"".join(map(gzip.compress, data)))
    alone = decode(paths)
    for name in ("cat", "cat.gz"):
        found = decode([str(tmp_path / name)])
        assert [one.packets for one in found] == [one.packets for one in alone]
        for at, (one, single) in enumerate(zip(found, alone, strict=True), 1):
            assert [notice.code for notice in one.notices] == ["several_captures", *(n.code for n in single.notices)]
            assert f"capture {at} of 3" in one.notices[0].text
            assert one.flows.history == single.flows.history
            assert one.flows.first_number.tolist() == [1]
            assert packets_of(one, 0).time.tolist() == packets_of(single, 0).time.tolist()
            whole, wanted = whole_packets(one.file_of(2), [2], 99), whole_packets(single.file_of(2), [2], 99)
            assert whole is not None
            assert wanted is not None
            assert (whole[2].data, whole[2].number) == (wanted[2].data, 2)


def test_packets_captured_twice_are_said(tmp_path: Path) -> None:
    wire = Wire()
    for port in (4000, 4001, 4002):
        talk = Talk(wire, ("10.0.0.1", port), ("10.0.0.2", 80), [1000, 9000], port)
        talk.open(100)
        talk.say(0, PSH | ACK, 100)
    plain = decode([wire.write(tmp_path / "plain.pcap")])[0]
    twice = [copy for at, frame in wire.frames for copy in ((at, frame), (at + 2, frame))][:16]
    double = decode([Wire(twice).write(tmp_path / "double.pcap")])[0]
    assert "seen_twice" not in [notice.code for notice in plain.notices]
    assert [n.text for n in double.notices if n.code == "seen_twice"] == [
        "2 connections have packets that were captured more than once: each is counted once"
    ]


def test_captures_of_one_file_may_be_joined(tmp_path: Path) -> None:
    paths = rotated(tmp_path)
    (tmp_path / "cat").write_bytes(b"".join(Path(path).read_bytes() for path in paths))
    (joined,) = decode([str(tmp_path / "cat")], join=True)
    assert (joined.packets, len(joined.flows)) == (19, 1)
    assert packets_of(joined, 0).number.tolist() == list(range(1, 20))


def test_what_cannot_be_read_behind_a_capture_takes_nothing_from_it(tmp_path: Path) -> None:
    first = Path(rotated(tmp_path)[0]).read_bytes()
    section = bytes.fromhex("0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000")
    (tmp_path / "cat").write_bytes(first + section[:20] + bytes(8))
    found = decode([str(tmp_path / "cat")])
    assert found[0].packets == 8
    assert found[0].notices


def test_a_million_captures_in_one_file_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "many").write_bytes(make.pcap([]) * 20_000)
    found = decode([str(tmp_path / "many")])
    assert len(found) == MOST_CAPTURES
    assert [notice.code for notice in found[-1].notices] == ["several_captures", "cut_short"]


def test_joined_files_are_one_capture_in_order_of_time(tmp_path: Path) -> None:
    paths = rotated(tmp_path)
    (joined,) = decode(sorted(paths), join=True)
    assert joined.paths == tuple(paths)
    assert joined.packets == 19
    assert len(joined.flows) == 1
    assert joined.flows.bytes.tolist() == [[1500, 0]]
    assert packets_of(joined, 0).number.tolist() == list(range(1, 20))
    assert joined.flows.counts["lost_segment"].sum() == 0


def test_files_that_overlap_are_merged_in_order_of_time(tmp_path: Path) -> None:
    """Each direction in a file of its own, as two mirror ports make them."""
    both = Wire()
    talk = Talk(both, ("10.0.0.1", 4000), ("10.0.0.2", 80), [1000, 9000], 0)
    talk.open(100)
    for at in range(200, 2200, 200):
        talk.at = at
        talk.say(at // 200 % 2, PSH | ACK, 100)
    whole = decode([both.write(tmp_path / "both.pcap")])[0]
    paths = []
    for side, name in enumerate((b"\n\0\0\1", b"\n\0\0\2")):
        one = Wire([(at, frame) for at, frame in both.frames if frame[26:30] == name])
        paths.append(one.write(tmp_path / f"{side}.pcap"))
    (joined,) = decode(paths, join=True)
    assert joined.flows.history == whole.flows.history
    assert joined.flows.packet_count.tolist() == whole.flows.packet_count.tolist()
    assert joined.flows.rtt_ns.tolist() == whole.flows.rtt_ns.tolist()
    assert packets_of(joined, 0).time.tolist() == packets_of(whole, 0).time.tolist()


@pytest.mark.parametrize(("damage", "told"), [("empty", 0), ("missing", 1), ("words", 1)])
def test_one_unreadable_file_of_a_rotated_capture_hides_nothing_of_the_others(
    tmp_path: Path, damage: str, told: int
) -> None:
    paths = rotated(tmp_path)
    newest = tmp_path / "d.pcap"
    if damage != "missing":
        newest.write_bytes(b"" if damage == "empty" else b"these are not packets\n" * 20)
    refused: list[CaptureUnreadable] = []
    (joined,) = decode([*paths, str(newest)], join=True, refused=refused.append)
    assert joined.packets == 19
    assert [notice.code for notice in joined.notices] == ["part_empty" if damage == "empty" else "part_left_out"]
    assert str(newest) in joined.notices[0].text
    assert [error.path for error in refused] == [str(newest)] * told
    with pytest.raises(CaptureUnreadable):
        decode([str(newest), str(newest)], join=True)


def test_every_packet_is_found_again_in_its_file(tmp_path: Path) -> None:
    paths = rotated(tmp_path)
    (joined,) = decode(paths, join=True)
    packets = packets_of(joined, 0)
    places = [(joined.file_of(number), number) for number in packets.number.tolist()]
    assert {part.path for part, _ in places} == set(paths)
    for (part, number), time, offset in zip(places, packets.time.tolist(), packets.offset.tolist(), strict=True):
        found = whole_packets(part, [number], 1 << 16)
        assert found is not None
        whole = found[number]
        assert (whole.time, whole.offset) == (time, offset)


def test_progress_reaches_the_end_and_a_preview_comes_first(tmp_path: Path) -> None:
    path = random_traffic(3, 200, 0.1).write(tmp_path / "some.pcap")
    told: list[Progress] = []
    shown: list[DecodedCapture] = []

    def preview(first: DecodedCapture) -> None:
        assert not shown
        shown.append(first)

    (decoded,) = decode([path], progress=told.append, preview=preview)
    assert len(shown) == 1
    assert 0 < len(shown[0].flows) <= len(decoded.flows)
    assert told[-1].packets == decoded.packets
    assert told[-1].bytes_done == told[-1].bytes_total == Path(path).stat().st_size


@pytest.mark.parametrize("calls", [1, 2, 3, 4])
def test_decoding_stops_when_told_to(tmp_path: Path, calls: int) -> None:
    path = random_traffic(3, 100, 0.1).write(tmp_path / "some.pcap")
    left = iter(range(calls))
    with pytest.raises(DecodingCancelled):
        decode([path], cancelled=lambda: next(left, None) is None)


def test_a_capture_without_packets_has_no_connections(tmp_path: Path) -> None:
    (decoded,) = decode([Wire().write(tmp_path / "empty.pcap")])
    assert len(decoded.flows) == 0
    assert decoded.first_time is None
    assert decoded.flows.history == []


def test_what_is_no_capture_is_said_so(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"\x00\x01" * 64)
    with pytest.raises(CaptureUnreadable):
        decode([str(other)])
    with pytest.raises(CaptureUnreadable):
        decode([str(tmp_path / "missing.pcap")])


@pytest.mark.parametrize(
    ("order", "told"), [([0, 1, 2, 3], []), ([1, 0, 2, 3], []), ([0, 3, 1, 2], ["times_run_back"])]
)
def test_times_that_run_back_are_said(tmp_path: Path, order: list[int], told: list[str]) -> None:
    """Not where two queues changed places: the first two lie 50 ms apart, the others a second."""
    at = (0, 50_000, 1_000_000, 2_000_000)
    frames = [make.ethernet(make.ipv4(make.tcp(seq=1 + number, payload=b"a"))) for number in range(4)]
    blocks = b"".join(make.enhanced(frames[i], 1_700_000_000_000_000 + at[i]) for i in order)
    path = tmp_path / "some.pcapng"
    path.write_bytes(make.section() + make.interface() + blocks)
    (decoded,) = decode([str(path)])
    assert [notice.code for notice in decoded.notices if notice.code == "times_run_back"] == told
