"""How connections end when applications end them."""

from __future__ import annotations

import pytest

from tests.lab.harness.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
def test_normal_close(lab: Lab, v6: bool) -> None:
    """The client closes, then the server."""
    client, server = lab.pair(v6=v6).record().dial()
    lab.exchange(client, server)
    client.close()
    assert server.recv() == "EOF"
    server.close()
    lab.expect(client, server, "normal", who="client", ended_by="fin", wire="cFA sFA cA$")
    lab.verify()


@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
def test_epipe_on_the_second_write(lab: Lab, v6: bool) -> None:
    """The first write after the peer's close draws its RST, the second gets EPIPE."""
    client, server = lab.pair(v6=v6).record().dial()
    client.send(11)
    server.recv()
    server.close()
    lab.wait()
    assert client.send(11) == "11"
    lab.wait()
    assert client.send(11) == "EPIPE"
    client.close()
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


def test_eof_then_epipe(lab: Lab) -> None:
    """The same, read first: EOF, and only later writes fail."""
    client, server = lab.loopback().record().dial()
    client.send(11)
    server.recv()
    server.close()
    assert client.recv() == "EOF"
    lab.wait()
    assert client.send(11) == "11"
    lab.wait()
    assert client.send(11) == "EPIPE"
    client.close()
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


def test_reset_by_unread_data(lab: Lab) -> None:
    """A close with a request still unread resets."""
    client, server = lab.pair().record().dial()
    client.send(11)
    lab.wait()
    server.close()
    assert client.recv() == "ECONNRESET"
    assert client.recv() == "EOF"
    client.close()
    lab.expect(
        client,
        server,
        "close_with_unread_data",
        who="server",
        ended_by="rst",
        reset_by="server",
        wire=r"cPA11 sA sRA\[ttl64,ts",
    )
    lab.verify()


def test_response_lost_to_unread_data(lab: Lab) -> None:
    """The client leaves in the middle of a response; the server's write gets ECONNRESET."""
    client, server = lab.pair().record().dial()
    client.send(40)
    server.recv()
    server.send_all(30_000)
    client.recv(1000)
    lab.wait()
    client.close()
    lab.wait()
    assert server.send(100) == "ECONNRESET"
    server.close()
    lab.expect(
        client, server, "close_with_unread_data", who="client", ended_by="rst", reset_by="client", wire=r"cRA\[ttl64,ts"
    )
    lab.verify()


def test_linger_0(lab: Lab) -> None:
    """SO_LINGER 0: a RST and no FIN."""
    client, server = lab.pair().record().dial()
    client.send(11)
    server.recv()
    lab.wait()
    server.abort()
    lab.wait()
    assert client.send(11) == "ECONNRESET"
    client.close()
    lab.expect(
        client, server, "linger_abort", who="server", ended_by="rst", reset_by="server", wire=r"cPA11 sA sRA\[ttl64,ts"
    )
    lab.verify()


def test_fin_then_abort(lab: Lab) -> None:
    """The server shuts down its sending half, then aborts: the client's first write gets EPIPE."""
    client, server = lab.pair().record().dial()
    client.send(11)
    server.recv()
    server.shutdown()
    lab.wait()
    server.abort()
    lab.wait()
    assert client.send(11) == "EPIPE"
    client.close()
    lab.expect(client, server, "linger_abort", who="server", ended_by="rst", reset_by="server", wire=r"sFA cA sRA\[")
    lab.verify()


def test_half_close(lab: Lab) -> None:
    """The client ends its half and reads on."""
    client, server = lab.pair().record().dial()
    client.send(11)
    client.shutdown()
    assert server.recv_all() == "EOF"
    server.send_all(5000)
    server.close()
    assert client.recv_all() == "EOF"
    client.close()
    lab.expect(
        client, server, "half_close", who="client", ended_by="fin", wire=r"cFA .*sP?A\d+.* sFA cA$|cFA .*sFPA\d+ cA"
    )
    lab.verify()


def test_simultaneous_close(lab: Lab) -> None:
    """Both FINs are under way at once."""
    lab.wired(delay=0.04)
    client, server = lab.record().dial()
    client.send(11)
    server.recv()
    client.close()
    server.close()
    lab.wait(0.25)
    lab.expect(client, server, "simultaneous_close", who="both", ended_by="fin", wire=r"cFA (sA )?sFA cA sA$")
    lab.verify()


def test_close_wait_leak(lab: Lab) -> None:
    """The server leaves its side open for long; its late write meets a host that has forgotten."""
    lab.pair()
    lab["client"].sysctl("ipv4.tcp_fin_timeout", 3)  # two looks take longer than one on a busy machine
    client, server = lab.record().dial()
    lab.exchange(client, server)
    client.close()
    lab.wait()
    assert lab["client"].states()["FIN-WAIT-2"] == 1
    assert lab["server"].states()["CLOSE-WAIT"] == 1
    lab.until(lambda: lab["client"].states()["FIN-WAIT-2"] == 0)
    server.send(20)
    lab.wait()
    assert server.send(20) == "EPIPE"
    server.close()
    lab.expect(
        client, server, "close_wait_leak", who="client", ended_by="rst", reset_by="client", wire=r"cFA sA sPA20 cR\["
    )
    lab.verify()


