"""Entries of several lines: the cause keeps the address of the line that began it, and is judged alone all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from playbooks.explain_report import lines_explained
from playbooks.symptoms.explain_line import explain_line
from playbooks.symptoms.log_scan import scan_log
from playbooks.symptoms.multiline_entries import goes_on

TRACE = [
    '2026-03-02 10:14:00,123 ERROR [x] c.e.Api - I/O error on POST request for "http://10.20.0.8:8081/pay"',
    "java.net.ConnectException: Connection refused",
    "\tat java.base/sun.nio.ch.Net.connect0(Native Method)",
    "\t... 12 more",
    "Caused by: java.net.SocketException: Connection reset",
]


@pytest.mark.parametrize("prefix", ["", "web_1          | ", "2026-03-02T10:14:00.123456789Z stderr F "])
def test_a_cause_keeps_the_address_of_its_entry(prefix: str, tmp_path: Path) -> None:
    lines = [prefix + line for line in TRACE]
    log = tmp_path / "app.log"
    log.write_text("\n".join(["all is well", *lines]) + "\n")
    told = [
        (line.number, line.explained, line.entry) for line in lines_explained(["all is well", *lines]) if line.explained
    ]
    scanned = [(match.line, match.explained, match.entry) for match in scan_log(str(log))]
    assert told == scanned
    assert [number for number, _, _ in told] == [3, 6]
    for _, said, entry in told:
        assert (said.local, said.remote) == (None, None)  # judged alone
        assert entry is not None
        assert (entry.line, str(entry.remote)) == (2, "10.20.0.8:8081")


def test_a_line_of_its_own_keeps_no_address_of_the_line_before() -> None:
    lines = [TRACE[0], "2026-03-02 10:14:05 ERROR java.net.SocketException: Connection reset", "write: broken pipe"]
    assert [line.entry for line in lines_explained(lines)] == [None, None, None]


def test_an_entry_ends_where_another_begins() -> None:
    lines = [TRACE[0], "2026-03-02 10:14:05 ERROR worker: no address here", TRACE[1]]
    assert lines_explained(lines)[2].entry is None


def test_a_line_with_ends_needs_none_of_its_entry() -> None:
    lines = [TRACE[0], "Caused by: read tcp 10.0.0.2:41000->10.0.0.9:9092: i/o timeout"]
    assert lines_explained(lines)[1].entry is None
    assert explain_line(lines[1]) == lines_explained(lines)[1].explained


@pytest.mark.parametrize(
    ("line", "does"),
    [
        ("  at Foo.bar(Foo.java:3)", True),
        ("Caused by: x", True),
        ("java.io.IOException: x", True),
        ("ConnectionResetError: [Errno 104] Connection reset by peer", True),
        ("---> System.Net.Sockets.SocketException (104): x", True),
        ("write tcp 10.0.0.2:4->10.0.0.9:9: write: broken pipe", False),
        ("2026-03-02 10:14:00 java.io.IOException: x", False),
        ("all is well", False),
    ],
)
def test_what_goes_on_an_entry(line: str, does: bool) -> None:
    assert goes_on(line) is does
