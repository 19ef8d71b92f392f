"""Faults that hide by being spread, shared or small, and business that only looks like them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time

from capture.model import Finding
from capture.sockets.socket_watch import Watcher
from tests.capture.sockets.finding_faults import QUICK, child, dial, name, of
from tests.capture.sockets.findings.test_rule_list import sysctl
from tests.capture.sockets.network import in_own_network


@in_own_network
def test_a_leak_over_twelve_workers_of_one_port_is_one_finding() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    port = listener.getsockname()[1]

    def worker() -> None:
        name("prefork")
        kept = [listener.accept()[0] for _ in range(3)]
        assert kept
        signal.pause()

    for _ in range(12):
        child(worker)
    for client in dial(port, 36):
        time.sleep(0.01)
        client.close()
    time.sleep(1.3)
    (pile,) = of(Watcher(thresholds=QUICK).look(), "close_wait_pile")
    assert pile.connections == 36
    assert "prefork[" in pile.title
    assert "and 11 other processes" in pile.title
    assert f"port {port}" in pile.title


@in_own_network
def test_sockets_that_four_processes_share_are_one_finding() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    clients = dial(listener.getsockname()[1], 20)
    kept = [listener.accept()[0] for _ in clients]
    for _ in range(3):
        child(lambda: [client.close() for client in clients])
    for client in clients:
        client.close()
    time.sleep(1.3)
    (pile,) = of(Watcher(thresholds=QUICK).look(), "close_wait_pile")
    assert pile.connections == len(kept)
    assert pile.facts["pid"] == os.getpid()


@in_own_network
def test_half_closed_downloads_that_flow_are_no_leak() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    clients = dial(listener.getsockname()[1], 12)
    servers = [listener.accept()[0] for _ in clients]
    for client in clients:
        client.shutdown(socket.SHUT_WR)
    watcher = Watcher(thresholds=QUICK)
    seen = []
    for _ in range(30):
        for server, client in zip(servers, clients, strict=True):
            server.send(b"d" * 1000)
            client.recv(4096)
        time.sleep(0.1)
        seen += watcher.look().findings
    assert watcher.look().states["CLOSE-WAIT"] == 12
    assert not [one for one in seen if one.code in ("close_wait_pile", "fin_wait_2_pile")]
    time.sleep(31)  # nothing flows any more
    look = watcher.look()
    assert of(look, "close_wait_pile")
    assert of(look, "fin_wait_2_pile")


@in_own_network
def test_a_pool_that_is_reaped_is_given_the_time_that_it_takes() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    watcher = Watcher(thresholds=QUICK)
    seen: list[list[Finding]] = []
    for turn in range(3):
        pool = dial(listener.getsockname()[1], 15)
        for _ in pool:
            listener.accept()[0].close()
        for _ in range(8):
            time.sleep(0.2)
            seen.append(of(watcher.look(), "close_wait_pile"))
        for one in pool:
            one.close()
        time.sleep(0.2)
        watcher.look()
        if turn == 0:
            assert any(seen)  # nothing was known of the reaper
            seen.clear()
    assert not any(seen)


@in_own_network
def test_a_process_that_half_closes_toward_many_hosts_is_one_finding() -> None:
    listener = socket.create_server(("0.0.0.0", 0), backlog=128)
    port = listener.getsockname()[1]
    clients = [socket.create_connection((f"127.2.0.{number + 1}", port)) for number in range(30)]
    kept = [listener.accept()[0] for _ in clients]
    for client in clients:
        client.shutdown(socket.SHUT_WR)
    time.sleep(1.3)
    (pile,) = of(Watcher(thresholds=QUICK).look(), "fin_wait_2_pile")
    assert pile.connections == len(kept) == 30
    assert pile.facts["hosts"] == 30
    assert f"[{os.getpid()}]" in pile.text


@in_own_network
def test_connecting_to_many_hosts_that_do_not_answer_is_one_finding() -> None:
    subprocess.run(["nft", "add table ip t; add chain ip t i { type filter hook input priority 0; }"], check=True)
    subprocess.run(["nft", "add rule ip t i tcp dport 9042 drop"], check=True)
    attempts = []
    for number in range(20):
        attempt = socket.socket()
        attempt.setblocking(False)
        attempt.connect_ex((f"127.3.0.{number + 1}", 9042))
        attempts.append(attempt)
    time.sleep(3.5)
    (found,) = of(Watcher().look(), "connect_unanswered")
    assert found.connections == len(attempts)
    assert f"[{os.getpid()}]" in found.title
    assert "20 hosts" in found.title
    assert "9042" in found.title


@in_own_network
def test_a_listener_that_nobody_serves_is_found_long_before_its_queue_is_full() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    clients = dial(listener.getsockname()[1], 6)
    for client in clients[:4]:
        client.send(b"GET /")
        client.close()
    watcher = Watcher(thresholds=QUICK)
    assert not of(watcher.look(), "accept_queue_stuck")
    time.sleep(1.3)
    for looking in (watcher, Watcher(thresholds=QUICK)):
        (stuck,) = of(looking.look(), "accept_queue_stuck")
        assert (stuck.facts["backlog"], stuck.facts["closed"], stuck.facts["pid"]) == (6, 4, os.getpid())
    assert not of(watcher.look(), "close_wait_pile")
    for _ in range(6):
        listener.accept()
    assert not of(watcher.look(), "accept_queue_stuck")


@in_own_network
def test_a_process_that_does_not_read_is_named_also_in_a_single_look() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    clients = dial(listener.getsockname()[1], 8)
    kept = [listener.accept()[0] for _ in clients]
    watcher = Watcher(thresholds=QUICK)
    watcher.look()
    for client in clients:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
    assert not of(watcher.look(), "reader_stalled")
    time.sleep(1.3)
    for looking in (watcher, Watcher(thresholds=QUICK)):
        (stalled,) = of(looking.look(), "reader_stalled")
        assert (stalled.connections, stalled.facts["pid"], stalled.facts["bytes"]) == (8, os.getpid(), 8 * 18)
    for server in kept:
        server.recv(100)
    assert not of(watcher.look(), "reader_stalled")


@in_own_network
def test_keep_alive_probes_without_an_answer_are_a_finding() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    port = listener.getsockname()[1]
    clients = dial(port, 5)
    kept = [listener.accept()[0] for _ in clients]
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
            client.setsockopt(socket.IPPROTO_TCP, option, 1)
    time.sleep(1.5)
    assert not of(Watcher().look(), "keepalive_unanswered")
    subprocess.run(["nft", "add table ip t; add chain ip t i { type filter hook input priority 0; }"], check=True)
    subprocess.run(["nft", f"add rule ip t i tcp dport {port} drop"], check=True)
    time.sleep(5)
    (found,) = of(Watcher().look(), "keepalive_unanswered")
    assert found.connections == len(kept)
    assert str(port) in found.title
    assert f"[{os.getpid()}]" in found.title


@in_own_network
def test_segments_that_this_machine_drops_itself_are_told_from_loss_on_the_way() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    port = listener.getsockname()[1]
    clients = dial(port, 3)
    kept = [listener.accept()[0] for _ in clients]
    subprocess.run(["nft", "add table ip t; add chain ip t o { type filter hook output priority 0; }"], check=True)
    subprocess.run(["nft", f"add rule ip t o tcp dport {port} drop"], check=True)
    for client in clients:
        client.send(b"y" * 3000)
    time.sleep(4)
    look = Watcher().look()
    (found,) = of(look, "segments_not_leaving")
    assert found.connections == len(kept)
    assert found.facts["port"] == port
    assert not of(look, "zero_window_stall")
    assert not of(look, "retransmitting")


@in_own_network
def test_ports_that_bind_took_are_found_though_no_destination_is_short_of_them() -> None:
    sysctl("ip_local_port_range", "40000 40199")
    held = []
    for _ in range(180):
        one = socket.socket()
        one.bind(("127.0.0.1", 0))
        held.append(one)
    (found,) = of(Watcher(exact=True).look(), "ports_bound")
    assert (found.connections, found.facts["ports"], found.facts["local"]) == (180, 200, "127.0.0.1")
    assert f"[{os.getpid()}]" in found.title
    listeners = [socket.create_server((f"127.4.0.{number}", 8080), backlog=128) for number in range(1, 31)]
    for number, one in enumerate(held):
        one.connect((f"127.4.0.{number % 30 + 1}", 8080))
    look = Watcher(exact=True).look()
    (found,) = of(look, "ports_bound")
    assert (found.connections, found.facts["bound"]) == (180, 0)
    assert not of(look, "ports_running_out")
    assert listeners


@in_own_network
def test_ports_that_connections_share_are_no_shortage() -> None:
    """connect() takes a port again for another destination: all ports in use is a proxy's daily business."""
    sysctl("ip_local_port_range", "40000 40049")
    listeners = [socket.create_server((f"127.4.0.{number}", 8080), backlog=128) for number in range(1, 11)]
    clients = []
    for number in range(10):
        for _ in range(30):
            one = socket.socket()
            one.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            one.bind(("127.0.0.1", 0))
            one.connect((f"127.4.0.{number + 1}", 8080))
            clients.append(one)
    look = Watcher(exact=True).look()
    assert len({row.local.port for row in look.rows if row.remote.port == 8080}) > 40
    assert not of(look, "ports_bound")
    assert listeners
