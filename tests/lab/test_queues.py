"""Listeners that cannot keep up: accept queues, descriptors, SYN floods."""

from __future__ import annotations

import socket

import pytest

from tests.lab.harness.forging import segment
from tests.lab.harness.lab import Lab
from tests.lab.harness.peers import Application, Listener
from tests.lab.harness.signature import SYN

pytestmark = [pytest.mark.lab, pytest.mark.root]


def fill(lab: Lab, listener: Listener, count: int) -> list[Application]:
    """So many connections at once, that nobody accepts."""
    waiting = [lab.caller() for _ in range(count)]
    for client in waiting:
        client.begin(listener.address)
    for client in waiting:
        assert client.finish() == "ok"
    return waiting


def test_accept_queue_overflow_recovers(lab: Lab) -> None:
    """The last ACK is dropped, the SYN,ACK repeated, until the application accepts: nothing but delay."""
    lab.wired(delay=0.03)
    lab["server"].sysctl("ipv4.tcp_syncookies", 0)  # a queue as short as this would turn them on
    lab.record()
    listener = lab.listen(backlog=8)  # room for 9: it is full when it holds more than 8
    clients = fill(lab, listener, 6) + fill(lab, listener, 6)
    for client in clients:
        client.send(11)
    lab.wait(1.3)
    assert lab["server"].counters()["ListenOverflows"] > 0
    servers = {}
    for _ in clients:
        server = listener.accept()
        servers[server.remote] = server
    for client in clients:
        server = servers[client.local]
        server.recv()
        server.send(50)
        client.recv()
        client.close()
        server.recv()
        server.close()
    clients.sort(key=lambda each: servers[each.local].calls[0].at)
    for client in clients[9:]:
        lab.expect(
            client,
            servers[client.local],
            "accept_queue_overflow",
            who="client",
            ended_by="fin",
            wire=r"^cS sSA cA cPA11 .*sSA\*",
        )
    for client in clients[:9]:
        lab.expect(client, servers[client.local], "slow_accept", who="client", ended_by="fin")
    lab.verify()


def test_accept_queue_overflow_abort(lab: Lab) -> None:
    """The same with net.ipv4.tcp_abort_on_overflow=1: a RST in place of silence."""
    lab.wired(delay=0.03)
    lab["server"].sysctl("ipv4.tcp_abort_on_overflow", 1)
    lab["server"].sysctl("ipv4.tcp_syncookies", 0)
    lab.record()
    listener = lab.listen(backlog=8)
    clients = fill(lab, listener, 6) + fill(lab, listener, 6)
    lab.wait(0.2)
    for client in clients:
        if client.recv(timeout=0.01) == "ECONNRESET":
            lab.expect(
                client,
                listener.address,
                "accept_queue_overflow_abort",
                who="server",
                ended_by="rst",
                reset_by="server",
                wire=r"^cS sSA cA sR",
            )
    assert len(lab.outcomes) == 3
    lab.verify()


def test_accept_queue_full_drops_syns(lab: Lab) -> None:
    """A full queue, and no room for another: the SYN is not answered at all."""
    lab.pair()
    lab["server"].sysctl("ipv4.tcp_syncookies", 0)
    lab["client"].sysctl("ipv4.tcp_syn_retries", 1)
    lab["client"].sysctl("ipv4.tcp_syn_linear_timeouts", 1)
    lab.record()
    listener = lab.listen(backlog=1)
    fill(lab, listener, 2)
    client = lab.caller()
    assert client.connect(listener.address) == "ETIMEDOUT"
    client.close()
    lab.expect(
        client, listener.address, "accept_queue_overflow_syn_drop", who=None, ended_by="timeout", wire=r"^cS cS\*"
    )
    lab.verify()


