"""Rows of the tables that people paste, of each program that writes them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbooks.tables.pasted_counters import counter_of, troubles
from playbooks.tables.row_formats import socket_of
from playbooks.tables.table_reader import TableReader, table_of

ROWS = [
    line.split(" ¦ ", 5)
    for line in (Path(__file__).parent / "rows.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


@pytest.mark.skipif(sys.byteorder != "little", reason="/proc/net/tcp writes addresses in host order")
@pytest.mark.parametrize(("state", "local", "remote", "recv_q", "pid", "line"), ROWS, ids=lambda text: text[:30])
def test_row(state: str, local: str, remote: str, recv_q: str, pid: str, line: str) -> None:
    row = socket_of(line, 7)
    assert row is not None
    assert (row.line, row.state, str(row.local), str(row.remote)) == (7, state, local, remote)
    assert [("-" if value is None else str(value)) for value in (row.recv_q, row.pid)] == [recv_q, pid]


def test_timers_of_ss_are_read() -> None:
    row = socket_of('ESTAB 0 8192 10.0.0.5:443 10.0.0.9:51234 timer:(on,1.2sec,5) users:(("a",pid=3,fd=4))', 1)
    assert row is not None
    assert (row.timer, row.retransmits, row.process, row.send_q) == ("on", 5, "a", 8192)


@pytest.mark.parametrize(
    "line",
    [
        "State      Recv-Q Send-Q               Local Address:Port                  Peer Address:Port",
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name",
        "udp        0      0 10.0.0.5:68             0.0.0.0:*                           -",
        "unix  2      [ ACC ]     STREAM     LISTENING     31337    /run/x.sock",
        "2026-03-02 10:11:12 INFO server: LISTEN 0.0.0.0:8080",
        "tcp 0 0 10.0.0.5:99999 10.0.0.9:1 ESTABLISHED",
        "",
    ],
)
def test_what_is_no_row(line: str) -> None:
    assert socket_of(line, 1) is None


@pytest.mark.parametrize(
    "before",
    [
        "May  4 07:01:02 web-1 ss[812]: ",
        "2026-05-04T07:01:02.123456+02:00 web-1 root: ",
        "2026-05-04T07:01:02.123456789Z stdout F ",
        "web-0  | ",
        "> ",
    ],
)
def test_a_row_that_was_logged_or_quoted(before: str) -> None:
    (row,) = table_of([f"{before}CLOSE-WAIT 1      0      10.0.0.1:80       10.0.0.2:51022"]).sockets
    assert (row.state, str(row.local), str(row.remote)) == ("CLOSE-WAIT", "10.0.0.1:80", "10.0.0.2:51022")


def test_a_row_in_a_tickets_table() -> None:
    (row,) = table_of(["| ESTAB | 0 | 0 | 10.0.0.1:80 | 10.0.0.2:51022 |"]).sockets
    assert str(row.remote) == "10.0.0.2:51022"


def test_powershells_table_in_the_middle_of_a_log() -> None:
    reader = TableReader()
    log = b"INFO up\n" * 20_000
    head = b"LocalAddress   LocalPort RemoteAddress   RemotePort State       AppliedSetting OwningProcess\n"
    reader.feed(log, 0)
    reader.feed(
        log + head + b"10.0.0.1       50112     10.0.0.2        443        CloseWait   Internet       812\n" + log, 1
    )
    assert [row.state for row in reader.table().sockets] == ["CLOSE-WAIT"]


@pytest.mark.parametrize(
    ("line", "counter"),
    [
        ("\t12 listen queue overflows", ("ListenOverflows", 12)),
        ("\t1 listen queue overflow", ("ListenOverflows", 1)),
        ("\t3 connections dropped by rexmit timeout", ("TCPAbortOnTimeout", 3)),
    ],
)
def test_counters_of_the_bsds(line: str, counter: tuple[str, int]) -> None:
    assert counter_of(line) == counter


@given(st.text(max_size=120))
def test_any_text_is_no_trouble(text: str) -> None:
    table_of([text])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("    3378 times the listen queue of a socket overflowed", ("ListenOverflows", 3378)),
        ("    3378 SYNs to LISTEN sockets dropped", ("ListenDrops", 3378)),
        ("TcpExtListenOverflows           3378               0.0", ("ListenOverflows", 3378)),
        ("TCPReqQFullDrop: 4", ("TCPReqQFullDrop", 4)),
        ("TcpExtTCPReqQFullDrop   4  0.0", ("TCPReqQFullDrop", 4)),
        ("    12 connections aborted due to timeout", ("TCPAbortOnTimeout", 12)),
        ("    12 active connection openings", None),
        ("Tcp:", None),
    ],
)
def test_counters(line: str, told: tuple[str, int] | None) -> None:
    assert counter_of(line) == told


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="no /proc/net/tcp here")
def test_what_this_machine_prints_is_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        texts = [Path("/proc/net/tcp").read_text()]
        of_this = ["lsof", "-nP", "-a", "-iTCP", "-sTCP:LISTEN", "-p", str(os.getpid())]
        for command in (["ss", "-ltn"], ["netstat", "-ltn"], of_this):
            try:
                texts.append(subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout)
            except FileNotFoundError:
                continue
    for text in texts:
        listening = [one.local.port for one in table_of(text.splitlines()).sockets if one.state == "LISTEN"]
        assert port in listening, text[:300]


def test_each_counter_of_trouble_is_known_by_both_of_its_names() -> None:
    for name in troubles():
        assert counter_of(f"TcpExt{name}   3   0.0") == (name, 3)
