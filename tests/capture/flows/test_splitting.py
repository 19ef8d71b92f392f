"""One 5-tuple, several connections; and several 5-tuples that look like one."""

from __future__ import annotations

from pathlib import Path

from capture.decode import decode
from capture.flows.connection_table import FlowTable, Tag
from capture.reread import packets_of
from capture.verdicts.events.event_codes import Kind, Trait
from tests.capture.flows.traffic import ACK, FIN, PSH, RST, SYN, Talk, Wire

CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.2", 80)


def flows_of(wire: Wire, tmp_path: Path) -> FlowTable:
    return decode([wire.write(tmp_path / "split.pcap")])[0].flows


def talk(wire: Wire, at: int, isn: int = 1000, peer: int = 90_000) -> Talk:
    return Talk(wire, CLIENT, SERVER, [isn, peer], at)


def closed_by_fin(wire: Wire, at: int, isn: int) -> None:
    one = talk(wire, at, isn)
    one.open(500)
    one.say(0, PSH | ACK, 10)
    one.at += 100
    one.say(1, FIN | ACK)
    one.at += 100
    one.say(0, FIN | ACK)
    one.at += 100
    one.say(1, ACK)


def test_a_port_reused_with_a_new_isn_is_a_new_connection(tmp_path: Path) -> None:
    wire = Wire()
    for number in range(4):
        closed_by_fin(wire, number * 1_000_000, 1000 + 77 * number)
    flows = flows_of(wire, tmp_path)
    assert len(flows) == 4
    assert flows.conn_state == ["SF"] * 4


def test_a_port_reused_with_the_same_isn_after_a_close_is_a_new_connection(tmp_path: Path) -> None:
    wire = Wire()
    closed_by_fin(wire, 0, 1000)
    closed_by_fin(wire, 9_000_000, 1000)
    assert flows_of(wire, tmp_path).conn_state == ["SF", "SF"]


def test_a_port_reused_with_a_lower_isn_without_a_close_is_a_new_connection(tmp_path: Path) -> None:
    wire = Wire()
    first = talk(wire, 0, 5_000_000)
    first.open(500)
    first.say(0, PSH | ACK, 100)
    second = talk(wire, 60_000_000, 1_000)
    second.open(500)
    second.say(0, PSH | ACK, 100)
    flows = flows_of(wire, tmp_path)
    assert len(flows) == 2
    assert flows.packet_count.sum(axis=1).tolist() == [4, 4]


def test_a_syn_sent_again_belongs_to_its_connection(tmp_path: Path) -> None:
    wire = Wire()
    one = talk(wire, 0)
    one.say(0, SYN)
    one.say(0, SYN, at=1_000_000, seq=1000)
    one.at = 3_000_000
    one.say(0, SYN, seq=1000)
    one.say(1, SYN | ACK, at=3_000_500)
    one.say(0, ACK, at=3_000_600)
    flows = flows_of(wire, tmp_path)
    assert len(flows) == 1
    assert flows.counts["retransmission"].tolist() == [[2, 0]]
    assert flows.rtt_ns.tolist() == [600_000]


def test_a_refused_connect_tried_again_with_its_isn_is_one_connection(tmp_path: Path) -> None:
    wire = Wire()
    one = talk(wire, 0)
    for attempt in range(3):
        one.say(0, SYN, at=attempt * 500_000, seq=1000)
        wire.send(attempt * 500_000 + 50, SERVER, CLIENT, RST | ACK, seq=0, ack=1001, window=0)
    capture = decode([wire.write(tmp_path / "split.pcap")])[0]
    assert len(capture.flows) == 1
    assert capture.flows.conn_state == ["REJ"]
    assert not (packets_of(capture, 0).tags & Tag.RST_UNACCEPTABLE).any()


def test_simultaneous_open_is_one_connection(tmp_path: Path) -> None:
    wire = Wire()
    wire.send(0, CLIENT, SERVER, SYN, seq=10)
    wire.send(100, SERVER, CLIENT, SYN, seq=500)
    wire.send(200, CLIENT, SERVER, SYN | ACK, seq=10, ack=501)
    wire.send(300, SERVER, CLIENT, SYN | ACK, seq=500, ack=11)
    flows = flows_of(wire, tmp_path)
    assert len(flows) == 1
    assert int(flows.port[0, 0]) == CLIENT[1]


def test_lone_resets_a_minute_apart_are_not_one_connection(tmp_path: Path) -> None:
    wire = Wire()
    for minute in range(7):
        wire.send(minute * 60_000_000, SERVER, CLIENT, RST, seq=5)
    flows = flows_of(wire, tmp_path)
    assert len(flows) == 7


