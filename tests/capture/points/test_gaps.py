"""Captures with gaps, and with edges that packets on the way cross: what nothing tells of is called nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from capture.points.comparison import compare
from capture.points.match_captures import NUMBERED, _kept_ids
from tests.capture.points.editing import Frame, frames, write
from tests.capture.points.test_comparison import LAB, PAIR, differences, only
from tests.capture.wire import building as make

WAY = 100_000  # µs
CLIENT, SERVER = ("10.5.1.1", 40000), ("10.5.2.2", 80)
SYN_ACK, PSH_ACK = 18, 24
SERVER_SIDE = (bytes((10, 5, 2, 2)), 80)


def stream() -> list[tuple[bool, int, bytes]]:
    """Whether the client sent it, when it passed the client in µs, and the packet: the server sends 500 bytes each
    10 ms, and each is acknowledged.
    """
    sent = [(True, 0, make.SYN, 1000, 0, 0), (False, 2 * WAY, SYN_ACK, 9000, 1001, 0)]
    sent += [(True, 2 * WAY + 1000, make.ACK, 1001, 9001, 0)]
    for at in range(100):
        time, seq = 500_000 + 10_000 * at, 9001 + 500 * at
        sent += [(False, time, PSH_ACK, seq, 1001, 500), (True, time + 500, make.ACK, 1001, seq + 500, 0)]
    made = []
    for number, (own, time, flags, seq, ack, size) in enumerate(sent):
        source, target = (CLIENT, SERVER) if own else (SERVER, CLIENT)
        segment = make.tcp(source[1], target[1], seq, ack, flags, payload=b"x" * size)
        packet = make.ipv4(segment, source[0], target[0], ip_id=number + 1)
        made.append((own, time, bytes(12) + b"\x08\x00" + packet))
    return made


def at_client() -> list[Frame]:
    """The client's capture."""
    return [Frame(1_000_000 + time, data, len(data)) for _, time, data in stream()]


def at_server() -> list[Frame]:
    """The server's, 100 ms away."""
    moved = ((time + (WAY if own else -WAY), data) for own, time, data in stream())
    return [Frame(1_000_000 + time, data, len(data)) for time, data in sorted(moved)]


def told(folder: Path, a: list[Frame], b: list[Frame]) -> dict[str, list[tuple[str, int]]]:
    """What a comparison says of the packets."""
    paths = [
        str(write(folder / f"{name}.pcap", packets, PAIR / "client.pcap")) for name, packets in (("a", a), ("b", b))
    ]
    return differences(only(compare(*paths)))


@pytest.mark.parametrize("gap", [True, False], ids=["with another gap", "without"])
def test_a_capture_with_gaps_leaves_bare_packets_undecided(tmp_path: Path, gap: bool) -> None:
    """A lacks an ACK that B has. Where A also lacks a segment that its client did acknowledge, its capture has gaps."""
    a, b = at_client(), at_server()
    lacking = [a[60], *([a[41]] if gap else [])]
    places = [b.index(next(frame for frame in b if frame.data == one.data)) + 1 for one in lacking]
    found = told(tmp_path, [frame for frame in a if frame not in lacking], b)
    if gap:
        assert found == {"undecided": [("b", places[0])], "missed": [("b", places[1])]}
    else:
        assert found == {"injected": [("b", places[0])]}


@pytest.mark.parametrize("where", ["a", "b"])
def test_what_was_on_its_way_when_a_capture_began_or_ended_is_neither_lost_nor_injected(
    tmp_path: Path, where: str
) -> None:
    a, b = at_client(), at_server()
    for part in (slice(60, None), slice(None, 140), slice(60, 140)):
        cut = (a[part], b) if where == "a" else (a, b[part])
        assert told(tmp_path, *cut) == {}, part


