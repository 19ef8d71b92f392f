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
        (["SYN-SENT 0 1 10.0.0.5:80 10.0.0.9:4"] * 3, [("connect_unanswered", "warning", "silent-drop", 3)]),
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
