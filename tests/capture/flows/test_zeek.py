"""Zeek's conn_state and history by its published rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.decode import decode
from tests.capture.flows.traffic import ACK, FIN, PSH, RST, SYN, Wire

CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.2", 80)
S, SA, A, P, F, R, RA = SYN, SYN | ACK, ACK, PSH | ACK, FIN | ACK, RST, RST | ACK
HANDSHAKE = [(0, S, 0), (1, SA, 0), (0, A, 0)]

CASES = {
    "S0": ([(0, S, 0)], "S"),
    "REJ": ([(0, S, 0), (1, RA, 0)], "Sr"),
    "S1": ([*HANDSHAKE, (0, P, 5), (1, P, 7)], "ShADd"),
    "SF": ([*HANDSHAKE, (0, P, 5), (1, F, 0), (0, F, 0)], "ShADfF"),
    "S2": ([*HANDSHAKE, (0, F, 0)], "ShAF"),
    "S3": ([*HANDSHAKE, (1, F, 0)], "ShAf"),
    "RSTO": ([*HANDSHAKE, (0, P, 5), (0, RA, 0)], "ShADR"),
    "RSTR": ([*HANDSHAKE, (0, P, 5), (1, RA, 0)], "ShADr"),
    "RSTOS0": ([(0, S, 0), (0, R, 0)], "SR"),
    "RSTRH": ([(1, SA, 0), (1, R, 0)], "^hr"),
    "SH": ([(0, S, 0), (0, F, 0)], "SF"),
    "SHR": ([(1, SA, 0), (1, F, 0)], "^hf"),
    "OTH": ([(0, P, 5), (1, P, 6)], "Dd"),
}


@pytest.mark.parametrize("state", CASES)
def test_states_and_histories(tmp_path: Path, state: str) -> None:
    events, history = CASES[state]
    assert told(tmp_path, events) == (state, history)


def test_a_fin_then_a_reset_of_one_side_then_the_peers_fin_is_a_normal_end(tmp_path: Path) -> None:
    assert told(tmp_path, [*HANDSHAKE, (0, F, 0), (0, R, 0), (1, F, 0)])[0] == "SF"


def test_a_reset_after_both_fins_stays_a_normal_end(tmp_path: Path) -> None:
    assert told(tmp_path, [*HANDSHAKE, (0, F, 0), (1, F, 0), (0, R, 0)]) == ("SF", "ShAFfR")


def test_retransmissions_are_written_at_powers_of_ten(tmp_path: Path) -> None:
    again = [(1, P, 7, 901)] * 12
    assert told(tmp_path, [*HANDSHAKE, (1, P, 7, 901), *again]) == ("S1", "ShAdtt")


def test_a_window_of_zero_is_written(tmp_path: Path) -> None:
    wire = wire_of([*HANDSHAKE, (0, P, 9)])
    wire.send(90_000_000, SERVER, CLIENT, ACK, seq=901, ack=110, window=0)
    flows = decode([wire.write(tmp_path / "zero.pcap")])[0].flows
    assert flows.history == ["ShADaw"]


def wire_of(events: list[tuple[int, ...]]) -> Wire:
    wire, seq = Wire(), [100, 900]
    ends = (CLIENT, SERVER)
    for number, (side, flags, payload, *where) in enumerate(events):
        at = where[0] if where else seq[side]
        ack = seq[1 - side] if flags & ACK else 0
        wire.send(number * 1_000_000, ends[side], ends[1 - side], flags, seq=at, ack=ack, payload=payload)
        if not where or at == seq[side]:
            seq[side] = at + payload + bool(flags & (SYN | FIN))
    return wire


def told(tmp_path: Path, events: list[tuple[int, ...]]) -> tuple[str, str]:
    flows = decode([wire_of(events).write(tmp_path / "zeek.pcap")])[0].flows
    assert len(flows) == 1
    return flows.conn_state[0], flows.history[0]
