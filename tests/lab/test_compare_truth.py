"""Compare against a box that knows what it did: each packet lost, put in, changed, doubled, late or not captured is
told as that, and no other one is; through address translation, rewritten numbers, joined segments and wrong clocks.
"""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from capture.points.along import compare_along
from capture.points.comparison import Comparison, compare
from capture.points.findings import findings_of
from tests.lab.harness.path_box import (
    SERVER,
    Box,
    Out,
    Script,
    Seen,
    Truth,
    joined,
    renumbered,
    with_client_as,
    write,
)
from tests.lab.harness.segment_edit import ACK, FIN, PSH, RST, SYN, Segment, with_option

pytestmark = [pytest.mark.lab, pytest.mark.root]
PORT, HOUR, PPM = 8080, 3600.0, 200e-6
KINDS = ("lost", "injected", "duplicated", "modified", "reordered", "delayed", "missed")
Told = dict[str, set[tuple[str, int]]]


def serve(box: Box) -> socket.socket:
    """Answers each line that begins with a number by so many bytes."""
    with box.server.entered():
        listener = socket.create_server((SERVER, PORT), backlog=64)

    def answer(peer: socket.socket) -> None:
        heard = b""
        with peer:
            while True:
                try:
                    piece = peer.recv(65536)
                    if not piece:
                        return
                    heard += piece
                    while b"\n" in heard:
                        line, heard = heard.split(b"\n", 1)
                        peer.sendall(random.randbytes(int(line.split()[0])))
                except (OSError, ValueError):
                    return

    def accept() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(peer,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


def ask(box: Box, sizes: tuple[int, ...], request: int) -> None:
    """One connection: requests of so many bytes, each for so many."""
    with box.client.entered():
        peer = socket.socket()
    peer.settimeout(5)
    try:
        peer.connect((SERVER, PORT))
        for size in sizes:
            peer.sendall(b"%d %s\n" % (size, b"x" * request))
            while size > 0:
                got = len(peer.recv(65536))
                if not got:
                    return
                size -= got
            time.sleep(0.02)
    except OSError:
        pass
    finally:
        peer.close()


def passed(script: Script, *, sizes: tuple[int, ...] = (300, 20_000, 1000), request: int = 10, hop: int = 1) -> Truth:
    """What a box saw of six connections."""
    if os.geteuid() != 0 or not Path("/dev/net/tun").exists():
        pytest.skip("needs root and /dev/net/tun")
    box = Box(script, hop=hop)
    try:
        box.server.ip("route", "add", "default", "dev", "eth0")
        listener = serve(box)
        clients = [threading.Thread(target=ask, args=(box, sizes, request)) for _ in range(6)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        time.sleep(0.8)  # what was lost last is sent again
        listener.close()
    finally:
        truth = box.close()
    return truth


def compared(folder: Path, a: list[Seen], b: list[Seen], seconds: float = 0.0, drift: float = 0.0) -> Comparison:
    """Both points' recordings, b's by another clock."""
    begin = a[0].at
    paths = (
        write(folder / "a.pcap", a),
        write(folder / "b.pcap", b, lambda at: begin + (at - begin) * (1 + drift) + seconds),
    )
    return compare(*map(str, paths))


def told(comparison: Comparison) -> Told:
    """Packets by what is said of them."""
    found: Told = defaultdict(set)
    for both in comparison:
        for kind in ("lost", "injected", "duplicated", "missed", "undecided"):
            found[kind] |= {(packet.seen_at, packet.packet) for packet in getattr(both, kind)}
        for kind in ("modified", "reordered", "delayed"):
            found[kind] |= {("a", packet.a) for packet in getattr(both, kind)}
    return found


def happened(truth: Truth, a: list[Seen], b: list[Seen]) -> Told:
    """The same from the box's own books; `a`, `b`: what of it the captures hold."""
    found: Told = defaultdict(set)
    arrived = {"a": {u for one in truth.a for u in one.uids}, "b": {u for one in truth.b for u in one.uids}}
    held = {name: _numbers(seen) for name, seen in (("a", a), ("b", b))}
    for name, seen, other in (("a", a, "b"), ("b", b, "a")):
        for number, one in enumerate(seen, 1):
            if one.tag in ("injected", "copy"):
                found["injected" if one.tag == "injected" else "duplicated"].add((name, number))
            elif any(uid not in arrived[other] for uid in one.uids):
                found["lost"].add((name, number))
            elif any(uid not in held[other] for uid in one.uids):
                found["missed"].add((name, number))
            elif one.tag == "modified":
                found["modified"].add(("a", held["a"][one.uids[0]]))
    for seen, upstream, to_server in ((b, held["a"], True), (a, held["b"], False)):
        latest: Counter[tuple[bytes, int, int]] = Counter()
        for one in seen:
            if one.from_client == to_server and one.tag in ("same", "modified") and one.uids[0] in upstream:
                way = one.segment.source, one.segment.sport, one.segment.dport
                at = upstream[one.uids[0]]
                if at < latest[way]:
                    found["reordered"].add(("a", held["a"][one.uids[0]]))
                latest[way] = max(latest[way], at)
    times = [{u: one.at for one in seen if one.tag != "copy" for u in one.uids} for seen in (a, b)]
    late = {u for u, at in times[0].items() if u in times[1] and abs(times[1][u] - at) > LATE / 2}
    found["delayed"] = {("a", held["a"][uid]) for uid in late}
    return found


def at_the_end(a: list[Seen], b: list[Seen]) -> set[tuple[str, int]]:
    """What may have come by the other point after its end; packets without numbers of their own sooner than others."""
    way = 2 * slowest(a, b)  # and by as much clocks may be wrong
    last = min(a[-1].at, b[-1].at)
    end, near = last - way, last - max(way, 2 * LATE)
    found = set()
    for name, seen in (("a", a), ("b", b)):
        for number, one in enumerate(seen, 1):
            if one.at > (near if one.segment.seq == one.segment.end else end):
                found.add((name, number))
    return found


def slowest(a: list[Seen], b: list[Seen]) -> float:
    """What packets took between the points, but for a few that were held up."""
    times = [{uid: one.at for one in seen for uid in one.uids} for seen in (a, b)]
    took = sorted(abs(times[1][uid] - at) for uid, at in times[0].items() if uid in times[1])
    return took[-1 - len(took) // 100]


def sent_twice(a: list[Seen], b: list[Seen]) -> set[tuple[str, int]]:
    """Packets that a kernel sent twice, the same to the byte (its identification 0): a copy looks no other."""
    found = set()
    for name, seen in (("a", a), ("b", b)):
        times = Counter(one.segment for one in seen if one.tag == "same")
        found |= {(name, number) for number, one in enumerate(seen, 1) if times[one.segment] > 1}
    return found


def _numbers(seen: list[Seen]) -> dict[int, int]:
    """Of each packet its first record, from 1."""
    found: dict[int, int] = {}
    for number, one in enumerate(seen, 1):
        for uid in one.uids:
            found.setdefault(uid, number)
    return found


LATE = 0.35
Chance = random.Random


def lossy(share: float, chance: Chance) -> Script:
    return lambda own, segment, number: [] if chance.random() < share else [Out(segment)]


def mixed(chance: Chance) -> Script:
    """Lost, doubled, changed, out of order, late: each of some."""

    def script(own: bool, segment: Segment, number: int) -> Iterator[Out]:
        drawn = chance.random()
        data = len(segment.payload) > 500
        if drawn < 0.02:
            return
        if drawn < 0.04:
            yield Out(segment, late=0.001, tag="copy")
        if data and 0.04 <= drawn < 0.06:
            yield Out(segment.changed(payload=segment.payload[:-1] + bytes([segment.payload[-1] ^ 1])), tag="modified")
        else:
            yield Out(segment, late=0.015 if data and 0.06 <= drawn < 0.08 else LATE if data and drawn > 0.998 else 0)

    return script


def translated(script: Script) -> Script:
    """A masquerade and a firewall that adds to both sides' numbers, in one box."""
    change, translate = renumbered(123_456_789, 987_654_321), with_client_as("10.77.1.99")

    def other(own: bool, segment: Segment, number: int) -> Iterator[Out]:
        for out in script(own, segment, number):
            out.segment = translate(own, change(own, out.segment))
            yield out

    return other


def reset(chance: Chance) -> Script:
    """After some answers a RST in each one's name to the other, and then nothing passes."""
    seen: Counter[int] = Counter()

    def script(own: bool, segment: Segment, number: int) -> Iterator[Out]:
        port = segment.sport if own else segment.dport
        seen[port] += 1
        if seen[port] > 1000:
            return
        yield Out(segment)
        if not own and segment.payload and seen[port] >= 12:
            seen[port] = 1000
            forged = segment.changed(flags=RST | ACK, payload=b"", options=b"", seq=segment.end, ttl=63, ip_id=0)
            yield Out(forged, late=0.0005, tag="injected")
            back = segment.changed(
                source=segment.target, target=segment.source, sport=segment.dport, dport=segment.sport,
                seq=segment.ack, ack=0, flags=RST, payload=b"", options=b"", ttl=63, ip_id=0,
            )  # fmt: skip
            yield Out(back, back=True, tag="injected")

    return script


def block_page(chance: Chance) -> Script:
    """A box that swallows the request and answers in the server's name, with the server's TTL."""
    met: set[int] = set()

    def script(own: bool, segment: Segment, number: int) -> Iterator[Out]:
        if not own or not segment.payload or segment.sport in met:
            yield Out(segment)
            return
        met.add(segment.sport)
        page = Segment(
            segment.target, segment.source, segment.dport, segment.sport, segment.ack, segment.end, ACK | PSH | FIN,
            500, b"", b"HTTP/1.1 302 Found\r\n\r\n", 63,
        )  # fmt: skip
        yield Out(page, back=True, tag="injected")

    return script


def clamped(chance: Chance) -> Script:
    """The MSS of each SYN is made smaller."""

    def script(own: bool, segment: Segment, number: int) -> list[Out]:
        if not segment.flags & SYN:
            return [Out(segment)]
        options = with_option(segment.options, 2, lambda _: (1200).to_bytes(2, "big"))
        return [Out(segment.changed(options=options), tag="modified")]

    return script


Made = Callable[[Chance], Script]


@dataclass(frozen=True)
class Case:
    made: Made
    seconds: float = 0.0
    drift: float = 0.0
    hop: int = 1
    request: int = 10
    sizes: tuple[int, ...] = (300, 20_000, 1000)


CASES = {
    "clean": Case(lambda chance: lossy(0, chance)),
    "loss, no hop, clocks apart": Case(lambda chance: lossy(0.03, chance), HOUR, PPM, hop=0),
    "mixed": Case(mixed, sizes=(300, 40_000, 40_000)),
    "mixed, translated and renumbered, clocks apart": Case(
        lambda chance: translated(mixed(chance)), -HOUR, -PPM, sizes=(300, 40_000, 40_000)
    ),
    "block page": Case(block_page),
    "smaller MSS": Case(clamped),
}


@pytest.mark.parametrize("name", CASES)
def test_each_packet_is_told_as_what_became_of_it(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    truth = passed(case.made(Chance(name)), sizes=case.sizes, request=case.request, hop=case.hop)
    comparison = compared(tmp_path, truth.a, truth.b, case.seconds, case.drift)
    expected, found = happened(truth, truth.a, truth.b), told(comparison)
    ending = at_the_end(truth.a, truth.b) | sent_twice(truth.a, truth.b)
    assert {kind: found[kind] - ending for kind in KINDS} == {kind: expected[kind] - ending for kind in KINDS}
    assert found["lost"] <= expected["lost"]
    assert not found["undecided"]
    assert name == "clean" or any(expected.values())
    clock = comparison.clock
    assert clock.offset_ns is not None
    assert clock.bound_ns is not None
    assert abs(clock.offset_ns / 1e9 - case.seconds) < clock.bound_ns / 1e9
    if clock.drift is not None:
        assert clock.drift_bound is not None
        assert abs(clock.drift - case.drift) < clock.drift_bound


def test_resets_that_nobody_sent(tmp_path: Path) -> None:
    truth = passed(reset(Chance(1)))
    comparison = compared(tmp_path, truth.a, truth.b)
    expected, found = happened(truth, truth.a, truth.b), told(comparison)
    assert found["injected"] == expected["injected"]
    assert found["lost"] <= expected["lost"]  # what a point's last moments hold is not said of
    assert {(both.cause, both.certainty.value) for both in comparison} == {("middlebox_reset", "certain")}


@pytest.mark.parametrize("client", [False, True], ids=["received joined", "sent joined"])
def test_segments_that_a_card_joins_at_one_end(tmp_path: Path, client: bool) -> None:
    """The client's card joins what it gets, and its kernel hands over what the card cuts: records of up to 45 kB."""
    truth = passed(mixed(Chance(5)) if not client else lossy(0.02, Chance(6)), request=30_000, sizes=(40_000, 300))
    a = joined(truth.a, client)
    assert any(len(one.uids) > 3 for one in a)
    expected, found = happened(truth, a, truth.b), told(compared(tmp_path, a, truth.b))
    assert expected["lost"]
    ending = at_the_end(a, truth.b) | sent_twice(a, truth.b)
    for kind in ("lost", "injected", "duplicated", "missed", "undecided"):
        assert found[kind] - ending == expected[kind] - ending, kind


def with_gaps(seen: list[Seen], each: int) -> list[Seen]:
    """Without one of so many packets with payload, and of those without."""
    counts: Counter[bool] = Counter()

    def is_kept(one: Seen) -> bool:
        counts[bool(one.segment.payload)] += 1
        return counts[bool(one.segment.payload)] % each != 0

    return [one for one in seen if is_kept(one)]


def test_what_a_capture_dropped_is_not_called_lost(tmp_path: Path) -> None:
    """Where nothing tells, neither. The path loses nothing: which copy came of what is sent twice, no one knows."""
    truth = passed(lossy(0.0, Chance(3)), sizes=(300, 40_000, 20_000))
    a, b = with_gaps(truth.a, 31), with_gaps(truth.b, 37)
    expected, found = happened(truth, a, b), told(compared(tmp_path, a, b))
    assert expected["missed"]
    assert found["lost"] <= expected["lost"]
    assert found["missed"] <= expected["missed"]
    said = found["lost"] | found["missed"] | found["undecided"]
    assert said >= (expected["lost"] | expected["missed"]) - at_the_end(a, b)
    assert not found["injected"]


@pytest.mark.parametrize("loss", [0.0, 0.03])
def test_a_mirrored_router_in_one_file(tmp_path: Path, loss: float) -> None:
    """A mirror port shows each packet before the router and behind it, with a hop less: two points in one file."""
    truth = passed(lossy(loss, Chance(8)))
    both = sorted([*truth.a, *truth.b], key=lambda one: one.at)
    path = compare_along([str(write(tmp_path / "mirror.pcap", both))])
    assert [point.place for point in path.points] == ["before", "behind"]
    (leg,) = path.legs
    lost = {packet.packet for one in leg.comparison for packet in one.lost}
    arrived = Counter(uid for one in both for uid in one.uids)
    assert lost == {number for number, one in enumerate(both, 1) if arrived[one.uids[0]] == 1}
    assert not any(one.injected or one.missed or one.undecided for one in leg.comparison)


def test_wrong_pairs_are_said(tmp_path: Path) -> None:
    """Swapped, the same file twice, one that ends before the other begins, other connections, and an empty one."""
    truth = passed(lossy(0, Chance(9)))
    other = passed(lossy(0, Chance(10)), sizes=(5000, 700, 90, 12_000))
    moved = other.a[0].at - truth.a[0].at
    files = {
        "a": write(tmp_path / "a.pcap", truth.a),
        "b": write(tmp_path / "b.pcap", truth.b),
        "later": write(tmp_path / "later.pcap", other.b),
        "others": write(tmp_path / "others.pcap", other.b, lambda at: at - moved),
        "empty": write(tmp_path / "empty.pcap", []),
    }

    def codes(*names: str) -> set[str]:
        return {finding.code for finding in findings_of(compare(*(str(files[name]) for name in names)))}

    assert codes("a", "b") == set()
    assert codes("b", "a") == {"swapped"}
    assert codes("a", "a") == {"same_capture"}
    assert codes("a", "later") == {"no_overlap"}
    assert codes("a", "others") == {"no_common_connection"}
    assert codes("a", "empty") == {"no_tcp"}
    assert codes("empty", "b") == {"no_tcp"}