def test_identifications_that_several_ways_keep_are_kept_by_all() -> None:
    """Unless a way of which no packet has the same one shows that they are changed."""
    few, many = 1, NUMBERED
    of = lambda *counts: np.array(counts, np.int64)  # noqa: E731
    assert _kept_ids(of(many, many, many, 0), of(0, 0, 0, few)).tolist() == [True] * 4
    assert _kept_ids(of(many, many, many, 0), of(0, 0, 0, many)).tolist() == [True] * 3 + [False]
    assert _kept_ids(of(many, many, 0), of(0, 0, few)).tolist() == [True, True, False]


def test_pieces_of_a_large_segment_that_a_capture_lacks_are_not_lost(tmp_path: Path) -> None:
    """The server's card cuts: its capture has ten of the segments as one. The client's lacks one of them, and the
    client acknowledged all at once.
    """
    a, b = at_client(), at_server()
    first, last = 9001 + 500 * 20, 9001 + 500 * 29
    data = {f.number(38): f for f in b if f.source == SERVER_SIDE and f.flags == PSH_ACK}
    pieces = [data[seq] for seq in range(first, last + 1, 500)]
    joined = pieces[0].with_bytes(16, (40 + 5000).to_bytes(2, "big"))
    joined = Frame(joined.time, joined.data[:54] + b"x" * 5000, 54 + 5000)
    between = {seq + 500 for seq in range(first, last, 500)}
    is_between = lambda f: f.source != SERVER_SIDE and f.number(42) in between  # noqa: E731
    b = [joined if f is pieces[0] else f for f in b if f is pieces[0] or (f not in pieces and not is_between(f))]
    a = [f for f in a if not is_between(f) and not (f.source == SERVER_SIDE and f.number(38) == first + 2000)]
    found = told(tmp_path, a, b)
    assert found == {"missed": [("b", b.index(joined) + 1)]}


@pytest.mark.parametrize("sender", ["client", "server"])
def test_a_mirror_of_one_direction_tells_nothing_of_the_other(tmp_path: Path, sender: str) -> None:
    """The path died, as both captures show. Where the server's has one direction alone, what was sent in the other
    may have come by.
    """
    folder = LAB / "18a-keepalive-failure"
    packets = frames(folder / "server.pcap")
    client = next(frame.source for frame in packets if frame.is_tcp)
    some = [frame for frame in packets if frame.is_tcp and (frame.source == client) == (sender == "client")]
    b = write(tmp_path / "b.pcap", some, folder / "server.pcap")
    whole = differences(only(compare(str(folder / "client.pcap"), str(folder / "server.pcap"))))
    found = differences(only(compare(str(folder / "client.pcap"), str(b))))
    lost = {packet for packet in whole["lost"] if packet[0] == "a"}
    assert lost
    if sender == "client":
        assert lost <= set(found["lost"])
    else:
        assert lost <= set(found["undecided"])
        assert "lost" not in found or not lost & set(found["lost"])
    assert "injected" not in found


@pytest.mark.parametrize("again", ["arrived", "not captured"])
def test_which_of_two_copies_passed(tmp_path: Path, again: str) -> None:
    """A segment is sent twice. Where the client has the second and acknowledged that, the first was lost; where its
    capture has neither, the acknowledgement tells of one of them, and not of which.
    """
    a, b = at_client(), at_server()
    seq = 9001 + 500 * 40
    sent = next(f for f in b if f.source == SERVER_SIDE and f.number(38) == seq and f.flags == PSH_ACK)
    copy = Frame(sent.time + 3 * WAY, sent.with_bytes(18, (60_000).to_bytes(2, "big")).data, sent.original)
    acked = [f for f in (*a, *b) if f.source != SERVER_SIDE and seq + 500 <= f.number(42) <= seq + 500 * 30]
    arrival = Frame(copy.time + WAY, copy.data, copy.original)
    a = [f for f in a if f not in acked and not (f.source == SERVER_SIDE and f.number(38) == seq)]
    b = sorted([*(f for f in b if f not in acked), copy], key=lambda f: f.time)
    if again == "arrived":
        a = sorted([*a, arrival], key=lambda f: f.time)
    found = told(tmp_path, a, b)
    places = [("b", b.index(f) + 1) for f in (sent, copy)]
    assert found == ({"lost": places[:1]} if again == "arrived" else {"undecided": places})
