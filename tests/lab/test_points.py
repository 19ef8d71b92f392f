"""The same failures, recorded from elsewhere: all interfaces, begun late, other link layers, among ordinary traffic."""

from __future__ import annotations

import pytest

from tests.lab.harness.lab import Lab
from tests.lab.harness.peers import Application
from tests.lab.harness.relinking import LAYERS, relink

pytestmark = [pytest.mark.lab, pytest.mark.root]


def give_up(lab: Lab, client: Application, server: Application) -> None:
    """The client leaves; a late response of several writes gets EPIPE."""
    client.send(31)
    server.recv()
    assert client.recv(timeout=0.3) == "APP_TIMEOUT"
    client.close()
    lab.wait(0.2)
    server.send(4096)
    lab.wait()
    assert server.send(4096) == "EPIPE"
    server.close()
    lab.expect(
        client,
        server,
        "client_timeout",
        who="client",
        ended_by="rst",
        reset_by="client",
        wire=r"cFA sA sPA\d+ cR\[ttl64,win0\]",
    )


@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
def test_all_interfaces(lab: Lab, v6: bool) -> None:
    """-i any: link type LINUX_SLL2, and packets of every interface."""
    client, server = lab.pair(v6=v6).record("client:any", "server:any").dial()
    give_up(lab, client, server)
    lab.verify()


def test_begun_late(lab: Lab) -> None:
    """The recording begins in the middle of the connection: no handshake to tell who is who."""
    client, server = lab.pair().dial(port=443)
    lab.exchange(client, server)
    lab.wait()
    lab.record()
    give_up(lab, client, server)
    lab.verify()


def test_begun_late_by_the_server(lab: Lab) -> None:
    """Begun late, and the server closes: the client's second write gets EPIPE."""
    client, server = lab.pair(v6=True).dial(port=443)
    lab.exchange(client, server)
    lab.wait()
    lab.record()
    client.send(11)
    server.recv()
    server.close()
    lab.wait()
    client.send(11)
    lab.wait()
    assert client.send(11) == "EPIPE"
    lab.expect(
        client,
        server,
        "write_after_peer_close",
        who="server",
        ended_by="rst",
        reset_by="server",
        wire=r"sFA cA cPA11 sR\[",
    )
    lab.verify()


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
def test_link_layer(lab: Lab, layer: str, v6: bool) -> None:
    """Link layers that no device here has."""
    lab.rewrite = relink(layer)
    client, server = lab.pair(v6=v6).record("client").dial()
    give_up(lab, client, server)
    lab.verify()


def test_among_ordinary_traffic(lab: Lab) -> None:
    """One failure among 120 connections that are well; none of those may be called ill."""
    lab.pair().record(snaplen=96)
    ordinary = []
    for number in range(120):
        client, server = lab.dial()
        lab.exchange(client, server, 20 + number, 100 * number + 1)
        ordinary.append((client, server))
        if number == 60:
            broken = lab.dial(9000)
            give_up(lab, *broken)
    for number, (client, server) in enumerate(ordinary):
        first, second = (client, server) if number % 2 else (server, client)
        if number % 5:
            first.close()
            second.recv()
            second.close()
            lab.expect(
                client, server, "normal", who="client" if number % 2 else "server", ended_by="fin", role="background"
            )
        else:
            lab.expect(client, server, "normal", who=None, ended_by="open", role="background")
    lab.verify()


def test_router_sees_packets_twice(lab: Lab) -> None:
    """-i any on a router: each packet comes in and goes out, and is no retransmission for that."""
    client, server = lab.routed().record("router:any", "client", "server").dial()
    give_up(lab, client, server)
    other, peer = lab.dial()
    lab.exchange(other, peer)
    other.close()
    peer.recv()
    peer.close()
    lab.expect(other, peer, "normal", who="client", ended_by="fin", role="background")
    # the wire pattern is that of the client's own recording: the router's shows each packet twice
    lab._patterns.clear()
    lab.verify()


def test_headers_cut_short(lab: Lab) -> None:
    """A snapshot length that cuts the options off: no time stamps to tell the shapes of resets by."""
    client, server = lab.pair().record(snaplen=54).dial()
    client.send(11)
    lab.wait()
    server.close()
    assert client.recv() == "ECONNRESET"
    client.close()
    lab.expect(client, server, "close_with_unread_data", who="server", ended_by="rst", reset_by="server")
    again, peer = lab.dial(9000)
    give_up(lab, again, peer)
    lab.verify()
