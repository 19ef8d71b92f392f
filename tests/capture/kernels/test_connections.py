"""Loops over the packets of connections against their twins in numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.flows import analysis, grouping, measures, zeek
from capture.flows.rows import neighbours, sides_key
from capture.flows.table import FlowPackets
from capture.wire.columns import I8, I64
from tests.capture.kernels.ways import assert_same, both_ways, compiled

pytestmark = compiled

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
FLAGS = (
    ACK, SYN, SYN | ACK, PSH | ACK, FIN | ACK, RST, RST | ACK, FIN, 0, SYN | FIN, RST | FIN, SYN | RST,
    SYN | FIN | RST | ACK, SYN | 0x40 | 0x80, SYN | ACK | 0x40, FIN | PSH | 0x20 | ACK, 0x1FF,
)  # fmt: skip
PLACES = (0, 1, 2, 3, 1449, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFE, 0xFFFFFFFF)
WINDOWS = (0, 1, 500, 1448, 65535)
PAYLOADS = (0, 0, 1, 2, 1448, 65535)
STEPS = (0, 1, 1000, 40_000_000, -1, -5_000_000)
SCALES = (-1, 0, 1, 7, 14)

Packet = tuple[int, int, int, int, int, int, int]  # side, flags, seq, ack, window, payload, step
PACKET = st.tuples(*map(st.sampled_from, ((0, 1), FLAGS, PLACES, PLACES, WINDOWS, PAYLOADS, STEPS)))
CONNECTIONS = st.lists(st.lists(PACKET, min_size=1, max_size=12), max_size=5)


def flow(connections: Sequence[Sequence[Packet]]) -> tuple[FlowPackets, I64]:
    """Packets by connection, and where each connection's begin."""
    rows = [packet for connection in connections for packet in connection]
    table = np.array(rows, np.int64).reshape(-1, 7)
    return packets_of(table), np.cumsum([0, *map(len, connections)], dtype=np.int64)


def packets_of(table: I64) -> FlowPackets:
    """Columns from rows of side, flags, seq, ack, window, payload and time's step."""
    n = len(table)
    return FlowPackets(
        number=np.arange(1, n + 1, dtype=np.uint32),
        time=np.cumsum(table[:, 6]) + 1_700_000_000_000_000_000,
        side=table[:, 0].astype(np.uint8),
        seq=table[:, 2].astype(np.uint32),
        ack=table[:, 3].astype(np.uint32),
        flags=table[:, 1].astype(np.uint16),
        window=table[:, 4].astype(np.uint16),
        payload=table[:, 5].astype(np.int32),
        ttl=np.full(n, 64, np.uint8),
        ip_id=np.arange(n).astype(np.uint16),
        marks=np.zeros(n, np.uint8),
        tags=np.zeros(n, np.uint16),
        offset=np.arange(n, dtype=np.int64) * 100,
        content=np.zeros(n, np.uint8),
    )


def row_scales(packets: FlowPackets) -> I8:
    """A window scale option on some of the packets, SYNs or not; 0 too."""
    return np.array([-1, 7, 0, 14, -1, 3], np.int8)[(packets.seq * 7 + packets.ack + packets.number) % 6]


def told(packets: FlowPackets, first: I64, shifts: I8) -> dict[str, object]:
    """All that is told of the packets of connections in one loop each."""
    near = neighbours(packets.side, first)
    result: dict[str, object] = {
        "neighbours": near,
        "segments": analysis._looked_at(packets, first, near, shifts),
        "totals": measures.totals(packets, first, sides_key(near.connection, packets)),
        "handshakes": measures.handshakes(packets, first),
        "offered": grouping._window_scales(row_scales(packets), packets.side, packets.flags, first),
    }
    if len(first) > 1:
        result["signatures"] = zeek._told(packets, first, near)
    return result


def judged(packets: FlowPackets, first: I64, scales: I8) -> object:
    """What analysis and Zeek's rules make of it in the end."""
    near = neighbours(packets.side, first)
    payload = measures.totals(packets, first, sides_key(near.connection, packets)).payload
    analysed = analysis.analyse(packets, first, near, scales, payload)
    flipped, empty = np.arange(len(first) - 1) % 3 == 0, payload.sum(axis=1) == 0
    return analysed, zeek.Histories().tell(packets, first, near, flipped, analysed, empty)


@given(connections=CONNECTIONS, data=st.data())
@settings(max_examples=80, deadline=None)
def test_every_loop_agrees_with_its_twin(connections: list[list[Packet]], data: st.DataObject) -> None:
    packets, first = flow(connections)
    scale = st.sampled_from(SCALES)
    drawn = data.draw(st.lists(scale, min_size=2 * len(connections), max_size=2 * len(connections)))
    shifts = np.array(drawn, np.int8).reshape(-1, 2)
    assert_same(*both_ways(lambda: told(packets, first, shifts)))


@pytest.mark.parametrize("seed", [0, 2, 5, 8, 12])
def test_many_connections_of_all_sizes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.choice((1, 1, 2, 3, 7, 40, 400), 120)
    n = int(sizes.sum())
    columns = [
        rng.choice(values, n) for values in ((0, 1), FLAGS[: 5 + seed], PLACES, PLACES, WINDOWS, PAYLOADS, STEPS)
    ]
    packets, first = packets_of(np.stack(columns, axis=1).astype(np.int64)), np.append(0, np.cumsum(sizes))
    shifts = rng.choice(SCALES, (len(sizes), 2)).astype(np.int8)
    assert_same(*both_ways(lambda: told(packets, first, shifts)))
    assert_same(*both_ways(lambda: judged(packets, first, shifts)))


