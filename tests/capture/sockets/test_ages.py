"""Ages against when a change was made: exact to a second, or a minimum and said to be one."""

from __future__ import annotations

import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest

from capture.sockets import inet_diag_msg as diag
from capture.sockets.ages import age_of
from capture.sockets.row import SocketRow
from capture.sockets.socket_watch import Watcher
from capture.sockets.sources.settings import KernelSettings
from tests.capture.sockets.network import in_own_network

Pair = tuple[socket.socket, socket.socket]


def record(state: int, timer: int = 0, retransmits: int = 0, expires_ms: int = 0, inode: int = 0) -> bytes:
    return diag.RECORD.pack(
        2, state, timer, retransmits, b"\0\1", b"\0\2", bytes(16), bytes(16), 0, bytes(8), expires_ms, 0, 0, 0, inode
    )


@pytest.mark.parametrize(
    ("raw", "linear", "age"),
    [
        (record(diag.TIME_WAIT, 3, 0, 42_000), 0, 18.0),
        (record(diag.FIN_WAIT_2, 3, 0, 42_000), 0, 18.0),
        (record(diag.SYN_SENT, 1, 0, 400), 4, 0.6),
        (record(diag.SYN_SENT, 1, 5, 1500), 4, 5.5),
        (record(diag.SYN_SENT, 1, 2, 1500), 0, 5.5),
    ],
)
def test_timers_tell_the_age(raw: bytes, linear: int, age: float) -> None:
    settings = KernelSettings(tcp_syn_linear_timeouts=linear)
    assert age_of(raw, None, settings) == (pytest.approx(age), False)


@pytest.mark.parametrize(
    ("retransmits", "expires_ms", "age"),
    [(0, 300, 0.7), (1, 1500, 1.5), (2, 3000, 4.0), (2, 1500, 1.5), (1, 400, 1.6), (3, 352, 2.648), (255, 1, 16.999)],
)
def test_half_open_sockets_have_a_minimum(retransmits: int, expires_ms: int, age: float) -> None:
    raw = record(diag.SYN_RECV, 1, retransmits, expires_ms)
    assert age_of(raw, None, KernelSettings()) == (pytest.approx(age), True)


def test_where_nothing_tells_the_age_is_at_least_nothing() -> None:
    assert age_of(record(diag.CLOSE_WAIT), None, KernelSettings()) == (0.0, True)


def pair(listener: socket.socket) -> Pair:
    client = socket.create_connection(listener.getsockname())
    return client, listener.accept()[0]


def half_open(listener: socket.socket) -> None:
    """A SYN whose SYN-ACK is dropped: SYN-RECV there, SYN-SENT here."""
    port = listener.getsockname()[1]
    subprocess.run(["nft", "add table ip t; add chain ip t o { type filter hook input priority 0; }"], check=True)
    rule = f"add rule ip t o tcp sport {port} tcp flags & (syn|ack) == syn|ack drop"
    subprocess.run(["nft", rule], check=True)


@in_own_network
def test_ages_of_sockets_seen_for_the_first_time() -> None:
    Path("/proc/sys/net/ipv4/tcp_fin_timeout").write_text("30")
    listener = socket.create_server(("127.0.0.1", 0))
    kinds: dict[str, list[Pair]] = {name: [pair(listener) for _ in range(20)] for name in MADE}
    hidden = socket.create_server(("127.0.0.1", 0))
    half_open(hidden)
    dialling = socket.socket()
    dialling.setblocking(False)
    time.sleep(1.5)
    changed = time.monotonic()
    ports: dict[int, str] = {}
    dialling.connect_ex(hidden.getsockname())
    for name, pairs in kinds.items():
        for client, server in pairs:
            ports[client.getsockname()[1]] = name
            MADE[name](client, server)
    time.sleep(2.7)
    made_before = time.monotonic() - changed
    rows = Watcher().look().rows
    checked = 0
    for row in rows:
        if row.state == "LISTEN":
            continue
        age = made_before
        kind = ports.get(row.local.port) or ports.get(row.remote.port)
        if kind in ("nothing", "data once", "data both ways") and row.state == "ESTAB":
            age += 1.5
        if kind == "data both ways" or row.state == "SYN-RECV":
            assert row.age_is_minimum
            assert row.age_s <= age + 0.1
            continue
        assert abs(row.age_s - age) < 1, (row, kind, row.age_s, age)
        checked += 1
    states = {row.state.value for row in rows}
    assert {"ESTAB", "CLOSE-WAIT", "FIN-WAIT-2", "TIME-WAIT", "SYN-RECV", "SYN-SENT"} <= states
    assert checked >= 9 * 20


