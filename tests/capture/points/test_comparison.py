"""Pairs of captures made of recorded ones: each packet that was taken out, put in or changed is named, no other one."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from capture.model import Certainty
from capture.points.compared import Both
from capture.points.comparison import Comparison, compare
from capture.points.findings import findings_of
from capture.report.comparing import clock_document, summary, text_lines
from tests.capture.points.editing import (
    ACK,
    DPORT,
    PAYLOAD,
    SEQ,
    SOURCE,
    SPORT,
    TARGET,
    TTL,
    Frame,
    clock,
    each_tcp,
    frames,
    hop,
    write,
)
from tests.capture.wire import building as make

LAB = Path(__file__).parents[2] / "data" / "lab"
PAIR = LAB / "15a-half-close"
RST, PSH_ACK = 4, 24


def codes(comparison: Comparison) -> list[str]:
    """The findings' codes."""
    return [finding.code for finding in findings_of(comparison)]


def only(comparison: Comparison) -> Both:
    """The only connection."""
    (both,) = comparison
    return both


def pair(tmp_path: Path, change: object, source: Path = PAIR) -> Comparison:
    """The client's recording against a changed copy of the server's."""
    made = write(tmp_path / "b.pcap", change(frames(source / "server.pcap")), source / "server.pcap")  # type: ignore[operator]
    return compare(str(source / "client.pcap"), str(made))


def differences(both: Both) -> dict[str, list[tuple[str, int]]]:
    """What is told of packets, by kind: where each was seen, and its number."""
    kinds = ("lost", "injected", "duplicated", "missed", "undecided")
    told = {kind: [(packet.seen_at, packet.packet) for packet in getattr(both, kind)] for kind in kinds}
    told |= {kind: [("a", packet.a) for packet in getattr(both, kind)] for kind in ("modified", "reordered", "delayed")}
    return {kind: packets for kind, packets in told.items() if packets}


@pytest.mark.parametrize("name", ["03a-unread-data-close-reader", "14f-client-pool-idle-race", "15a-half-close"])
def test_nothing_is_told_of_a_clean_path(name: str) -> None:
    comparison = compare(str(LAB / name / "client.pcap"), str(LAB / name / "server.pcap"))
    assert differences(only(comparison)) == {}
    assert codes(comparison) == []
    assert [comparison.near, only(comparison).near] == ["a", "a"]


def test_swapped_files_are_said_and_read_all_the_same() -> None:
    folder = LAB / "16b-middlebox-rst"
    comparison = compare(str(folder / "server.pcap"), str(folder / "client.pcap"))
    assert comparison.near == "b"
    assert "swapped" in codes(comparison)
    assert differences(only(comparison)) == {"lost": [("b", 11), ("b", 17)], "injected": [("b", 12)]}


def test_a_reset_that_its_sender_never_sent_is_certain() -> None:
    folder = LAB / "16b-middlebox-rst"
    comparison = compare(str(folder / "client.pcap"), str(folder / "server.pcap"))
    both = only(comparison)
    assert (both.cause, both.certainty) == ("middlebox_reset", Certainty.CERTAIN)
    assert differences(both) == {"lost": [("a", 11), ("a", 17)], "injected": [("a", 12)]}
    assert both.injected[0].sender == "responder"
    assert codes(comparison)[0] == "reset_injected"


def test_a_gateway_that_resets_both_ways() -> None:
    folder = LAB / "16g-nat-idle-rst"
    both = only(compare(str(folder / "client.pcap"), str(folder / "server.pcap")))
    assert (both.cause, both.certainty) == ("middlebox_reset", Certainty.CERTAIN)
    assert differences(both)["injected"] == [("a", 15), ("b", 19)]


def test_forged_resets_that_did_no_harm_are_named_and_not_blamed() -> None:
    folder = LAB / "16f-blind-rst-challenge-ack"
    comparison = compare(str(folder / "client.pcap"), str(folder / "server.pcap"))
    both = only(comparison)
    assert differences(both) == {"injected": [("a", 9), ("a", 11)]}
    assert both.cause == "reset_ignored"
    assert "reset_injected" not in codes(comparison)