def test_never_accepted(lab: Lab) -> None:
    """The kernel acknowledges the request; no application ever takes it; the client gives up."""
    lab.pair().record()
    listener = lab.listen()
    client = lab.caller()
    client.connect(listener.address)
    client.send(11)
    assert client.recv(timeout=1.0) == "APP_TIMEOUT"
    lab.wait()
    lab.expect(client, listener.address, "never_accepted", who=None, ended_by="open", wire=r"^cS sSA cA cPA11 sA$")
    lab.verify()


def test_slow_accept(lab: Lab) -> None:
    """Accepted after a second; all goes well."""
    lab.pair().record()
    listener = lab.listen()
    client = lab.caller()
    client.connect(listener.address)
    client.send(11)
    lab.wait(1.0)
    server = listener.accept()
    server.recv()
    server.send(50)
    client.recv()
    client.close()
    server.recv()
    server.close()
    lab.expect(client, server, "slow_accept", who="client", ended_by="fin")
    lab.verify()


def test_listener_exit(lab: Lab) -> None:
    """The server ends with connections in its accept queue: those with data and those without are reset."""
    lab.pair().record()
    listener = lab.listen()
    clients = fill(lab, listener, 3)
    clients[0].send(11)
    lab.wait()
    listener.close()
    for client in clients:
        assert client.recv() == "ECONNRESET"
        lab.expect(
            client, listener.address, "server_exit", who="server", ended_by="rst", reset_by="server", wire=r"sRA\["
        )
    lab.verify()


def test_connection_leak(lab: Lab) -> None:
    """A client that opens and forgets: nothing ends while the recording runs."""
    lab.pair().record()
    for _ in range(8):
        client, server = lab.dial()
        lab.exchange(client, server)
        lab.expect(client, server, "connection_leak", who=None, ended_by="open")
    assert lab["server"].states()["ESTAB"] == 8
    lab.verify()


def test_syn_cookies(lab: Lab) -> None:
    """A flood with SYN cookies on: honest clients notice nothing."""
    lab.pair()
    lab["server"].sysctl("ipv4.tcp_syncookies", 2)
    lab.record()
    listener = lab.listen()
    flood(lab, listener, 40)
    client = lab.caller()
    assert client.connect(listener.address) == "ok"
    server = listener.accept()
    lab.exchange(client, server)
    client.close()
    server.recv()
    server.close()
    assert lab["server"].counters()["SyncookiesRecv"] == 1
    lab.expect(client, server, "syn_flood_cookies", who="client", ended_by="fin")
    lab.verify()


def test_syn_flood(lab: Lab) -> None:
    """A flood without cookies: the queue of half-open connections is full, and an honest SYN is dropped."""
    lab.pair()
    lab["server"].sysctl("ipv4.tcp_syncookies", 0)
    lab["server"].sysctl("ipv4.tcp_max_syn_backlog", 16)
    lab["client"].sysctl("ipv4.tcp_syn_retries", 1)
    lab["client"].sysctl("ipv4.tcp_syn_linear_timeouts", 1)
    lab.record()
    listener = lab.listen(backlog=16)
    flood(lab, listener, 60)
    client = lab.caller()
    assert client.connect(listener.address) == "ETIMEDOUT"
    client.close()
    lab.expect(client, listener.address, "syn_flood", who=None, ended_by="timeout", wire=r"^cS cS\*")
    lab.verify()


def flood(lab: Lab, listener: Listener, count: int) -> None:
    """SYNs from addresses that do not answer, sent raw."""
    lab["server"].ip("route", "add", "10.9.0.0/16", "dev", "eth0")
    lab["server"].sysctl("ipv4.conf.all.rp_filter", 0)
    lab["server"].sysctl("ipv4.conf.eth0.rp_filter", 0)
    with lab["client"].entered():
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for number in range(count):
        source = f"10.9.{number // 200}.{number % 200 + 1}", 1024 + number
        raw.sendto(segment(source, listener.address, flags=SYN, seq=7 * number, window=64240), listener.address)
    raw.close()
