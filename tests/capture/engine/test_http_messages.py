"""Whether the last HTTP/1 answer of a connection was whole: by its header, where one segment holds it."""

from __future__ import annotations

import ctypes
from itertools import accumulate

import numpy as np
import pytest

from capture.engine.library import library
from capture.engine.session import Engine
from capture.flows.connection_table import Answer
from capture.flows.from_engine import flow_table
from capture.model import TcpFlags

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\n\r\n"
TEN = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
UNKNOWN, WHOLE, CUT = Answer.UNKNOWN, Answer.WHOLE, Answer.CUT_SHORT

TABLE = {
    "whole": ([GET, TEN + b"y" * 10], WHOLE),
    "a byte less": ([GET, TEN + b"y" * 9], CUT),
    "a byte more": ([GET, TEN + b"y" * 11], UNKNOWN),
    "header alone": ([GET, TEN], CUT),
    "in two segments": ([GET, TEN + b"y" * 4, b"y" * 6], WHOLE),
    "the second missing": ([GET, TEN + b"y" * 4, b"y" * 5], CUT),
    "a second answer cut": ([GET, TEN + b"y" * 10, TEN + b"y" * 9], CUT),
    "a second answer whole": ([GET, TEN + b"y" * 10, TEN + b"y" * 10], WHOLE),
    "a body that looks like a header": ([GET, TEN, b"HTTP/1.1 2"], WHOLE),
    "no length": ([GET, b"HTTP/1.1 200 OK\r\n\r\nyyyy"], UNKNOWN),
    "a header that goes on": ([GET, b"HTTP/1.1 200 OK\r\nContent-Len", b"gth: 3\r\n\r\ny"], UNKNOWN),
    "odd length": ([GET, b"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\ny"], UNKNOWN),
    "huge length": ([GET, b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\ny"], UNKNOWN),
    "upper case": ([GET, b"HTTP/1.0 200 OK\r\nCONTENT-LENGTH:  2\r\n\r\nyy"], WHOLE),
    "line feeds alone": ([GET, b"HTTP/1.1 200 OK\nContent-Length: 2\n\nyy"], WHOLE),
    "no body": ([GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n"], WHOLE),
    "asked for none": ([HEAD, TEN], UNKNOWN),
    "asked for one again": ([HEAD, TEN, GET, TEN + b"y" * 9], CUT),
    "upgrade": ([GET, b"HTTP/1.1 101 Switching Protocols\r\nContent-Length: 0\r\n\r\n"], UNKNOWN),
    "continue, then the answer": ([GET, b"HTTP/1.1 100 Continue\r\n\r\n" + TEN + b"y" * 9], CUT),
    "continue alone": ([GET, b"HTTP/1.1 100 Continue\r\n\r\n"], UNKNOWN),
    "chunks, all": ([GET, CHUNKS + b"1\r\ny\r\n", END], WHOLE),
    "chunks in one segment": ([GET, CHUNKS + END], WHOLE),
    "chunks, cut": ([GET, CHUNKS + b"1\r\ny\r\n"], CUT),
    "chunks that go on": ([GET, CHUNKS, b"5\r\nabcde\r\n", b"1\r\ny\r\n" + END], WHOLE),
    "no HTTP": ([b"hello!", b"hello too"], UNKNOWN),
}


def segments(talk: list[bytes], kept: int = 1 << 20, skip: frozenset[int] = frozenset()) -> tuple[object, object]:
    """The client speaks at every other turn that does not begin an answer; a FIN of the server ends it."""
    sides = [0 if payload.startswith((b"GET", b"HEAD", b"hello!")) else 1 for payload in talk] + [1]
    rows = np.zeros(len(talk) + 1, library().structs["segment"])
    buffers = [ctypes.create_string_buffer(payload, len(payload) or 1) for payload in [*talk, b""]]
    sent = [1000, 5000]
    for number, (row, side, payload, buffer) in enumerate(zip(rows, sides, [*talk, b""], buffers, strict=True), 1):
        row["number"], row["time"], row["family"], row["wscale"], row["ttl"] = number, number * 10**6, 4, -1, 64
        row["src"][:4], row["dst"][:4] = (10, 0, 0, 1 + side), (10, 0, 0, 2 - side)
        row["sport"], row["dport"] = (4000, 80) if side == 0 else (80, 4000)
        row["seq"], row["ack"], row["window"] = sent[side], sent[1 - side], 500
        row["flags"] = TcpFlags.ACK | (TcpFlags.PSH if payload else TcpFlags.FIN)
        row["payload"], row["captured"] = len(payload), min(len(payload), kept)
        row["data"] = ctypes.addressof(buffer) if payload and kept else 0
        sent[side] += len(payload)
    return np.delete(rows, list(skip)), buffers


def answer(talk: list[bytes], **how: object) -> Answer:
    rows, _kept_alive = segments(talk, **how)  # type: ignore[arg-type]
    engine = Engine()
    engine.segments(rows)
    table = flow_table(engine, last=True)
    assert len(table) == 1
    return Answer(int(table.answer[0]))


@pytest.mark.parametrize("name", TABLE)
def test_answers(name: str) -> None:
    talk, wanted = TABLE[name]
    assert answer(talk) is wanted


def test_every_cut_of_the_capture() -> None:
    """However little of each packet was kept: what was told before, or unknown, never the opposite."""
    for talk, wanted in TABLE.values():
        for kept in range(max(len(payload) for payload in talk)):
            assert answer(talk, kept=kept) in (wanted, UNKNOWN), (talk, kept)


def test_packets_that_are_missing() -> None:
    """Numbers tell what was sent, also where the capture lacks it."""
    assert answer([GET, TEN, b"y" * 4, b"y" * 6], skip=frozenset({2})) is WHOLE
    assert answer([GET, TEN, b"y" * 4, b"y" * 6], skip=frozenset({2, 3})) is WHOLE  # the FIN's number tells
    assert answer([GET, TEN + b"y" * 10], skip=frozenset({1})) is UNKNOWN
    chunks = [GET, CHUNKS + b"1\r\ny\r\n", b"1\r\ny\r\n", END]
    assert answer(chunks) is WHOLE
    assert answer(chunks, skip=frozenset({2})) is WHOLE
    assert answer(chunks, skip=frozenset({3})) is UNKNOWN


def test_places_of_all_cuts() -> None:
    """An answer in any two segments is as whole as in one, where its header is in the first."""
    body = TEN + b"y" * 10
    found = [answer([GET, body[:at], body[at:]]) for at in range(1, len(body))]
    assert set(accumulate(found, lambda a, b: b)) <= {WHOLE, UNKNOWN}
    assert found[len(TEN) - 1 :] == [WHOLE] * 10