def test_where_the_path_died() -> None:
    folder = LAB / "18a-keepalive-failure"
    both = only(compare(str(folder / "client.pcap"), str(folder / "server.pcap")))
    assert (both.cause, both.certainty) == ("keepalive_timeout", Certainty.CERTAIN)
    assert differences(both) == {"lost": [("a", 13), ("a", 15), ("a", 16), ("b", 18)]}
    assert "died between" in both.sentence


def test_syns_that_reach_an_empty_capture_are_likely_lost() -> None:
    folder = LAB / "06b-icmp-host-unreach"
    comparison = compare(str(folder / "client.pcap"), str(folder / "server.pcap"))
    found = list(comparison)
    assert {(both.cause, both.certainty, both.b) for both in found} == {("unreachable", Certainty.LIKELY, None)}
    assert all(len(both.lost) == 2 for both in found)
    assert "no_tcp" in codes(comparison)


def test_other_connections_are_said_and_nothing_is_guessed() -> None:
    comparison = compare(str(PAIR / "client.pcap"), str(LAB / "14f-client-pool-idle-race" / "server.pcap"))
    assert codes(comparison) == ["no_overlap"]
    assert [differences(both) for both in comparison] == [{}, {}]
    assert comparison.clock.offset_ns is None


def test_a_proxy_between_is_not_taken_for_loss() -> None:
    folder = LAB / "12f-499-large"
    comparison = compare(str(folder / "client.pcap"), str(folder / "upstream.pcap"))
    assert not {"lost", "injected", "syn_lost"} & set(codes(comparison))
    assert all(differences(both) == {} for both in comparison)


@pytest.mark.parametrize(("seconds", "ppm"), [(3600, 200), (-3600, -200), (0.25, 40), (0, 0)])
def test_clocks(tmp_path: Path, seconds: float, ppm: float) -> None:
    """The recording stretched to two minutes: an hour apart, and gaining."""

    def slow(packets: list[Frame]) -> list[Frame]:
        return [replace(frame, time=packets[0].time + (frame.time - packets[0].time) * 100) for frame in packets]

    source = LAB / "14f-client-pool-idle-race"
    first = frames(source / "client.pcap")
    client = next(frame.source for frame in first if frame.is_tcp)
    a = write(tmp_path / "a.pcap", slow(first), source / "client.pcap")
    b = write(tmp_path / "b.pcap", clock(hop(slow(first), client, 400), seconds, ppm), source / "client.pcap")
    comparison = compare(str(a), str(b))
    found = comparison.clock
    assert found.offset_ns is not None
    assert found.bound_ns is not None
    assert abs(found.offset_ns / 1e9 - seconds) < 0.001
    assert found.bound_ns == pytest.approx(400_000, abs=20_000)
    assert (found.drift or 0) * 1e6 == pytest.approx(ppm, abs=5)
    assert found.drift_bound is not None
    assert abs((found.drift or 0) - ppm / 1e6) <= found.drift_bound <= 10e-6
    assert differences(only(comparison)) == {}


def _tcp(packets: list[Frame]) -> list[int]:
    return [place for place, frame in enumerate(packets) if frame.is_tcp]


def test_a_packet_that_was_acknowledged_was_lost_by_the_capture(tmp_path: Path) -> None:
    data = [i for i, f in enumerate(frames(PAIR / "server.pcap")) if f.is_tcp and f.flags == PSH_ACK]
    both = only(pair(tmp_path, lambda packets: packets[: data[0]] + packets[data[0] + 1 :]))
    assert list(differences(both)) == ["missed"]
    assert "lost" not in differences(both)


def test_an_injected_reset(tmp_path: Path) -> None:
    """A RST in the client's name reaches the server only: another TTL, no options."""

    def inject(packets: list[Frame]) -> list[Frame]:
        client = packets[_tcp(packets)[0]].source
        at = [i for i in _tcp(packets) if packets[i].flags == PSH_ACK and packets[i].source == client][-1]
        real = packets[at]
        forged = (
            real.with_bytes(16, (40).to_bytes(2, "big")).with_bytes(46, bytes([0x50, RST])).with_bytes(TTL, b"\xfa")
        )
        forged = Frame(real.time + 1, forged.data[:54], 54)
        return [*packets[: at + 1], forged, *packets[at + 1 :]]

    both = only(pair(tmp_path, inject))
    assert list(differences(both)) == ["injected"]
    assert both.injected[0].flags == "R"


