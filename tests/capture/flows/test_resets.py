"""Which RSTs take effect: right number, wrong number, and what was in flight."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.decode import decode
from capture.flows.connection_table import Tag
from capture.reread import packets_of
from tests.capture.flows.traffic import ACK, FIN, PSH, RST, SYN, Talk, Wire

CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.2", 80)


def verdicts(wire: Wire, tmp_path: Path) -> list[bool]:
    """Of each RST: was it acceptable?"""
    packets = packets_of(decode([wire.write(tmp_path / "reset.pcap")])[0], 0)
    rst = (packets.flags & RST) != 0
    return ((packets.tags[rst] & Tag.RST_UNACCEPTABLE) == 0).tolist()


def established(wire: Wire) -> Talk:
    talk = Talk(wire, CLIENT, SERVER, [0xFFFFFFF0, 5000], 0)
    talk.open(100)
    talk.at += 100
    talk.say(0, PSH | ACK, 40)
    talk.at += 100
    talk.say(1, PSH | ACK, 200)
    talk.at += 100
    talk.say(0, ACK)
    talk.at += 100
    return talk


@pytest.mark.parametrize(("offset", "accepted"), [(0, True), (-1, False), (1, False), (1448, False), (2**31, False)])
def test_a_reset_must_carry_the_next_number(tmp_path: Path, offset: int, accepted: bool) -> None:
    wire = Wire()
    talk = established(wire)
    talk.say(1, RST | ACK, seq=talk.seq[1] + offset)
    assert verdicts(wire, tmp_path) == [accepted]


def test_unacknowledged_data_may_have_arrived_or_not(tmp_path: Path) -> None:
    wire = Wire()
    talk = established(wire)
    before = talk.seq[1]
    for _ in range(3):
        talk.say(1, PSH | ACK, 100)
        talk.at += 10
    talk.say(1, PSH | ACK, 100, seq=before)  # the first one again
    talk.at += 10
    for seq in (before, before + 100, before + 300):
        talk.say(1, RST, seq=seq)
        talk.at += 10
    assert verdicts(wire, tmp_path) == [True, True, True]


def test_the_answer_to_a_syn_must_acknowledge_it(tmp_path: Path) -> None:
    wire = Wire()
    wire.send(0, CLIENT, SERVER, SYN, seq=77)
    wire.send(10, SERVER, CLIENT, RST | ACK, seq=0, ack=79)
    wire.send(20, SERVER, CLIENT, RST | ACK, seq=0, ack=78)
    assert verdicts(wire, tmp_path) == [False, True]


def test_late_data_is_answered_with_the_number_that_it_asks_for(tmp_path: Path) -> None:
    wire = Wire()
    talk = established(wire)
    talk.say(0, FIN | ACK)
    talk.at += 100
    talk.say(1, PSH | ACK, 50)
    talk.at += 20
    talk.say(0, RST)
    assert verdicts(wire, tmp_path) == [True]
