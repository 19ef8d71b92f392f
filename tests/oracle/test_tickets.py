"""Tickets of TLS 1.3 are told from what else a server says early, and as the oracle has it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from capture.decode import decode
from capture.verdicts.events.event_codes import SIDE_BIT, Trait, decoded
from tests.capture.flows.traffic import ACK, FIN, PSH, Talk, Wire
from tests.oracle.test_events import differing

SERVER = ("10.9.0.1", 443)
CLIENT_HELLO, SERVER_HELLO = bytes((22, 3, 1, 0, 250)), bytes((22, 3, 3, 0, 90))
FINISHED = bytes((20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 53))
HANDSHAKE = int(Trait.HANDSHAKE)


def record(length: int, records: int = 1) -> tuple[int, bytes]:
    """TLS data of so many bytes in all, in records of one length: its size, and how it begins."""
    return length, bytes((23, 3, 3, *(length // records - 5).to_bytes(2, "big")))


TICKET, BOTH, OTHER, ASKS = record(255), record(510, 2), record(256), record(90)
Word = tuple[int, tuple[int, bytes], int]  # side, what it says, microseconds after what was said before


def spoken(words: list[Word], wire: Wire | None = None, port: int = 40_000) -> Wire:
    """A connection over TLS 1.3, in which this is said after its handshake; everything is acknowledged at once."""
    wire = wire or Wire()
    talk = Talk(wire, ("10.0.0.1", port), SERVER, [1000, 5000], (port - 40_000) * 40_000_000)
    talk.open(20_000)
    for side, (size, begin), after in [
        (0, (255, CLIENT_HELLO), 10),
        (1, (1200, SERVER_HELLO), 20_500),
        (0, (64, FINISHED), 900),
        *words,
    ]:
        talk.at += after
        talk.say(side, PSH | ACK, size, begin=begin)
        talk.at += 5
        talk.say(1 - side, ACK)
    talk.at += 300
    talk.say(0, FIN | ACK)
    return wire


def of_server(wire: Wire, folder: Path) -> list[bool]:
    """Which of the server's words after the handshake are taken for tickets, as far as they are told at all."""
    (capture,) = decode([wire.write(folder / "tls.pcap")])
    codes = [int(code) for code in capture.flows.events.code]
    said = [code for code in codes if decoded(code).kind.name == "DATA" and code & SIDE_BIT]
    return [bool(code & HANDSHAKE) for code in said[1:]]


@pytest.mark.parametrize(
    ("words", "tickets"),
    [
        ([(1, TICKET, 900), (1, TICKET, 10)], [True, True]),
        ([(1, BOTH, 900)], [True]),
        ([(0, ASKS, 10), (1, TICKET, 900), (1, TICKET, 10), (1, OTHER, 10)], [True, True, False]),
        ([(1, TICKET, 900), (1, TICKET, 10), (0, ASKS, 10), (1, TICKET, 10)], [True, True, False]),
        ([(1, TICKET, 900)], [False]),  # one alone may be an answer
        ([(1, TICKET, 900), (1, BOTH, 10)], [False]),  # an answer of two records behind one ticket
        ([(1, TICKET, 900), (1, OTHER, 10)], [False]),
        ([(1, TICKET, 900), (0, ASKS, 10), (1, TICKET, 10)], [False, False]),
        ([(1, TICKET, 900), (1, TICKET, 60_000)], [False]),  # not together
        ([(1, TICKET, 400_000), (1, TICKET, 10)], [False]),  # later than a round trip
        ([(1, TICKET, 210_000), (1, TICKET, 10)], [True, True]),
        ([(1, TICKET, 900), *[(1, TICKET, 10)] * 4], [False]),  # five of one length are the application's
        ([(1, BOTH, 900), (1, BOTH, 10)], [False]),
        ([(1, record(99), 900), (1, record(99), 10)], [False]),
        ([(1, record(2001), 900), (1, record(2001), 10)], [False]),
        ([(1, (1448, record(4000)[1]), 900), (1, (1448, record(4000)[1]), 10)], [False]),  # the begin of longer records
        (
            [(1, TICKET, 900), (1, TICKET, 10), *[(0, ASKS, 10), (1, OTHER, 10)] * 30],
            [True, True, False],
        ),  # a long connection too
    ],
)
def test_what_a_server_says_after_the_handshake(tmp_path: Path, words: list[Word], tickets: list[bool]) -> None:
    wire = spoken(words)
    assert of_server(wire, tmp_path)[: len(tickets)] == tickets
    assert not differing(str(tmp_path / "tls.pcap"))


@pytest.mark.parametrize("seed", range(12))
def test_generated_talk_over_tls(tmp_path: Path, seed: int) -> None:
    chance, wire = random.Random(seed), Wire()
    sizes = [TICKET, TICKET, BOTH, OTHER, ASKS, record(765, 3), (1448, record(4000)[1]), record(24)]
    for number in range(60):
        words = [
            (int(chance.random() < 0.7), chance.choice(sizes), chance.choice((5, 5, 900, 49_000, 51_000, 260_000)))
            for _ in range(chance.randrange(1, 9))
        ]
        spoken(words, wire, 40_000 + number)
    assert not differing(wire.write(tmp_path / "talk.pcap"))