@pytest.mark.parametrize("seed", range(5))
def test_chains_that_mostly_hold(seed: int) -> None:
    """Segments that follow each other across the wrap, acknowledged, with a rare break: what captures look like."""
    rng = np.random.default_rng(100 + seed)
    connections, shifts = [], rng.choice(SCALES, (60, 2)).astype(np.int8)
    for _ in range(60):
        after, rows = [0xFFFFF000, int(rng.integers(1 << 32))], []
        for step in range(int(rng.integers(1, 60))):
            side, payload = int(rng.integers(2)), int(rng.choice((0, 0, 1, 1448)))
            flags = (SYN, SYN | ACK)[side] if step < 2 else int(rng.choice((ACK, ACK, ACK, PSH | ACK, FIN | ACK, RST)))
            seq = after[side] if rng.random() < 0.9 else after[side] - int(rng.choice((1, 1448)))
            window = int(rng.choice((0, 1, 300, 65535)))
            ahead = int(rng.choice((0, 0, 0, 0, 1)))
            rows.append((side, flags, seq % 2**32, (after[1 - side] + ahead) % 2**32, window, payload, 1000))
            after[side] = (seq + payload + bool(flags & (SYN | FIN))) % 2**32
        connections.append(rows)
    packets, first = flow(connections)
    assert_same(*both_ways(lambda: told(packets, first, shifts)))
    assert_same(*both_ways(lambda: judged(packets, first, shifts)))


def packet(side: int, flags: int, seq: int, ack: int, step: int = 1000) -> Packet:
    return (side, flags, seq, ack, 500, 0, step)


HANDSHAKES = {
    "plain": ([packet(0, SYN, 9, 0), packet(1, SYN | ACK, 99, 10), packet(0, ACK, 10, 100)], True, 2000),
    "the SYN twice": (
        [packet(0, SYN, 9, 0), packet(0, SYN, 9, 0, 50), packet(1, SYN | ACK, 99, 10), packet(0, ACK, 10, 100)],
        True, 2000,
    ),
    "the SYN again after its answer": (
        [packet(0, SYN, 9, 0), packet(1, SYN | ACK, 99, 10), packet(0, SYN, 9, 0), packet(0, ACK, 10, 100, 70)],
        True, 70,
    ),
    "answers before any ACK": (
        [packet(0, SYN, 9, 0), *[packet(1, SYN | ACK, 99, 10)] * 40, packet(0, ACK, 10, 100, 5)], True, 40_005,
    ),
    "an answer to something else first": (
        [packet(0, SYN, 9, 0), packet(1, SYN | ACK, 7, 3), packet(1, SYN | ACK, 99, 10), packet(0, ACK, 10, 100)],
        True, 3000,
    ),
    "an ACK of something else first": (
        [packet(0, SYN, 9, 0), packet(1, SYN | ACK, 99, 10), packet(0, ACK, 10, 50), packet(0, ACK, 10, 100)],
        False, -1,
    ),
    "time runs backwards": (
        [packet(0, SYN, 9, 0), packet(1, SYN | ACK, 99, 10, -9000), packet(0, ACK, 10, 100, 10)], True, -1,
    ),
    "back by one nanosecond": (
        [packet(0, SYN, 9, 0), packet(1, SYN | ACK, 99, 10, 0), packet(0, ACK, 10, 100, -1)], True, -1,
    ),
    "no ACK": ([packet(0, SYN, 9, 0), packet(1, SYN | ACK, 99, 10)], False, -1),
    "no SYN": ([packet(1, SYN | ACK, 99, 10), packet(0, ACK, 10, 100)], False, -1),
    "refused": ([packet(0, SYN, 9, 0), packet(1, RST | ACK, 0, 10)], False, -1),
    "over the wrap": (
        [packet(0, SYN, 2**32 - 1, 0), packet(1, SYN | ACK, 2**32 - 1, 0), packet(0, ACK, 0, 0)], True, 2000,
    ),
    "at once": ([packet(0, SYN, 9, 0), packet(1, SYN | ACK, 99, 10, 0), packet(0, ACK, 10, 100, 0)], True, 0),
    "a SYN with FIN": (
        [packet(0, SYN | FIN, 9, 0), packet(1, SYN | ACK, 99, 10), packet(0, ACK, 10, 100)], False, -1,
    ),
    "with ECN": (
        [packet(0, SYN | 0xC0, 9, 0), packet(1, SYN | ACK | 0x40, 99, 10), packet(0, ACK, 10, 100)], True, 2000,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HANDSHAKES)
def test_handshakes(name: str) -> None:
    rows, complete, trip = HANDSHAKES[name]
    others = [packet(0, SYN, 5, 0), packet(0, ACK, 6, 7)]  # what stands in the connections beside must not count
    packets, first = flow([others, rows, [packet(0, ACK, 10, 100)]])
    for done, taken in both_ways(lambda: measures.handshakes(packets, first)):
        assert (bool(done[1]), int(taken[1])) == (complete, trip)
        assert done.tolist()[::2] == [False, False]


def test_nothing() -> None:
    packets, first = flow([])
    assert_same(*both_ways(lambda: told(packets, first, np.empty((0, 2), np.int8))))