def test_a_translated_address_is_named(tmp_path: Path) -> None:
    """Before and after a masquerade: address and port of the client are other ones."""

    def translate(packets: list[Frame]) -> list[Frame]:
        client = packets[_tcp(packets)[0]].source

        def other(frame: Frame) -> Frame:
            sent = frame.source == client
            moved = frame.with_bytes(SOURCE if sent else TARGET, bytes((203, 0, 113, 7)))
            return moved.with_bytes(SPORT if sent else DPORT, (61_000).to_bytes(2, "big"))

        return each_tcp(packets, other)

    comparison = pair(tmp_path, translate)
    both = only(comparison)
    assert both.readdressed
    assert str(both.readdressed_as[0]) == "203.0.113.7:61000"  # type: ignore[index]
    assert differences(both) == {}
    assert codes(comparison) == ["readdressed"]
    assert "203.0.113.7" in findings_of(comparison)[0].text


@pytest.mark.parametrize("both_sides", [False, True])
def test_sequence_numbers_that_a_firewall_rewrites(tmp_path: Path, both_sides: bool) -> None:
    def rewrite(packets: list[Frame]) -> list[Frame]:
        client = packets[_tcp(packets)[0]].source

        def moved(frame: Frame, at: int, by: int) -> Frame:
            return frame.with_bytes(at, ((frame.number(at) + by) % (1 << 32)).to_bytes(4, "big"))

        def other(frame: Frame) -> Frame:
            by = (123_456_789, -987_654_321 if both_sides else 0)
            own, peer = by if frame.source == client else by[::-1]
            frame = moved(frame, SEQ, own)
            return moved(frame, ACK, peer) if frame.flags & 16 else frame

        return each_tcp(packets, other)

    comparison = pair(tmp_path, rewrite)
    both = only(comparison)
    assert both.shifted is not None
    assert both.shifted[0] % (1 << 32) == 123_456_789
    assert differences(both) == {}
    assert codes(comparison) == ["renumbered"]


def test_changed_payload_is_named(tmp_path: Path) -> None:
    def change(packets: list[Frame]) -> list[Frame]:
        at = next(i for i in _tcp(packets) if packets[i].flags == PSH_ACK)
        letter = packets[at].data[PAYLOAD] ^ 1
        return [frame.with_bytes(PAYLOAD, bytes([letter])) if i == at else frame for i, frame in enumerate(packets)]

    comparison = pair(tmp_path, change)
    both = only(comparison)
    assert list(differences(both)) == ["modified"]
    assert [change.what for change in both.modified[0].changed] == ["payload"]
    assert codes(comparison) == ["content_modified"]


def test_a_capture_that_began_late_or_ended_early_has_lost_nothing(tmp_path: Path) -> None:
    for name, cut in (("late", lambda p: p[_tcp(p)[4] :]), ("early", lambda p: p[: _tcp(p)[-4]])):
        (tmp_path / name).mkdir()
        both = only(pair(tmp_path / name, cut))
        assert "lost" not in differences(both), name
        assert "injected" not in differences(both), name


def test_two_sides_of_a_proxy_are_likely() -> None:
    """nginx between: no packet is in both, and the client's 499 is the cause of both."""
    folder = LAB / "12f-499-large"
    comparison = compare(str(folder / "client.pcap"), str(folder / "upstream.pcap"))
    both = only(comparison)
    assert (both.proxied, both.certainty, both.matched) == (True, Certainty.LIKELY, 0)
    assert both.cause == "client_gave_up"
    assert codes(comparison) == ["proxied"]