def _data_once(client: socket.socket, server: socket.socket) -> None:
    client.send(b"x")


def _data_both_ways(client: socket.socket, server: socket.socket) -> None:
    client.send(b"x")
    server.recv(10)
    server.send(b"y")


def _half_close(client: socket.socket, server: socket.socket) -> None:
    client.close()


def _shut(client: socket.socket, server: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)


def _close_both(client: socket.socket, server: socket.socket) -> None:
    client.close()
    server.close()


MADE = {
    "nothing": lambda client, server: None,
    "data once": _data_once,
    "data both ways": _data_both_ways,
    "half-close": _half_close,
    "shut": _shut,
    "close both": _close_both,
}


@pytest.mark.parametrize("interval", [0.5, 3.0])
@in_own_network
def test_ages_of_sockets_that_changed_between_two_looks(interval: float) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    standing = [pair(listener) for _ in range(30)]
    watcher = Watcher()
    watcher.look()
    time.sleep(interval * 0.25)
    opened = time.monotonic()
    fresh = [pair(listener) for _ in range(10)]
    for client, _ in standing[:10]:
        client.close()
    for client, _ in standing[10:20]:
        client.shutdown(socket.SHUT_WR)
    for client, server in standing[20:]:
        client.close()
        server.close()
    time.sleep(interval * 0.75)
    age = time.monotonic() - opened
    rows = [row for row in watcher.look().rows if row.state != "LISTEN"]
    assert len(rows) == 70
    for row in rows:
        assert abs(row.age_s - age) < 1, (row, row.age_s, age)
    time.sleep(1)
    later = watcher.look()
    assert all(abs(row.age_s - age - 1) < 1 for row in later.rows if row.state != "LISTEN")
    assert fresh


@in_own_network
def test_a_change_of_state_starts_the_age_anew_and_is_logged() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    client, server = pair(listener)
    watcher = Watcher()
    before = watcher.look()
    assert not before.transitions
    cookie = next(row.cookie for row in before.rows if row.remote.port == client.getsockname()[1])
    time.sleep(1.2)
    client.close()
    log = [entry for entry in watcher.look().transitions if entry.cookie == cookie]
    assert [(entry.kind, entry.before, entry.after) for entry in log] == [("changed", "ESTAB", "CLOSE-WAIT")]
    row: SocketRow | None = watcher.look().row(cookie)
    assert row is not None
    assert row.age_s < 1
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    log = [entry for entry in watcher.look().transitions if entry.cookie == cookie]
    assert [(entry.kind, entry.before, entry.after) for entry in log] == [("closed", "CLOSE-WAIT", None)]
    assert log[0].owners[0].fd >= 0


@in_own_network
def test_clients_that_did_their_part_are_told_from_those_that_owe_it() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
    silent = socket.create_connection(listener.getsockname())  # its ACK has come, it sends nothing
    hidden = socket.create_server(("127.0.0.1", 0))
    half_open(hidden)
    dialling = socket.socket()
    dialling.setblocking(False)
    dialling.connect_ex(hidden.getsockname())
    watcher = Watcher()
    rows = {row.remote.port: row for row in watcher.look().rows if row.raw[1] in (diag.SYN_RECV, diag.NEW_SYN_RECV)}
    assert not any(row.answered for row in rows.values())  # nothing tells yet
    deferred = rows[silent.getsockname()[1]]
    deadline = time.monotonic() + 20
    while not deferred.answered and time.monotonic() < deadline:
        time.sleep(0.05)
        watcher.look()
    now = [row for row in Watcher().look().rows if row.raw[1] in (diag.SYN_RECV, diag.NEW_SYN_RECV)]
    assert {row.answered for row in now if row.local.port == hidden.getsockname()[1]} == {False}
    assert deferred.answered
    assert [row.answered for row in now if row.remote == deferred.remote] == [True]
