"""The oracle's own rules on small cases, told by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.capture.flows.traffic import ACK, FIN, PSH, RST, SYN, Talk, Wire
from tests.oracle.engine import Connection, connections_of

CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.2", 80)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def talk(wire: Wire) -> Talk:
    one = Talk(wire, CLIENT, SERVER, [1000, 90_000], 0)
    one.open(500)
    one.at += 100
    return one


def told(wire: Wire, tmp_path: Path) -> list[Connection]:
    return connections_of(wire.write(tmp_path / "made.pcap"))


def test_a_handshake_data_and_both_fins(wire: Wire, talk: Talk, tmp_path: Path) -> None:
    for side, flags, size in (
        (0, PSH | ACK, 10),
        (1, PSH | ACK, 500),
        (0, FIN | ACK, 0),
        (1, FIN | ACK, 0),
        (0, ACK, 0),
    ):
        talk.say(side, flags, size)
        talk.at += 1000
    (one,) = told(wire, tmp_path)
    assert (one.conn_state, one.history, one.ends) == ("SF", "ShADdFf", (CLIENT, SERVER))
    assert (one.bytes, one.unique_bytes, one.packet_count) == ((10, 500), (10, 500), (5, 3))
    assert (one.complete_handshake, one.rtt, one.longest_gap) == (True, 520_000, 1_000_000)
    assert +one.counts[0] == {"syn": 1, "fin": 1}


def test_a_lost_segment_is_asked_for_and_sent_again(wire: Wire, talk: Talk, tmp_path: Path) -> None:
    missing = talk.seq[1]
    talk.seq[1] += 100  # not captured
    for _ in range(3):
        talk.say(1, ACK, 100)
        talk.wire.send(talk.at + 5, CLIENT, SERVER, ACK, seq=talk.seq[0], ack=missing)
        talk.at += 50
    talk.say(1, ACK, 100, at=talk.at, seq=missing)
    (one,) = told(wire, tmp_path)
    assert one.counts[1]["lost_segment"] == 1
    assert one.counts[0]["duplicate_ack"] == 3
    assert one.counts[1]["fast_retransmission"] == one.counts[1]["retransmission"] == 1
    assert one.unique_bytes == (0, 400)


def test_a_segment_that_was_acknowledged_is_sent_again_in_vain(wire: Wire, talk: Talk, tmp_path: Path) -> None:
    at = talk.seq[1]
    talk.say(1, ACK, 100)
    talk.at += 10
    talk.say(0, ACK)
    talk.say(1, ACK, 100, at=talk.at + 300_000, seq=at)
    (one,) = told(wire, tmp_path)
    assert one.counts[1]["spurious_retransmission"] == 1
    assert one.history == "ShAdt"


def test_a_window_that_closes_is_probed_and_opens(wire: Wire, talk: Talk, tmp_path: Path) -> None:
    talk.say(1, ACK, 512)
    talk.window[0] = 0
    talk.at += 10
    talk.say(0, ACK)
    start = talk.seq[1]
    talk.say(1, ACK, 1, at=talk.at + 200_000, seq=start)
    talk.at += 200_010
    talk.say(0, ACK)
    (one,) = told(wire, tmp_path)
    assert one.counts[0]["zero_window"] == 2
    assert one.counts[1]["retransmission"] == 0  # a probe is none


def test_a_window_that_is_full_to_the_last_byte(wire: Wire, talk: Talk, tmp_path: Path) -> None:
    talk.window[0] = 2
    talk.say(0, ACK)
    talk.say(1, ACK, 2 << 7)
    (one,) = told(wire, tmp_path)
    assert one.counts[1]["window_full"] == 1


def test_a_keep_alive_and_its_answer(wire: Wire, talk: Talk, tmp_path: Path) -> None:
    talk.say(0, ACK, at=15_000_000, seq=talk.seq[0] - 1)
    talk.say(1, ACK, at=15_000_100)
    (one,) = told(wire, tmp_path)
    assert one.counts[0]["keep_alive"] == 1
    assert one.counts[1]["duplicate_ack"] == 0


def test_a_reset_elsewhere_takes_no_effect_and_does_not_disturb(wire: Wire, talk: Talk, tmp_path: Path) -> None:
    talk.say(1, PSH | ACK, 100)
    wire.send(talk.at + 10, SERVER, CLIENT, RST, seq=talk.seq[1] + 5_000_000)
    talk.at += 1000
    talk.say(1, PSH | ACK, 100)
    (one,) = told(wire, tmp_path)
    assert one.refused == {5}
    assert one.counts[1]["retransmission"] == one.counts[1]["lost_segment"] == 0


def test_a_port_used_again_makes_another_connection(wire: Wire, talk: Talk, tmp_path: Path) -> None:
    talk.say(0, FIN | ACK)
    talk.at += 10
    talk.say(1, FIN | ACK)
    again = Talk(wire, CLIENT, SERVER, [5_000_000, 7_000_000], talk.at + 1_000_000)
    again.say(0, SYN)
    first, second = told(wire, tmp_path)
    assert (first.conn_state, second.conn_state) == ("SF", "S0")


def test_a_syn_sent_again_does_not(wire: Wire, tmp_path: Path) -> None:
    for attempt in range(3):
        wire.send(attempt * 1_000_000, CLIENT, SERVER, SYN, seq=1000)
    (one,) = told(wire, tmp_path)
    assert (one.conn_state, one.counts[0]["retransmission"]) == ("S0", 2)


def test_begun_midway_the_well_known_port_answers(wire: Wire, tmp_path: Path) -> None:
    wire.send(0, SERVER, CLIENT, ACK | PSH, seq=5, ack=9, payload=10)
    (one,) = told(wire, tmp_path)
    assert one.ends == (CLIENT, SERVER)
    assert one.history == "^d"
