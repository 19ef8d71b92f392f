"""Resets that services send and clients cause, and those that are ordinary business."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time

from capture.model import Severity
from capture.sockets.socket_watch import Watcher
from tests.capture.sockets.finding_faults import QUICK, dial, of
from tests.capture.sockets.network import in_own_network


@in_own_network
def test_resets_are_named_by_the_service_that_sends_them() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    port = listener.getsockname()[1]
    watcher = Watcher(exact=True)
    watcher.look()
    stop = threading.Event()

    def storm() -> None:
        while not stop.is_set():
            client = socket.create_connection(("127.0.0.1", port))
            client.send(b"hello")
            server = listener.accept()[0]
            time.sleep(0.002)
            server.close()
            client.close()

    thread = threading.Thread(target=storm)
    thread.start()
    time.sleep(1)
    looks = [watcher.look()]
    time.sleep(1)
    looks.append(watcher.look())
    stop.set()
    thread.join()
    for look in looks:
        (found,) = [one for one in of(look, "resets") if one.facts["sent"]]
        assert f"[{os.getpid()}]" in found.title
        assert f"port {port}" in found.title
        assert "TCPAbortOnClose" in found.text
    for _ in range(2):
        time.sleep(0.5)
        quiet = watcher.look()
    assert not of(quiet, "resets")
    assert [life.finding.code for life in quiet.lives if life.over] == ["resets"]


@in_own_network
def test_refused_attempts_are_named_by_the_port_that_nobody_serves() -> None:
    watcher = Watcher(exact=True)
    watcher.look()
    for _ in range(60):
        with socket.socket() as one:
            one.connect_ex(("127.0.0.1", 9999))
    time.sleep(0.2)
    watcher.look()  # the tap is open
    for _ in range(60):
        with socket.socket() as one:
            one.connect_ex(("127.0.0.1", 9999))
    time.sleep(0.2)
    (found,) = of(watcher.look(), "refusals")
    assert "port 9999" in found.title
    assert found.playbook == "connection-refused"


LINGER = struct.pack("ii", 1, 0)


def reset_by_client(listener: socket.socket, times: int, request: bytes = b"") -> None:
    for _ in range(times):
        client = socket.create_connection(listener.getsockname())
        server = listener.accept()[0]
        if request:
            client.send(request)
            server.recv(9)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        client.close()
        server.close()


@in_own_network
def test_health_checks_that_end_in_a_reset_are_no_warning() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    watcher = Watcher(exact=True)
    watcher.look()
    for request in (b"", b"ask"):  # a caller's own SO_LINGER 0, before or after it asked, is its choice
        for _ in range(3):
            reset_by_client(listener, 30, request)
            time.sleep(0.2)
            look = watcher.look()
        assert {one.severity for one in of(look, "resets")} == {Severity.INFO}


@in_own_network
def test_a_burst_of_answers_to_data_after_a_close_is_a_warning_when_it_comes_again() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    watcher = Watcher(exact=True)
    watcher.look()
    told = []
    for _ in range(2):
        kept = [(socket.create_connection(listener.getsockname()), listener.accept()[0]) for _ in range(30)]
        for _, server in kept:
            server.close()
        for client, _ in kept:
            client.send(b"late")
        time.sleep(0.2)
        told.append({one.severity for one in of(watcher.look(), "resets")})
    assert told == [{Severity.INFO}, {Severity.WARNING}]


@in_own_network
def test_a_few_aborts_of_a_busy_server_are_no_finding() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    watcher = Watcher(exact=True)
    watcher.look()
    for number in range(400):
        client = socket.create_connection(listener.getsockname())
        server = listener.accept()[0]
        if number % 16 == 0:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        server.close()
    look = watcher.look()
    assert look.counters["EstabResets"] >= 20
    assert not of(look, "resets")


@in_own_network
def test_a_pool_whose_peers_closed_at_once_is_a_warning_only_where_more_come_or_it_stays() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    pool = dial(listener.getsockname()[1], 30)
    kept = [listener.accept()[0] for _ in pool]
    watcher = Watcher(thresholds=QUICK)
    watcher.look()
    for server in kept[:15]:
        server.close()
    watcher.look()  # from when on they are known to be closed
    time.sleep(1.3)
    (quiet,) = of(watcher.look(), "close_wait_pile")
    assert (quiet.severity, quiet.connections) == (Severity.INFO, 15)
    for server in kept[15:]:
        server.close()
        time.sleep(0.1)
    watcher.look()
    time.sleep(1.3)
    (grown,) = of(watcher.look(), "close_wait_pile")
    assert (grown.severity, grown.connections) == (Severity.WARNING, 30)
    for client in pool:
        client.close()
