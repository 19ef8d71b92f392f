"""Responses that were cut short, and those of which the captured bytes do not tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from playbooks.facts.collecting import collect
from playbooks.loader import load_all
from playbooks.model import Outcome, StepResult
from playbooks.run import judge
from tests.capture.wire.building import ACK, FIN, PSH, SYN, ethernet, ipv4, pcap, tcp

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.2", 80)


def exchange(response: bytes) -> list[bytes]:
    """One request whose responder answers and closes first."""

    def packet(by_client: bool, seq: int, ack: int, flags: int, payload: bytes = b"") -> bytes:
        source, goal = (CLIENT, SERVER) if by_client else (SERVER, CLIENT)
        segment = tcp(source[1], goal[1], seq, ack, flags, payload=payload)
        return ethernet(ipv4(segment, source[0], goal[0]))

    asked, answered = 101 + len(REQUEST), 501 + len(response)
    return [
        packet(True, 100, 0, SYN),
        packet(False, 500, 101, SYN | ACK),
        packet(True, 101, 501, ACK),
        packet(True, 101, 501, PSH | ACK, REQUEST),
        packet(False, 501, asked, PSH | ACK, response),
        packet(False, answered, asked, FIN | ACK),
        packet(True, asked, answered + 1, FIN | ACK),
        packet(False, answered + 1, asked + 1, ACK),
    ]


def step_of(frames: list[bytes], snap: int, path: Path) -> StepResult:
    path.write_bytes(pcap([frame[:snap] for frame in frames], originals=[len(frame) for frame in frames], step=1000))
    report = judge(load_all(Path("/nonexistent"))["unexpected-eof"], collect(("capture",), {"capture": str(path)}))
    return next(step for step in report.steps if step.id == "capture")


HEAD = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
)


@pytest.mark.parametrize(
    ("announced", "snap", "expected"),
    [
        (5, 65535, Outcome.PASS),
        (5, 400, Outcome.PASS),
        (5, 100, Outcome.UNKNOWN),
        (5000, 65535, Outcome.FAIL),
        (5000, 100, Outcome.UNKNOWN),
    ],
)
def test_what_the_captured_bytes_do_not_tell_is_not_fine(
    announced: int, snap: int, expected: Outcome, tmp_path: Path
) -> None:
    step = step_of(exchange(HEAD % announced + b"hello"), snap, tmp_path / "x.pcap")
    assert step.outcome is expected, step.evidence
    if expected is Outcome.UNKNOWN:
        assert "1 more could not be looked at" in step.evidence[-1]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (CHUNKED, "before its last response was complete"),
        (CHUNKED + b"0\r\n\r\n", None),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", None),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
            "announced 47 bytes of response (header and body), sent 43",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2000000000\r\n\r\nhello", "announced 2000000047 bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", None),  # ends where the connection does
    ],
)
def test_what_was_announced_is_told_where_it_is_known(response: bytes, expected: str | None, tmp_path: Path) -> None:
    step = step_of(exchange(response), 65535, tmp_path / "x.pcap")
    text = "\n".join(step.evidence)
    assert (step.outcome, expected is None or expected in text) == (
        Outcome.PASS if expected is None else Outcome.FAIL,
        True,
    ), text


def test_a_later_response_that_was_cut_short(tmp_path: Path) -> None:
    frames = exchange(HEAD % 5 + b"hello")
    first = len(HEAD % 5 + b"hello")
    asked, second = 101 + len(REQUEST), HEAD % 500 + b"hello"

    def packet(by_client: bool, seq: int, ack: int, flags: int, payload: bytes = b"") -> bytes:
        source, goal = (CLIENT, SERVER) if by_client else (SERVER, CLIENT)
        return ethernet(ipv4(tcp(source[1], goal[1], seq, ack, flags, payload=payload), source[0], goal[0]))

    again = asked + len(REQUEST)
    later = [
        packet(True, asked, 501 + first, PSH | ACK, REQUEST),
        packet(False, 501 + first, again, PSH | ACK, second),
        packet(False, 501 + first + len(second), again, FIN | ACK),
        packet(True, again, 502 + first + len(second), FIN | ACK),
        packet(False, 502 + first + len(second), again + 1, ACK),
    ]
    step = step_of(frames[:5] + later, 65535, tmp_path / "x.pcap")
    assert step.outcome is Outcome.FAIL
    assert "before its last response was complete" in "\n".join(step.evidence)