def test_a_proxy_between_clocks_that_disagree(tmp_path: Path) -> None:
    """Ten requests through one, an hour apart: the difference that all pairs share is taken for the clocks'."""
    folder = LAB / "12f-499-large"
    for name, seconds in (("client", 0), ("upstream", 3600)):
        packets = frames(folder / f"{name}.pcap")
        many: list[Frame] = []
        for round_ in range(10):
            port = (40_000 + round_).to_bytes(2, "big")
            first = next(frame.source for frame in packets if frame.is_tcp)

            def moved(frame: Frame, port: bytes = port, first: tuple[bytes, int] = first) -> Frame:
                return frame.with_bytes(SPORT if frame.source == first else DPORT, port)

            later = [replace(f, time=f.time + round_ * round_ * 5_000_000) for f in each_tcp(packets, moved)]
            many += clock(later, seconds, 0)
        write(tmp_path / f"{name}.pcap", sorted(many, key=lambda frame: frame.time), folder / "client.pcap")
    comparison = compare(str(tmp_path / "client.pcap"), str(tmp_path / "upstream.pcap"))
    assert [(both.a, both.b, both.proxied) for both in comparison] == [(i, i, True) for i in range(10)]
    assert abs(comparison.chained.ahead_ns / 1e9 - 3600) < 0.1
    told = clock_document(comparison)
    assert told["offset_ms"] == pytest.approx(3_600_000, abs=100)
    assert told["bound_ms"] is None
    assert any("3,600.0 s ahead" in line for line in summary(comparison) if line.startswith("clocks"))


def test_drops_that_the_capture_tells_are_no_losses(tmp_path: Path) -> None:
    """The same pair, its server's side as pcapng that says it dropped a packet: a missing ACK is not called lost."""
    packets = frames(PAIR / "server.pcap")
    client = packets[_tcp(packets)[0]].source

    def whole(frame: Frame) -> bytes:
        return frame.data.ljust(frame.original, b"\0")

    acks = [i for i in _tcp(packets) if packets[i].source == client and packets[i].flags == 16]
    kept = [frame for i, frame in enumerate(packets) if i != acks[-1]]
    blocks = [make.section(), make.interface(), *(make.enhanced(whole(f), f.time) for f in kept)]
    statistics = make.block(5, bytes(12) + make.option(7, (1).to_bytes(8, "little")))
    for name, more, kind in (("silent", b"", "lost"), ("telling", statistics, "undecided")):
        b = tmp_path / f"{name}.pcapng"
        b.write_bytes(b"".join(blocks) + more)
        assert list(differences(only(compare(str(PAIR / "client.pcap"), str(b))))) == [kind], name


def test_all_is_well_is_said_of_what_both_saw_alone(tmp_path: Path) -> None:
    """A second capture beside the first: its connection is only in A."""
    other = LAB / "14f-client-pool-idle-race" / "client.pcap"
    both = sorted([*frames(PAIR / "client.pcap"), *frames(other)], key=lambda frame: frame.time)
    a = write(tmp_path / "a.pcap", both, PAIR / "client.pcap")
    for path, said in ((a, "of the connections that both points saw"), (PAIR / "client.pcap", "the path left it")):
        lines = list(text_lines(compare(str(path), str(PAIR / "server.pcap"))))
        assert any(line.startswith("FINDINGS  none") and said in line for line in lines), lines


@pytest.mark.parametrize(("seconds", "ppm"), [(0.0, 0.0), (3600.0, 0.0), (-3600.0, 200.0)])
def test_copies_of_one_capture_have_a_clock(tmp_path: Path, seconds: float, ppm: float) -> None:
    """No packet was later at one than at the other: that tells how their clocks stand, and that nothing is between."""
    source = Path(__file__).parents[3] / "tui" / "examples" / "incident.pcap"
    copy = write(tmp_path / "copy.pcap", clock(frames(source), seconds, ppm), source)
    compared = compare(str(source), str(copy))
    told = clock_document(compared)
    assert told["offset_ms"] == pytest.approx(seconds * 1000, abs=0.002)
    assert told["drift_ppm"] == pytest.approx(ppm, abs=told["drift_bound_ppm"])
    assert told["bound_ms"] is not None
    assert told["bound_ms"] <= 0.001
    assert compared.near is None
    assert not compared.noteworthy()
    assert ("they show the same" in "\n".join(summary(compared))) is not bool(seconds)


def test_one_way_alone_tells_no_clock_of_one_place(tmp_path: Path) -> None:
    """A delay that never changes and none at all are the same where only one side's packets were seen."""
    source = PAIR / "client.pcap"
    first = next(frame for frame in frames(source) if frame.is_tcp).source
    way = [frame for frame in frames(source) if frame.source == first]
    here, there = write(tmp_path / "a.pcap", way, source), write(tmp_path / "b.pcap", clock(way, 0.005, 0), source)
    assert compare(str(here), str(there)).clock.bound_ns is None
