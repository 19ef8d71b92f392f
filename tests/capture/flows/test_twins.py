"""A packet captured twice is no retransmission; a retransmission is."""

from __future__ import annotations

from pathlib import Path

from capture.decode import decode
from capture.flows.table import FlowTable, Tag
from tests.capture.flows.traffic import ACK, FIN, PSH, SYN, Wire

CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.2", 80)
EXCHANGE = (
    (0, CLIENT, SERVER, SYN, 100, 0, 0),
    (500, SERVER, CLIENT, SYN | ACK, 900, 101, 0),
    (600, CLIENT, SERVER, ACK, 101, 901, 0),
    (700, CLIENT, SERVER, PSH | ACK, 101, 901, 300),
    (1200, SERVER, CLIENT, ACK, 901, 401, 0),
    (1300, SERVER, CLIENT, PSH | ACK, 901, 401, 800),
    (1400, CLIENT, SERVER, ACK, 401, 1701, 0),
    (1500, CLIENT, SERVER, FIN | ACK, 401, 1701, 0),
    (1600, SERVER, CLIENT, FIN | ACK, 1701, 402, 0),
)


def flows_of(
    tmp_path: Path, *, twice: range | tuple[int, ...], same_identification: bool, constant: bool = False
) -> FlowTable:
    """The exchange, with some packets (from 1) seen or sent again 40 µs later."""
    wire = Wire()
    for number, (at, source, target, flags, seq, ack, payload) in enumerate(EXCHANGE, 1):
        for sight in (0, 1) if number in twice else (0,):
            identification = 7 if constant else number + (0 if same_identification else 100 * sight)
            wire.send(
                at + 40 * sight,
                source,
                target,
                flags,
                seq=seq,
                ack=ack,
                payload=payload,
                identification=identification,
                ttl=64 - sight,
            )
    return decode([wire.write(tmp_path / "twice.pcap")])[0].flows


def test_a_mirrored_connection_has_no_retransmissions(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, twice=range(1, 10), same_identification=True)
    assert len(flows) == 1
    assert flows.packet_count.tolist() == [[10, 8]]
    for name in ("retransmission", "duplicate_ack", "out_of_order", "lost_segment"):
        assert flows.counts[name].sum() == 0, name
    assert ((flows.packets.tags & Tag.SECOND_SIGHT) != 0).sum() == len(EXCHANGE)
    assert flows.unique_bytes.tolist() == [[300, 800]]


def test_repetitions_with_identifications_of_their_own_are_retransmissions(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, twice=(4, 6), same_identification=False)
    assert flows.counts["retransmission"].tolist() == [[1, 1]]
    assert not (flows.packets.tags & Tag.SECOND_SIGHT).any()


def test_an_identification_that_never_changes_tells_nothing(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, twice=(4, 6), same_identification=True, constant=True)
    assert flows.counts["retransmission"].tolist() == [[1, 1]]


def test_a_few_doubled_packets_came_twice_to_their_receiver(tmp_path: Path) -> None:
    wire = Wire()
    for number in range(8):
        for sight in (0, 1) if number == 3 else (0,):
            at = 100 * number + 40 * sight
            wire.send(
                at, CLIENT, SERVER, PSH | ACK, seq=100 + 10 * number, ack=1, payload=10, identification=number + 5
            )
    flows = decode([wire.write(tmp_path / "doubled.pcap")])[0].flows
    assert flows.counts["retransmission"].tolist() == [[1, 0]]
    assert not (flows.packets.tags & Tag.SECOND_SIGHT).any()
