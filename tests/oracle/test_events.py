"""The events that verdicts are made from are the oracle's, and what was folded away was plain or told twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from capture.decode import DecodedCapture, decode
from capture.verdicts.events.event_codes import GAP_MASK, SIDE_BIT, Kind, Trait, decoded
from tests.capture.flows.traffic import random_traffic
from tests.oracle.engine import connections_of
from tests.oracle.events import Event, events_of
from tests.oracle.held_segments import second_copies
from tests.oracle.test_against_product import RECORDED
from tests.oracle.tls import HEADER

KINDS = {kind.name.lower(): kind for kind in Kind}
TOLD = int(Trait.REPEAT | Trait.LOST | Trait.ACKS_FIN | Trait.ZERO)


def code_of(event: Event, responder: bool) -> int:
    """The 16 bits of an event, without the silence before it and what its payload says."""
    code = int(KINDS[event.kind]) | (SIDE_BIT if responder != event.heard else 0)
    for name in event.marks:
        code |= int(Trait[name.upper()])
    return code


def judged_bits(code: int, read: bool = True) -> int:
    """Those bits of a code that the oracle says something of; `read`: all payloads of the connection were captured."""
    kind = decoded(code & ~GAP_MASK).kind
    if kind is Kind.RST:
        return code & ~GAP_MASK
    shakes = read and kind in (Kind.DATA, Kind.FIN)
    marks = (
        TOLD
        | (int(Trait.HANDSHAKE) if shakes else 0)
        | (int(Trait.STRAY) if kind is Kind.ACK else 0)
        | (int(Trait.WITH_DATA) if kind is Kind.FIN else 0)
    )
    return code & (0xF | SIDE_BIT | marks)


def kept_events(capture: DecodedCapture, connection: int, read: bool = True) -> list[tuple[int, int]]:
    """Packet number and judged bits of a connection's events, ICMP errors left out."""
    events = capture.flows.events
    rows = range(int(events.first[connection]), int(events.first[connection + 1]))
    return [(int(events.number[row]), judged_bits(int(events.code[row]), read)) for row in rows]


def differing(path: str) -> list[str]:
    (capture,) = decode([path])
    wanted = {each.packets[0].number: each for each in connections_of(path, second_copies(capture))}
    found = []
    for i in range(len(capture.flows)):
        want = wanted.get(int(capture.flows.first_number[i]))
        if want is None:
            continue
        read = all(len(packet.begin) >= min(packet.payload, HEADER) for packet in want.packets)
        told = [
            (
                event.packet.number,
                judged_bits(code_of(event, event.packet.source != want.ends[0]), read),
            )
            for event in events_of(want.packets, want.refused, want.repeated, want.rtt)
        ]
        kept = kept_events(capture, i, read)
        wrong = [each for each in kept if each not in told]
        times = Counter(code for _, code in kept)
        plain = (int(Kind.DATA), int(Kind.DATA) | SIDE_BIT)
        gone = [each for each in told if each not in kept and each[1] not in plain and times[each[1]] < 2]
        if wrong or gone:
            near = [each for each in told if each[0] in {number for number, _ in wrong}]
            found.append(
                f"connection {i}: not the oracle's {wrong}, the oracle's {near}, folded without a trace {gone}"
            )
    return found


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_recordings(path: Path) -> None:
    assert not differing(str(path))


@pytest.mark.parametrize("trouble", [0.0, 0.05, 0.6])
@pytest.mark.parametrize("seed", range(4))
def test_generated_traffic(tmp_path: Path, seed: int, trouble: float) -> None:
    assert not differing(random_traffic(seed, 100, trouble).write(tmp_path / "traffic.pcap"))
