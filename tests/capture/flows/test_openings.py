"""Openings that are no part of the stream do not make good data look repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.decode import decode
from capture.flows.connection_table import FlowTable
from tests.capture.flows.traffic import ACK, PSH, RST, SYN, Talk, Wire

CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.2", 80)
TROUBLE = ("retransmission", "out_of_order", "lost_segment", "spurious_retransmission")


def flows_of(wire: Wire, tmp_path: Path) -> FlowTable:
    flows = decode([wire.write(tmp_path / "opening.pcap")])[0].flows
    assert len(flows) == 1
    return flows


def goes_on(talk: Talk) -> None:
    for _ in range(4):
        talk.at += 1000
        talk.say(1, PSH | ACK, 500)
        talk.at += 100
        talk.say(0, PSH | ACK, 50)


@pytest.mark.parametrize("rival", [1_000_000, 3_500_000_000, 5_002_000])
@pytest.mark.parametrize("rival_first", [True, False])
def test_a_second_syn_ack_with_another_isn(tmp_path: Path, rival: int, rival_first: bool) -> None:
    wire = Wire()
    talk = Talk(wire, CLIENT, SERVER, [1000, 5_000_000], 0)
    talk.say(0, SYN)
    talk.say(1, SYN | ACK, at=100)
    wire.send(90 if rival_first else 110, SERVER, CLIENT, SYN | ACK, seq=rival, ack=1001)
    talk.at = 200
    talk.say(0, ACK)
    goes_on(talk)
    flows = flows_of(wire, tmp_path)
    assert {name: flows.counts[name].tolist() for name in TROUBLE} == {name: [[0, 0]] for name in TROUBLE}
    assert flows.unique_bytes.tolist() == [[200, 2000]]


def test_a_stray_syn_and_a_forged_reset_in_a_running_connection(tmp_path: Path) -> None:
    wire = Wire()
    talk = Talk(wire, CLIENT, SERVER, [1000, 5_000_000], 0)
    talk.open(100)
    goes_on(talk)
    wire.send(talk.at + 10, CLIENT, SERVER, SYN, seq=2_000_000_000)
    wire.send(talk.at + 20, CLIENT, SERVER, RST, seq=talk.seq[0] + 30_000)
    talk.at += 30
    goes_on(talk)
    flows = flows_of(wire, tmp_path)
    assert {name: flows.counts[name].tolist() for name in TROUBLE} == {name: [[0, 0]] for name in TROUBLE}
    assert flows.unique_bytes.tolist() == [[400, 4000]]
