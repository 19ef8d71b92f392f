"""What is said of a connection, on recordings of real kernels."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.triage import triage
from tui.text.verdict_lines import next_calls, story

LAB = Path(__file__).parents[2] / "data" / "lab"


@pytest.mark.parametrize(
    ("recording", "said"),
    [
        ("02a-epipe-two-writes/lo", "the originator's read() gets EOF, write() gets EPIPE; the responder has closed"),
        ("03a-unread-data-close-reader/client", "the originator's read() and write() get ECONNRESET"),
        ("06b-icmp-host-unreach/client", "the originator's connect() gets EHOSTUNREACH"),
        ("15a-half-close/client", "Both programs have closed: no call is left to fail"),
        ("16b-middlebox-rst/server", "the originator's read() gets EOF, write() works; the responder has closed"),
        ("16g-nat-idle-rst/server", "the responder has closed; a read() it still makes gets ECONNRESET"),
    ],
)
def test_who_has_closed_is_not_told_of_calls(recording: str, said: str) -> None:
    [read] = triage([str(LAB / f"{recording}.pcap")])
    one = read.connection(0)
    assert said in next_calls(one)
    lines = story(one).split("\n")
    assert lines[0].startswith(one.verdict.cause)
    assert lines[1] == one.verdict.sentence
    assert lines[-1] == next_calls(one)
