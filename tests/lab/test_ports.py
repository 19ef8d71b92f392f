"""Port numbers used again: TIME-WAIT, short connections, and running out."""

from __future__ import annotations

import socket
import struct

import pytest

from tests.lab.harness.lab import Lab
from tests.lab.harness.peers import Application
from tests.lab.harness.signature import segments

pytestmark = [pytest.mark.lab, pytest.mark.root]


def test_short_connections(lab: Lab) -> None:
    """One connection a request: each ends well, each leaves a TIME-WAIT."""
    lab.pair().record(snaplen=96)
    for _ in range(30):
        client, server = lab.dial()
        lab.exchange(client, server)
        client.close()
        server.recv()
        server.close()
        lab.expect(client, server, "short_connections", who="client", ended_by="fin")
    lab.wait()
    assert lab["client"].states()["TIME-WAIT"] == 30
    lab.verify()


def test_time_wait_reuse(lab: Lab) -> None:
    """The server is in TIME-WAIT, and takes a new SYN from the same port at once: its timestamp is later."""
    lab.pair().record()
    listener = lab.listen()
    for _ in range(2):
        client = lab.caller(port=40001)
        client.connect(listener.address)
        server = listener.accept()
        lab.exchange(client, server)
        server.close()
        client.recv()
        client.close()
        lab.expect(client, server, "timewait_reuse", who="server", ended_by="fin")
        lab.wait(1.1)
    lab.verify()


def test_ports_exhausted(lab: Lab) -> None:
    """A range of four ports, all taken: the fifth connect fails before any packet."""
    lab.pair()
    lab["client"].sysctl("ipv4.ip_local_port_range", "42000 42003")
    lab.record()
    for _ in range(4):
        client, server = lab.dial()
        lab.exchange(client, server)
        lab.expect(client, server, "connection_leak", who=None, ended_by="open")
    more = lab.caller()
    assert more.connect((lab.server_ip, 8080)) == "EADDRNOTAVAIL"
    lab.verify()


def test_time_wait_challenge(lab: Lab) -> None:
    """Without timestamps, a SYN whose sequence number looks old is challenged; the client resets and tries again."""
    lab.pair()
    for role in ("client", "server"):
        lab[role].sysctl("ipv4.tcp_timestamps", 0)
    lab.record()
    listener = lab.listen()
    ends, last = [], 0
    for attempt in range(2):
        client = lab.caller(port=40002)
        if attempt:
            begin_at(client, last - 5000)
        assert client.connect(listener.address) == "ok"
        server = listener.accept()
        lab.exchange(client, server)
        if not attempt:
            server.send_all(10)
        server.close()
        client.recv_all()
        client.close()
        ends.append((client, server))
        lab.wait()
        last = [seen.seq for seen in segments(lab.folder / "client.pcap") if seen.source == client.local][-1]
    for wire, (client, server) in zip((r"^cS sSA", r"^cS sA cR\[ttl64,win0\] cS\* sSA"), ends, strict=True):
        lab.expect(client, server, "timewait_reuse_challenge", who="server", ended_by="fin", wire=wire)
    lab.verify()


def begin_at(client: Application, sequence: int) -> None:
    """Choose the number of the SYN (TCP_REPAIR, the send queue's TCP_QUEUE_SEQ)."""
    repair, queue, queue_sequence = 19, 20, 21
    for option, value in ((repair, 1), (queue, 2), (queue_sequence, sequence % 2**32), (repair, 0)):
        client.sock.setsockopt(socket.IPPROTO_TCP, option, struct.pack("I", value))
