"""Two points, and between them what opens connections of its own: nginx, HAProxy (kept connections), a SYN proxy."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from capture.points.comparison import Comparison
from capture.points.findings import findings_of
from tests.lab.harness.namespaces import Namespace
from tests.lab.test_compare import PORT, SERVER, Path3, Service, ask, path

pytestmark = [pytest.mark.lab, pytest.mark.root]
__all__ = ["path"]  # a fixture

PROXY, PROXY_PORT = "10.91.1.254", 80
NGINX = f"""
daemon off; master_process off; error_log stderr crit; pid {{folder}}/nginx.pid;
events {{{{ worker_connections 256; }}}}
http {{{{
  access_log off; client_body_temp_path {{folder}}/t1; proxy_temp_path {{folder}}/t2;
  upstream behind {{{{ server {SERVER}:{PORT}; keepalive 4; }}}}
  server {{{{ listen {PROXY}:{PROXY_PORT}; location / {{{{
    proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; }}}} }}}}
}}}}
"""
HAPROXY = f"""
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
  http-reuse always
frontend front
  bind {PROXY}:{PROXY_PORT}
  default_backend behind
backend behind
  server one {SERVER}:{PORT}
"""
SYN_PROXY = f"""
table ip first {{
  chain pre {{
    type filter hook prerouting priority -300
    iifname c0 tcp dport {PORT} tcp flags syn notrack
  }}
}}
add rule ip filter forward tcp dport {PORT} ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm
add rule ip filter forward ct state invalid drop
"""


class Answers:
    """HTTP/1.1: /x/N is answered with N bytes, on connections that are kept."""

    def __init__(self, host: Namespace) -> None:
        with host.entered():
            self._listener = socket.create_server((SERVER, PORT), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        heard = b""
        while True:
            try:
                piece = peer.recv(65536)
            except OSError:
                return
            if not piece:
                return
            heard += piece
            while b"\r\n\r\n" in heard:
                head, heard = heard.split(b"\r\n\r\n", 1)
                size = int(head.split()[1].split(b"/")[-1])
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)

    def close(self) -> None:
        self._listener.close()


def fetch(host: Namespace, sizes: list[int]) -> None:
    """One connection to the proxy, and a request for each size."""
    with host.entered():
        peer = socket.socket()
    peer.settimeout(20)
    peer.connect((PROXY, PROXY_PORT))
    for size in sizes:
        peer.sendall(f"GET /x/{size} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        got = b""
        while not (b"\r\n\r\n" in got and len(got.split(b"\r\n\r\n", 1)[1]) == size):
            piece = peer.recv(65536)
            assert piece
            got += piece
        time.sleep(0.02)
    peer.close()


@contextmanager
def proxied(path: Path3, kind: str) -> Iterator[None]:
    """A proxy on the router, for the length of a with block."""
    binary = shutil.which(kind, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if binary is None:
        pytest.skip(f"not installed: {kind}")
    configuration = path.folder / f"{kind}.conf"
    configuration.write_text(NGINX.format(folder=path.folder) if kind == "nginx" else HAPROXY)
    arguments = ["-p", str(path.folder), "-c", str(configuration)] if kind == "nginx" else ["-db", "-f", configuration]
    process = path.router.start(binary, *map(str, arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with path.client.entered(), socket.socket() as probe:
                if probe.connect_ex((PROXY, PROXY_PORT)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def requests(file: Path) -> dict[int, set[bytes]]:
    """By the asker's port: what was asked for, as the packets say."""
    found: dict[int, set[bytes]] = {}
    for packet in re.finditer(
        rb"\x45.{8}\x06.{2}.{8}(..)..[\x00-\xff]{16,60}?GET (/x/\d+) ", file.read_bytes(), re.DOTALL
    ):
        found.setdefault(int.from_bytes(packet[1], "big"), set()).add(packet[2])
    return found


@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
def test_requests_on_kept_connections_are_paired_with_those_behind(path: Path3, kind: str) -> None:
    """Ten clients at once, three requests each, a pool behind: each pair that is told of has a request in common, and
    each client's connection is told of.
    """
    service = Answers(path.server)
    with proxied(path, kind), path.recorded():
        clients = [
            threading.Thread(target=fetch, args=(path.client, [100 + 41 * i + 700 * k for k in range(3)]))
            for i in range(10)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    service.close()
    comparison = path.compared()
    before, behind = (requests(path.folder / f"{name}.pcap") for name in ("client", "server"))
    assert len(before) == 10
    pairs = [both for both in comparison if both.proxied]
    for both in pairs:
        assert both.readdressed_as is not None
        assert before[both.originator.port] & behind[both.readdressed_as[0].port], both
    assert {both.originator.port for both in pairs} == set(before)
    assert {both.certainty.value for both in pairs} == {"likely"}
    assert {both.cause for both in pairs} == {"normal_close"}


def _codes(comparison: Comparison) -> set[str]:
    return {finding.code for finding in findings_of(comparison)}


def test_a_syn_proxy_is_no_loss_of_syns(path: Path3) -> None:
    """The router answers the SYN itself, and opens with one of its own: other numbers, and no SYN that was lost."""
    path.router.sysctl("netfilter.nf_conntrack_tcp_loose", 0)
    path.router.nft(SYN_PROXY)
    service = Service(path.server, 3000)
    with path.recorded():
        for _ in range(4):
            ask(path.client, 5, 3000)
    service.close()
    comparison = path.compared()
    found = list(comparison)
    assert [both.shifted is not None for both in found] == [True] * 4
    assert {both.cause for both in found} == {"normal_close"}
    assert "renumbered" in _codes(comparison)
    assert "syn_lost" not in _codes(comparison)
    assert not any("S" in packet.flags for both in found for packet in (*both.lost, *both.injected))
