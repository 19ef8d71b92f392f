"""What pasted tables show: both sides of each threshold, and nothing that such a table cannot tell."""

from __future__ import annotations

import pytest

from playbooks.tables.table_reader import TableReader, table_of


def told(lines: list[str]) -> list[tuple[str, str, str | None, int]]:
    return [(one.code, one.severity.value, one.playbook, one.connections) for one in table_of(lines).findings]


SENDING = "ESTAB 0 900 10.0.0.5:80 10.0.0.9:4 "
PORTS = [(999, None), (1000, "warning"), (19_762, "warning"), (19_763, "critical")]


def rows(count: int, state: str, port: int = 8080, *, queue: int = 0) -> list[str]:
    return [f"{state} {queue} 0 10.0.0.5:{port} 10.0.0.9:{40000 + n}" for n in range(count)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (rows(2, "CLOSE-WAIT"), [("close_wait_pile", "info", "close-wait", 2)]),
        (rows(3, "CLOSE-WAIT"), [("close_wait_pile", "warning", "close-wait", 3)]),
        (rows(3, "FIN-WAIT-2"), [("fin_wait_2_pile", "warning", "fin-wait-2", 3)]),
        (rows(15, "SYN-RECV"), []),
        (rows(16, "SYN-RECV"), [("syn_recv_pile", "warning", "syn-flood", 16)]),
        (rows(50, "ESTAB"), []),
        (rows(50, "TIME-WAIT"), []),
        (["LISTEN 511 511 0.0.0.0:80 0.0.0.0:*"], []),
        (["LISTEN 512 511 0.0.0.0:80 0.0.0.0:*"], [("accept_queue_full", "critical", "accept-queue", 512)]),
        (["tcp 129 0 0.0.0.0:80 0.0.0.0:* LISTEN"], [("accept_queue_full", "warning", "accept-queue", 129)]),
        ([SENDING + "timer:(persist,9sec,3)"], [("zero_window_stall", "warning", "slow-reader", 1)]),
        (["ESTAB 0 900 10.0.0.5:80 10.0.0.9:4 timer:(on,9sec,3)"], [("retransmitting", "warning", "silent-drop", 1)]),
        (["ESTAB 0 900 10.0.0.5:80 10.0.0.9:4 timer:(on,9sec,2)"], []),
        (
            [f"SYN-SENT 0 1 10.0.0.5:{n} 10.0.0.9:4" for n in (80, 81, 82)],
            [("connect_unanswered", "warning", "silent-drop", 3)],
        ),
        (["ESTAB 40000 0 10.0.0.5:80 10.0.0.9:4"], [("reader_stalled", "warning", "slow-reader", 1)]),
        (["TcpExtListenOverflows 0 0.0", "TcpExtListenDrops 0 0.0"], []),
        (
            ["TcpExtListenOverflows 7 0.0", "TcpExtListenDrops 9 0.0"],
            [("accept_queue_overflowed", "warning", "accept-queue", 9)],
        ),
    ],
)
def test_finding(lines: list[str], expected: list[tuple[str, str, str | None, int]]) -> None:
    assert told(lines) == expected


@pytest.mark.parametrize(("ports", "severity"), PORTS)
def test_ports_toward_one_peer(ports: int, severity: str | None) -> None:
    lines = [f"TIME-WAIT 0 0 10.0.0.5:{32768 + n} 10.0.0.9:443" for n in range(ports)]
    found = [one for one in table_of(lines).findings if one.code == "ports_running_out"]
    assert [one.severity.value for one in found] == ([severity] if severity else [])
    assert all(one.facts == {"host": "10.0.0.9", "port": 443} for one in found)


def test_the_holder_and_the_peer_are_named() -> None:
    lines = [
        f"tcp 32 0 192.0.2.225:{39667 + n} 198.51.100.224:443 CLOSE_WAIT 795/traffic_stats" for n in range(5)
    ] + rows(4, "CLOSE-WAIT")
    first, second = table_of(lines).findings
    assert first.title == "5 connections in CLOSE-WAIT by traffic_stats (pid 795)"
    assert "198.51.100.224 (5), port 443" in first.text
    assert second.title == "4 connections in CLOSE-WAIT at port 8080"
    assert first.sample == (1, 2, 3, 4, 5)


def test_no_age_is_claimed() -> None:
    for one in table_of(rows(30, "CLOSE-WAIT") + rows(30, "FIN-WAIT-2")).findings:
        assert "since" not in one.text
        assert " s " not in one.text


def test_blocks_keep_the_numbers_of_lines() -> None:
    reader = TableReader()
    reader.feed(b"an error\n" + "\n".join(rows(3, "CLOSE-WAIT")).encode() + b"\n", 10)
    assert [one.line for one in reader.table().sockets] == [12, 13, 14]
    reader.feed(b"a log without a table\n" * 3, 14)
    assert len(reader.table().sockets) == 3


SS = "CLOSE-WAIT 1 0 10.0.0.5:8080 10.0.0.7:{port}"
LSOF = "java {pid} app 44u IPv4 112233 0t0 TCP 10.0.0.5:8080->10.0.0.7:{port} (CLOSE_WAIT)"


def test_a_socket_that_several_tools_tell_of_is_one() -> None:
    """lsof has it once for each process that holds it; ss, pasted again, what became of it."""
    first = [SS.format(port=51_000 + n) for n in range(3)]
    files = [LSOF.format(port=51_000 + n, pid=pid) for n in range(3) for pid in (7, 8)]
    table = table_of([*first, *files, SS.format(port=51_000).replace("CLOSE-WAIT", "LAST-ACK  ")])
    assert table.states == {"CLOSE-WAIT": 2, "LAST-ACK": 1}
    assert [(one.remote.port, one.recv_q, one.pid) for one in table.sockets] == [
        (51_001, 1, 8), (51_002, 1, 8), (51_000, 1, 8)
    ]  # fmt: skip


def test_both_ends_on_one_machine_are_two_and_so_are_listeners() -> None:
    lines = ["ESTAB 0 0 127.0.0.1:80 127.0.0.1:5", "ESTAB 0 0 127.0.0.1:5 127.0.0.1:80"]
    assert table_of(lines).states == {"ESTAB": 2}
    assert table_of(["LISTEN 0 9 0.0.0.0:80 0.0.0.0:*"] * 2).states == {"LISTEN": 2}


HEADS = [
    ("Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port", SS),
    ("COMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME", LSOF),
]


@pytest.mark.parametrize(("head", "row"), HEADS)
def test_a_table_in_the_middle_of_a_long_log_is_found_by_its_head(head: str, row: str) -> None:
    plain = b"2026-03-02 INFO nothing happened\n" * 40
    pasted = "\n".join([head, *(row.format(port=51_000 + n, pid=7) for n in range(4))]).encode() + b"\n"
    reader = TableReader()
    for number, block in enumerate((plain, plain, plain + pasted, plain, plain + pasted)):
        reader.feed(block, 100 * number)
    table = reader.table()
    assert table.states == {"CLOSE-WAIT": 4}
    assert {one.line for one in table.sockets} == {442, 443, 444, 445}
    assert [one.code for one in table.findings] == ["close_wait_pile"]