@pytest.mark.parametrize("late_writes", [1, 4])
def test_client_time_out(lab: Lab, late_writes: int) -> None:
    """The client gives up; one late write of the server tells it nothing, the next gets EPIPE."""
    client, server = lab.pair().record().dial()
    client.send(31)
    server.recv()
    assert client.recv(timeout=0.4) == "APP_TIMEOUT"
    client.close()
    lab.wait(0.3)
    for _ in range(late_writes):
        server.send(4096)
        lab.wait()
    assert [call.result for call in server.errors] == ["EPIPE"] * (late_writes - 1)
    server.close()
    lab.expect(
        client, server, "client_timeout", who="client", ended_by="rst", reset_by="client", wire=r"cFA sA sPA\d+ cR\["
    )
    lab.verify()


def test_fin_wait_2_pile(lab: Lab) -> None:
    """Clients time out while the server sits on their requests: FIN-WAIT-2 here, CLOSE-WAIT there, for each of them."""
    lab.pair().record()
    pairs = [lab.dial() for _ in range(12)]
    for client, server in pairs:
        client.send(31)
        server.recv()
    lab.wait(0.5)
    for client, _ in pairs:
        client.recv(timeout=0.001)
        client.close()
    lab.wait()
    assert lab["client"].states()["FIN-WAIT-2"] == 12
    assert lab["server"].states()["CLOSE-WAIT"] == 12
    lab.wait(0.4)
    for client, server in pairs:
        server.send(140)
        server.close()
        lab.expect(
            client,
            server,
            "client_timeout",
            who="client",
            ended_by="rst",
            reset_by="client",
            wire=r"cFA sA sPA140 .*cR\[",
        )
    lab.verify()


def test_early_response_reset(lab: Lab) -> None:
    """A 413 while the body still arrives: the rest of it is unread, so the close resets."""
    client, server = lab.pair().record(snaplen=96).dial()
    client.send_all(60_000)
    server.recv(1000)
    server.send(72)
    lab.wait()
    client.send_all(20_000)
    server.close()
    lab.wait()
    assert client.send(1000) == "ECONNRESET"
    client.close()
    lab.expect(
        client, server, "early_response_rst", who="server", ended_by="rst", reset_by="server", wire=r"sPA72 .*sRA\["
    )
    lab.verify()


def test_early_response_lingering(lab: Lab) -> None:
    """The same with a lingering close: the response is sent, the half closed, the rest of the body read away."""
    client, server = lab.pair().record(snaplen=96).dial()
    client.send_all(60_000)
    server.recv(1000)
    server.send(72)
    server.shutdown()
    client.recv_all()
    client.close()
    server.recv_all()
    server.close()
    lab.expect(client, server, "early_response_lingering", who="server", ended_by="fin", wire="sPA72|sFPA72")
    lab.verify()


def test_keep_alive_race(lab: Lab) -> None:
    """The server closes an idle connection while the client's next request is under way."""
    lab.wired(delay=0.04)
    client, server = lab.record().dial()
    lab.exchange(client, server, 28, 59)
    lab.wait(0.8)
    server.close()
    client.send(28)
    assert client.recv() == "EOF"
    lab.wait(0.2)
    assert client.send(28) == "EPIPE"
    client.close()
    lab.expect(
        client,
        server,
        "stale_keepalive_race",
        who="server",
        ended_by="rst",
        reset_by="server",
        wire=r"cPA28 sFA .*sR\[",
    )
    lab.verify()


def test_keep_alive_reuse(lab: Lab) -> None:
    """The client sends its next request on a connection that the server closed a while ago."""
    client, server = lab.pair().record().dial()
    lab.exchange(client, server, 28, 59)
    lab.wait(0.5)
    server.close()
    lab.wait(0.3)
    client.send(28)
    assert client.recv() == "EOF"
    client.close()
    lab.expect(
        client,
        server,
        "stale_keepalive_reuse",
        who="server",
        ended_by="rst",
        reset_by="server",
        wire=r"sFA cA cPA28 sR\[",
    )
    lab.verify()


def test_health_check(lab: Lab) -> None:
    """A load balancer's probe: connect, then a RST at once, again and again. Nobody was harmed."""
    lab.pair().record()
    listener = lab.listen()
    for _ in range(5):
        probe = lab.caller()
        probe.connect(listener.address)
        probe.abort()
        lab.expect(
            probe,
            listener.address,
            "linger_abort",
            who="client",
            ended_by="rst",
            reset_by="client",
            wire=r"^cS sSA cA cRA\[",
        )
    lab.verify()


def test_reader_leaves_after_the_response(lab: Lab) -> None:
    """A client that has the whole response and aborts rather than closes."""
    client, server = lab.pair().record().dial()
    lab.exchange(client, server)
    client.abort()
    assert server.recv() == "ECONNRESET"
    server.close()
    lab.expect(client, server, "linger_abort", who="client", ended_by="rst", reset_by="client", wire=r"sPA50 cA cRA\[")
    lab.verify()


def test_fins_cross_a_late_write(lab: Lab) -> None:
    """Far apart: the server writes while the client's FIN is under way, and its next write meets the RST."""
    lab.wired(delay=0.05)
    client, server = lab.record().dial()
    client.send(31)
    server.recv()
    client.close()
    server.send(4096)
    lab.wait(0.3)
    assert server.send(4096) == "EPIPE"
    server.close()
    lab.expect(
        client, server, "client_timeout", who="client", ended_by="rst", reset_by="client", wire=r"cFA .*sP?A\d+ .*cR\["
    )
    lab.verify()
