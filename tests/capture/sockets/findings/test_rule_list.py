"""Findings on leaks, piles and overflows made for real; none on a busy healthy machine."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

from capture.model import Finding
from capture.sockets.findings.thresholds import Thresholds
from capture.sockets.snapshot import Snapshot
from capture.sockets.socket_watch import Watcher
from tests.capture.sockets.making import maker
from tests.capture.sockets.network import in_own_network

QUICK = Thresholds(close_wait_s=2.0, fin_wait_2_s=2.0)


def found(snapshot: Snapshot, code: str) -> Finding:
    codes = [finding.code for finding in snapshot.findings]
    assert code in codes, codes
    finding = next(finding for finding in snapshot.findings if finding.code == code)
    cookies = {row.cookie for row in snapshot.rows}
    assert cookies.issuperset(finding.sample)
    assert "{" not in finding.text + finding.title
    return finding


def of_sockets(snapshot: Snapshot) -> list[str]:
    """Codes of the findings about sockets: those are of this network namespace, processes of the whole machine."""
    return [finding.code for finding in snapshot.findings if finding.code != "open_files_near_limit"]


def sysctl(name: str, value: str) -> None:
    Path("/proc/sys/net/ipv4", name).write_text(value)


@in_own_network
def test_a_close_wait_leak_names_the_process_and_when_its_descriptors_end() -> None:
    with maker(100) as made:
        made.tell("half-close 40")
        watcher = Watcher(thresholds=QUICK)
        assert not of_sockets(watcher.look())
        time.sleep(2.2)
        first = found(watcher.look(), "close_wait_pile")
        assert (first.connections, first.facts["pid"], first.facts["port"]) == (40, made.pid, made.port)
        assert len(first.sample) == 20
        assert first.playbook == "close-wait"
        made.tell("half-close 30")
        time.sleep(2.2)
        grown = found(watcher.look(), "close_wait_pile")
        assert grown.connections == 70
        rate, left, when = (grown.facts[name] for name in ("per_minute", "descriptors_left", "limit_in_s"))
        assert isinstance(rate, float)
        assert isinstance(left, int)
        assert isinstance(when, float)
        assert abs(left / (rate / 60) - when) / when < 0.1
        pile = found(watcher.look(), "fin_wait_2_pile")
        assert (pile.facts["orphans"], pile.facts["fin_timeout"]) == (70, 60)
        # One look alone finds it too.
        assert found(Watcher(thresholds=QUICK).look(), "close_wait_pile").connections == 70


@in_own_network
def test_time_wait_uses_up_the_ports_toward_one_destination() -> None:
    sysctl("ip_local_port_range", "40000 40099")
    sysctl("tcp_tw_reuse", "0")
    with maker(10) as made:
        watcher = Watcher()
        for _ in range(5):
            made.tell("cycle 10")
        assert not of_sockets(watcher.look())
        made.tell("cycle 10")
        used = found(watcher.look(), "ports_running_out")
        assert used.severity == "warning"
        assert (used.facts["host"], used.facts["port"], used.facts["ports"]) == ("127.1.0.1", made.port, 99)
        assert used.facts["time_wait"] == 60
        assert used.playbook == "time-wait"
        for command in ("cycle 10", "cycle 10", "open 9"):
            made.tell(command)
        full = found(watcher.look(), "ports_running_out")
        assert full.severity == "critical"
        assert (full.facts["count"], full.facts["ports_left"]) == (99, 0)
        assert "EADDRNOTAVAIL" in full.text


@in_own_network
def test_time_waits_that_give_way_are_no_shortage() -> None:
    sysctl("ip_local_port_range", "40000 40099")
    sysctl("tcp_tw_reuse", "2")
    with maker(10) as made:
        for _ in range(6):
            made.tell("cycle 10")
        assert not of_sockets(Watcher().look())
        for command in ("cycle 10", "cycle 10", "open 9"):
            made.tell(command)
        full = found(Watcher().look(), "ports_running_out")
        assert full.severity == "warning"
        assert "may be used again" in full.text
        assert "EADDRNOTAVAIL" not in full.text


@in_own_network
def test_a_full_accept_queue_and_its_overflow() -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(4)
    watcher = Watcher()
    clients = [socket.create_connection(listener.getsockname()) for _ in range(4)]
    assert not of_sockets(watcher.look())
    clients.append(socket.create_connection(listener.getsockname()))
    full = found(watcher.look(), "accept_queue_full")
    assert (full.facts["backlog"], full.facts["backlog_max"], full.facts["pid"]) == (5, 4, os.getpid())
    late = socket.socket()
    late.setblocking(False)
    late.connect_ex(listener.getsockname())
    time.sleep(0.1)
    snapshot = watcher.look()
    assert found(snapshot, "accept_queue_full").facts["moved_drops"] == 1
    assert snapshot.counters["ListenOverflows"] == 1
    while len(clients) > 4:
        clients.pop().close()
    for _ in range(5):
        listener.accept()
    assert not [finding for finding in watcher.look().findings if finding.code == "accept_queue_full"]


@in_own_network
def test_half_open_connections_that_stay() -> None:
    sysctl("tcp_syncookies", "0")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    port = listener.getsockname()[1]
    # Loopback would answer its own SYN-ACKs with RST: those must not get through.
    subprocess.run(["nft", "add table ip t; add chain ip t o { type filter hook input priority 0; }"], check=True)
    subprocess.run(["nft", f"add rule ip t o tcp sport {port} tcp flags & (syn|ack) == syn|ack drop"], check=True)
    watcher = Watcher()
    watcher.look()
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for number in range(64):
        raw.sendto(syn(f"127.9.{number}.1", "127.0.0.1", 2000 + number, port), ("127.0.0.1", 0))
    assert not of_sockets(watcher.look())
    time.sleep(0.6)
    snapshot = watcher.look()
    found(Watcher().look(), "syn_recv_pile")
    pile = found(snapshot, "syn_recv_pile")
    assert pile.connections == 64
    assert (pile.facts["port"], pile.facts["hosts"], pile.facts["tcp_syncookies"]) == (port, 64, 0)


@in_own_network
def test_a_flood_answered_with_cookies_leaves_its_trace_in_the_counters() -> None:
    sysctl("tcp_syncookies", "1")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    port = listener.getsockname()[1]
    subprocess.run(["nft", "add table ip t; add chain ip t o { type filter hook input priority 0; }"], check=True)
    subprocess.run(["nft", f"add rule ip t o tcp sport {port} tcp flags & (syn|ack) == syn|ack drop"], check=True)
    watcher = Watcher()
    watcher.look()
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for number in range(200):
        raw.sendto(syn(f"127.9.{number}.1", "127.0.0.1", 2000 + number, port), ("127.0.0.1", 0))
    full = found(watcher.look(), "syn_queue_full")
    cookies, half = full.facts["cookies"], full.facts["half_open"]
    assert isinstance(cookies, int)
    assert isinstance(half, int)
    assert cookies + half == 200
    assert (full.playbook, full.facts["port"]) == ("syn-flood", port)
    assert "syn_queue_full" not in {finding.code for finding in watcher.look().findings}


def syn(source: str, target: str, source_port: int, port: int) -> bytes:
    tcp = struct.pack("!HHIIBBHHH", source_port, port, 1000, 0, 5 << 4, 2, 64240, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack("!BBH", 0, 6, len(tcp))
    total = sum(struct.unpack(f"!{len(pseudo + tcp) // 2}H", pseudo + tcp))
    total = (total >> 16) + (total & 0xFFFF)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    tcp = tcp[:16] + struct.pack("!H", checksum) + tcp[18:]
    return (
        struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, socket.inet_aton(source), socket.inet_aton(target))
        + tcp
    )


@in_own_network
def test_a_process_near_its_descriptor_limit() -> None:
    script = (
        "import resource,socket,time; resource.setrlimit(resource.RLIMIT_NOFILE,(64,128));"
        "kept=[socket.socket() for _ in range(54)]; print('up',flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.readline()
    near = {finding.facts.get("pid"): finding for finding in Watcher().look().findings}[child.pid]
    child.kill()
    assert near.code == "open_files_near_limit"
    assert near.facts["soft_limit"] == 64
    assert near.facts["hard_limit"] == 128
    assert near.facts["open_files"] in range(56, 61)


@in_own_network
def test_a_reader_that_stopped_is_told_from_a_paced_sender() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    slow = socket.create_connection(listener.getsockname())
    slow_server = listener.accept()[0]
    slow_server.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            slow_server.send(b"x" * 65536)
    paced = socket.create_connection(listener.getsockname())
    paced_server = listener.accept()[0]
    paced_server.setsockopt(socket.SOL_SOCKET, 47, 2000)  # SO_MAX_PACING_RATE, bytes a second
    paced_server.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        paced_server.send(b"x" * 500_000)
    paced.setblocking(False)
    watcher = Watcher()
    until = time.monotonic() + 2.5
    while time.monotonic() < until:
        with contextlib.suppress(BlockingIOError):
            paced.recv(1 << 20)
        time.sleep(0.05)
    snapshot = watcher.look()
    stall = found(snapshot, "zero_window_stall")
    assert stall.connections == 1
    row = snapshot.row(str(stall.sample[0]))
    assert row is not None
    assert row.remote.port == slow.getsockname()[1]
    assert of_sockets(snapshot) == ["zero_window_stall"]


@in_own_network
def test_data_that_gets_no_answer_and_connects_that_get_none() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server = listener.accept()[0]
    port = listener.getsockname()[1]
    subprocess.run(["nft", "add table ip t; add chain ip t i { type filter hook input priority 0; }"], check=True)
    subprocess.run(["nft", f"add rule ip t i tcp sport {port} drop"], check=True)
    server.send(b"data")
    watcher = Watcher()
    watcher.look()
    dialling = []
    for _ in range(4):
        attempt = socket.socket()
        attempt.setblocking(False)
        attempt.connect_ex(("127.0.0.1", port))
        dialling.append(attempt)
    time.sleep(3.3)
    snapshot = watcher.look()
    lost = found(snapshot, "retransmitting")
    assert lost.connections == 1
    assert lost.facts["host"] == "127.0.0.1"
    assert snapshot.counters["RetransSegs"] > 3
    assert found(snapshot, "connect_unanswered").connections == 4
    assert client


@in_own_network
def test_a_busy_healthy_machine_has_no_finding() -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE)
    assert server.stdout
    port = int(server.stdout.readline())
    stop = threading.Event()
    callers = [threading.Thread(target=call_again_and_again, args=(port, stop)) for _ in range(4)]
    for caller in callers:
        caller.start()
    watcher = Watcher()
    seen = set()
    for _ in range(8):
        snapshot = watcher.look()
        seen |= set(of_sockets(snapshot))
        seen |= {finding.text for finding in snapshot.findings if finding.facts.get("pid") == server.pid}
        time.sleep(0.4)
    stop.set()
    for caller in callers:
        caller.join()
    server.send_signal(signal.SIGKILL)
    server.wait()
    assert snapshot.states["TIME-WAIT"] > 300
    assert not seen


SERVER = """
import socketserver, threading
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 128
    daemon_threads = True
server = Server(("127.0.0.1", 0), Echo)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def call_again_and_again(port: int, stop: threading.Event) -> None:
    resource.getrlimit(resource.RLIMIT_NOFILE)
    while not stop.is_set():
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"hello\n" * 200)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