def test_a_stray_syn_does_not_split_a_connection_that_goes_on(tmp_path: Path) -> None:
    wire = Wire()
    one = talk(wire, 0)
    one.open(500)
    for _ in range(3):
        one.at += 10_000
        one.say(0, PSH | ACK, 100)
    wire.send(one.at + 50, CLIENT, SERVER, SYN, seq=3_000_000_000)
    one.at += 10_000
    one.say(1, ACK)  # a challenge ACK
    one.at += 10_000
    one.say(0, PSH | ACK, 100)
    one.say(0, FIN | ACK, at=one.at + 10)
    assert len(flows_of(wire, tmp_path)) == 1


def test_vlans_separate_connections(tmp_path: Path) -> None:
    wire = Wire()
    for vlan in (None, 10, 20):
        wire.send(0, CLIENT, SERVER, SYN, seq=1, vlan=vlan)
        wire.send(100, SERVER, CLIENT, SYN | ACK, seq=7, ack=2, vlan=vlan)
    flows = flows_of(wire, tmp_path)
    assert len(flows) == 3
    assert sorted(str(flows.scopes.scopes[i].vlan) for i in flows.scope.tolist()) == ["10", "20", "None"]
    assert flows.counts["retransmission"].sum() == 0


def test_a_forged_reset_before_the_handshake_took_no_effect(tmp_path: Path) -> None:
    wire = Wire()
    wire.send(0, SERVER, CLIENT, RST, seq=12345)
    closed_by_fin(wire, 100_000, 1000)
    flows = flows_of(wire, tmp_path)
    assert len(flows) == 1
    (reset,) = [code for code in flows.events.code.tolist() if code & 0xF == Kind.RST]
    assert reset & Trait.UNACCEPTABLE
    assert bool(flows.complete_handshake[0])
    assert int(flows.port[0, 0]) == CLIENT[1]


def test_roles_come_from_the_handshake(tmp_path: Path) -> None:
    wire = Wire()
    wire.send(0, ("10.0.0.9", 5000), ("10.0.0.3", 6000), SYN | ACK, seq=1, ack=2)  # only the answer was captured
    wire.send(10, ("10.0.0.7", 443), ("10.0.0.4", 51000), PSH | ACK, seq=1, ack=2, payload=5)  # midstream
    wire.send(20, ("10.0.0.7", 7000), ("10.0.0.4", 51000), PSH | ACK, seq=1, ack=2, payload=5)  # registered, passing
    wire.send(30, ("10.0.0.7", 47000), ("10.0.0.5", 51000), PSH | ACK, seq=1, ack=2, payload=5)  # nothing to go by
    flows = flows_of(wire, tmp_path)
    assert flows.port.tolist() == [[6000, 5000], [51000, 443], [51000, 7000], [47000, 51000]]
    assert flows.history == ["^h", "^d", "^d", "D"]


def test_who_serves_in_other_connections_is_the_server_of_those_begun_before(tmp_path: Path) -> None:
    server, late = ("10.0.0.2", 8879), ("10.0.0.2", 9000)
    wire = Wire()
    wire.send(0, server, ("10.0.0.1", 4000), PSH | ACK, seq=1, ack=2, payload=5)  # begun before, as are the next three
    for i in range(3):
        wire.send(1 + i, late, ("10.0.0.1", 4001 + i), PSH | ACK, seq=1, ack=2, payload=5)
    wire.send(5, ("10.0.0.1", 4009), ("10.0.0.8", 9001), PSH | ACK, seq=1, ack=2, payload=5)
    wire.send(9, ("10.0.0.1", 4005), server, SYN, seq=1)
    wire.send(10, server, ("10.0.0.1", 4005), SYN | ACK, seq=1, ack=2)
    flows = flows_of(wire, tmp_path)
    assert flows.port.tolist() == [[4000, 8879], [4001, 9000], [4002, 9000], [4003, 9000], [4009, 9001], [4005, 8879]]


def test_a_port_reused_whose_answer_was_captured_before_its_syn_is_a_new_connection(tmp_path: Path) -> None:
    wire = Wire()
    closed_by_fin(wire, 0, 1000)
    second = talk(wire, 1_000_000, 70_000, 900_000)
    second.say(0, SYN, at=1_000_040)  # in another queue
    second.say(1, SYN | ACK)
    second.at += 60
    second.say(0, ACK)
    second.say(0, FIN | ACK, at=1_000_500)
    second.say(1, FIN | ACK, at=1_000_600)
    second.say(0, ACK, at=1_000_700)
    flows = flows_of(wire, tmp_path)
    assert flows.conn_state == ["SF", "SF"]
    assert flows.packet_count.sum(axis=1).tolist() == [7, 6]


def test_an_answer_of_other_numbers_without_a_syn_is_no_connection(tmp_path: Path) -> None:
    wire = Wire()
    closed_by_fin(wire, 0, 1000)
    stray = talk(wire, 1_000_000, 70_000, 900_000)
    stray.say(1, SYN | ACK)
    stray.at += 40
    stray.say(0, RST)
    assert len(flows_of(wire, tmp_path)) == 1
