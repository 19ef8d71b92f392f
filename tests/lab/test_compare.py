"""Two points of a real path: a router that translates addresses, drops at random, and resets; every packet is named."""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from capture.points.comparison import Comparison, compare
from tests.lab.harness.namespaces import Namespace, cable
from tests.lab.harness.recording import Recording

pytestmark = [pytest.mark.lab, pytest.mark.root]

CLIENT, SERVER = "10.91.1.1", "10.91.2.2"
PORT = 8080
RULES = """
table ip nat {
  chain post {
    type nat hook postrouting priority 100
    oifname s0 masquerade
  }
}
table ip filter {
  counter dropped { }
  counter refused { }
  chain forward {
    type filter hook forward priority 0
  }
}
"""


class Path3:
    """Client, router, server; the router masquerades what the client sends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client, self.router, self.server = (Namespace(role) for role in ("client", "router", "server"))
        cable(self.client, "eth0", f"{CLIENT}/24", self.router, "c0", "10.91.1.254/24")
        cable(self.server, "eth0", f"{SERVER}/24", self.router, "s0", "10.91.2.254/24")
        self.client.ip("route", "add", "default", "via", "10.91.1.254")
        self.server.ip("route", "add", "default", "via", "10.91.2.254")
        self.router.sysctl("ipv4.ip_forward", 1)
        self.router.nft(RULES)

    def rule(self, text: str) -> None:
        """One more rule for what is forwarded."""
        self.router.nft(f"add rule ip filter forward {text}")

    def counted(self, name: str) -> int:
        """Packets that a named counter has seen."""
        found = json.loads(self.router.run("nft", "-j", "list", "counter", "ip", "filter", name))
        return int(next(each["counter"]["packets"] for each in found["nftables"] if "counter" in each))

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Both ends, for the length of a with block."""
        recordings = [
            Recording(host, self.folder / f"{host.role}.pcap", device="eth0", point=host.role)
            for host in (self.client, self.server)
        ]
        try:
            yield
            time.sleep(0.3)
        finally:
            for recording in recordings:
                recording.stop()

    def compared(self) -> Comparison:
        """What compare says of the two recordings."""
        return compare(str(self.folder / "client.pcap"), str(self.folder / "server.pcap"))

    def remove(self) -> None:
        for host in (self.client, self.router, self.server):
            host.remove()


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path3]:
    if os.geteuid() != 0 or any(shutil.which(tool) is None for tool in ("ip", "tcpdump", "nft")):
        pytest.skip("needs root, ip, tcpdump and nft")
    made = Path3(tmp_path)
    try:
        yield made
    finally:
        made.remove()


class Service:
    """Answers each request of 100 bytes with some bytes, until the client leaves."""

    def __init__(self, host: Namespace, answer: int) -> None:
        with host.entered():
            self._listener = socket.create_server((SERVER, PORT), backlog=64)
        self._answer = answer
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        peer.settimeout(20)
        try:
            while peer.recv(100):
                peer.sendall(b"x" * self._answer)
        except OSError:
            pass
        peer.close()

    def close(self) -> None:
        self._listener.close()


def ask(host: Namespace, requests: int, size: int) -> None:
    """One connection: requests and whole answers."""
    with host.entered():
        peer = socket.socket()
    peer.settimeout(20)
    peer.connect((SERVER, PORT))
    for _ in range(requests):
        peer.sendall(b"r" * 100)
        got = 0
        while got < size:
            piece = peer.recv(65536)
            assert piece
            got += len(piece)
    peer.close()


@pytest.mark.parametrize("size", [300, 200_000], ids=["small", "large"])
def test_each_dropped_packet_is_named_and_no_other(path: Path3, size: int) -> None:
    """A masquerade, and one packet in twenty dropped on its way to the server: as many are named as nft counted."""
    service = Service(path.server, size)
    path.rule(f"tcp dport {PORT} numgen random mod 20 == 0 counter name dropped drop")
    with path.recorded():
        for _ in range(8):
            ask(path.client, 12, size)
    service.close()
    comparison = path.compared()
    found = list(comparison)
    assert len(found) == 8
    assert all(both.readdressed for both in found)
    assert sum(len(both.lost) for both in found) == path.counted("dropped")
    assert {(packet.seen_at, packet.sender.value) for both in found for packet in both.lost} <= {("a", "originator")}
    assert not any(both.injected or both.missed or both.duplicated or both.modified for both in found)


def test_a_reset_of_the_router_is_named(path: Path3) -> None:
    """The router answers the fifth request with a RST in the server's name."""
    service = Service(path.server, 300)
    path.rule(f"tcp dport {PORT} ct packets > 12 counter name refused reject with tcp reset")
    path.router.nft("add rule ip filter forward ct state established accept")
    with path.recorded(), pytest.raises(ConnectionResetError):
        ask(path.client, 20, 300)
    service.close()
    (both,) = path.compared()
    assert (both.cause, both.certainty) == ("middlebox_reset", "certain")
    assert [(packet.seen_at, packet.sender.value, packet.flags) for packet in both.injected] == [
        ("a", "responder", "R")
    ]
    request, *resets = both.lost
    assert (request.seen_at, request.flags) == ("a", "PA")
    assert {packet.flags for packet in resets} <= {"R", "PA"}  # to what the server sends again; a request sent again
    assert 1 <= len(both.lost) <= path.counted("refused")  # which the router counts after the recording too


def test_syns_that_a_firewall_drops(path: Path3) -> None:
    """Some connections go through, one does not: its SYNs left the client and never arrived."""
    service = Service(path.server, 300)
    with path.recorded():
        ask(path.client, 2, 300)
        syn = "tcp flags & (syn | ack) == syn"  # not the last words of the first connection, which may be on their way
        path.router.nft(f"insert rule ip filter forward tcp dport {PORT} {syn} counter name dropped drop")
        with path.client.entered():
            lost = socket.socket()
        lost.settimeout(1.5)
        with pytest.raises(TimeoutError):
            lost.connect((SERVER, PORT))
        lost.close()
    service.close()
    first, second = path.compared()
    assert (first.cause, len(first.lost)) == ("normal_close", 0)
    assert (second.cause, second.certainty, second.b) == ("syn_unanswered", "certain", None)
    assert len(second.lost) == path.counted("dropped")


def test_segments_that_the_path_cut_are_no_loss(path: Path3) -> None:
    """The server's card cuts (TSO): its own capture shows segments of up to 64 kB, the client's those of the wire."""
    path.router.ip("link", "set", "c0", "gso_max_segs", "1")
    service = Service(path.server, 300_000)
    with path.recorded():
        ask(path.client, 4, 300_000)
    service.close()
    comparison = path.compared()
    (both,) = comparison
    sizes = [int(point.rows["payload"].max()) for point in comparison.points]
    assert sizes[0] <= 1460 < sizes[1], sizes
    assert not any((both.lost, both.injected, both.missed, both.duplicated))
    assert both.cause == "normal_close"
