"""What happens on the way: loss, silence, middleboxes, unreachable and dead hosts, stopped readers."""

from __future__ import annotations

import pytest

from tests.lab.harness.forging import forged_reset
from tests.lab.harness.lab import Lab
from tests.lab.harness.peers import Application

pytestmark = [pytest.mark.lab, pytest.mark.root]

FORWARD = "table inet f {{ chain f {{ type filter hook forward priority 0; {}\n}}\n}}"


def impatient(lab: Lab, role: str = "client") -> None:
    """Give up on a silent peer after seconds, not a quarter of an hour."""
    lab[role].sysctl("ipv4.tcp_retries2", 3)


def test_loss_recovered(lab: Lab) -> None:
    """One lost segment, sent again."""
    wire = lab.wired()
    client, server = lab.record().dial()
    lost: list[bytes] = []

    def first_data(role: str, frame: bytes) -> bool:
        if role == "client" and b"xxxxxxxx" in frame and not lost:
            lost.append(frame)
            return True
        return False

    wire.lost = first_data
    lab.exchange(client, server)
    client.close()
    server.recv()
    server.close()
    lab.expect(client, server, "normal", who="client", ended_by="fin", wire=r"cPA11 cPA11\*")
    lab.verify()


@pytest.mark.parametrize("raw", [False, True], ids=["ethernet", "raw"])
def test_silent_drop(lab: Lab, raw: bool) -> None:
    """From one moment on nothing passes; the sender retransmits until it gives up."""
    wire = lab.wired(raw=raw)
    impatient(lab)
    client, server = lab.record().dial()
    lab.exchange(client, server)
    lab.wait()
    wire.lost = lambda role, frame: True
    client.send(11)
    assert client.recv(timeout=20) == "ETIMEDOUT"
    client.close()
    lab.expect(client, server, "silent_drop", who=None, ended_by="timeout", wire=r"cPA11( cPA11\*){3,}$")
    lab.verify()


def test_user_time_out(lab: Lab) -> None:
    """The same, ended early by TCP_USER_TIMEOUT."""
    wire = lab.wired()
    client, server = lab.record().dial()
    client.option("TCP_USER_TIMEOUT", 1500)
    lab.exchange(client, server)
    lab.wait()
    wire.lost = lambda role, frame: True
    client.send(11)
    assert client.recv(timeout=20) == "ETIMEDOUT"
    client.close()
    lab.expect(client, server, "tcp_user_timeout", who=None, ended_by="timeout", wire=r"cPA11( cPA11\*){2,}$")
    lab.verify()


def test_idle_drop(lab: Lab) -> None:
    """A firewall forgets an idle connection and drops what comes later."""
    lab.routed()
    impatient(lab)
    lab["router"].sysctl("netfilter.nf_conntrack_tcp_timeout_established", 2)
    lab["router"].sysctl("netfilter.nf_conntrack_tcp_loose", 0)
    lab["router"].nft(
        FORWARD.format("ct state established accept\n tcp flags & (syn|ack) == syn accept\n ct state new,invalid drop")
    )
    client, server = lab.record().dial()
    lab.exchange(client, server)
    lab.wait(4)
    client.send(11)
    assert client.recv(timeout=20) == "ETIMEDOUT"
    client.close()
    lab.expect(client, server, "nat_idle_drop", who=None, ended_by="timeout", wire=r"cPA11( cPA11\*){3,}$")
    lab.verify()


def test_idle_reset(lab: Lab) -> None:
    """The same by a gateway that answers with a RST of its own."""
    lab.routed()
    lab["router"].sysctl("netfilter.nf_conntrack_tcp_timeout_established", 2)
    lab["router"].sysctl("netfilter.nf_conntrack_tcp_loose", 0)
    lab["router"].nft(
        FORWARD.format(
            "ct state established accept\n tcp flags & (syn|ack) == syn accept\n meta l4proto tcp reject with tcp reset"
        )
    )
    client, server = lab.record().dial()
    lab.exchange(client, server)
    lab.wait(4)
    client.send(11)
    assert client.recv(timeout=20) == "ECONNRESET"
    client.close()
    lab.expect(client, server, "nat_idle_rst", who=None, ended_by="rst", reset_by="middlebox", wire=r"cPA11 sR\[")
    lab.verify()


def test_host_dead(lab: Lab) -> None:
    """The server's machine disappears: after a few retransmissions ARP for it has failed too."""
    wire = lab.wired()
    lab["client"].sysctl("ipv4.tcp_retries2", 5)
    lab["client"].sysctl("ipv4.neigh.eth0.base_reachable_time_ms", 500)
    lab["client"].sysctl("ipv4.neigh.eth0.delay_first_probe_time", 1)
    lab["client"].sysctl("ipv4.neigh.eth0.retrans_time_ms", 300)
    client, server = lab.record("client").dial()
    lab.exchange(client, server)
    lab.wait(1)
    wire.lost = lambda role, frame: True
    client.send(11)
    assert client.recv(timeout=30) == "EHOSTUNREACH"
    client.close()
    lab.expect(client, server, "host_dead", who=None, ended_by="timeout", wire=r"cPA11( cPA11\*){3,}$")
    lab.verify()


def test_unreachable_later(lab: Lab) -> None:
    """A router on the way begins to say host unreachable."""
    lab.routed()
    impatient(lab)
    client, server = lab.record().dial()
    lab.exchange(client, server)
    lab["router"].nft(FORWARD.format("ip daddr 10.1.2.2 reject with icmp host-unreachable"))
    client.send(11)
    assert client.recv(timeout=20) == "EHOSTUNREACH"
    client.close()
    lab.expect(client, server, "icmp_unreachable", who=None, ended_by="timeout", wire=r"cPA11 i3\.1")
    lab.verify()


def test_path_mtu_black_hole(lab: Lab) -> None:
    """Full-size segments are lost without a word; small ones pass."""
    wire = lab.wired()
    impatient(lab)
    wire.lost = lambda role, frame: len(frame) > 1300
    client, server = lab.record().dial()
    lab.exchange(client, server)
    client.send_all(20_000)
    assert client.recv(timeout=20) == "ETIMEDOUT"
    client.close()
    lab.expect(client, server, "pmtu_blackhole", who=None, ended_by="timeout", wire=r"cP?A\d+( cP?A\d+\*){3,}$")
    lab.verify()


@pytest.mark.parametrize("ttl", [61, 128])
def test_forged_reset(lab: Lab, ttl: int) -> None:
    """Something on the way ends a connection that both ends wanted."""
    wire = lab.wired()
    client, server = lab.record().dial()
    lab.exchange(client, server)
    lab.exchange(client, server)
    lab.wait()
    wire.inject("client", forged_reset(lab.folder / "client.pcap", client.local, server.local, ttl=ttl))
    assert client.recv() == "ECONNRESET"
    client.close()
    lab.wait()
    lab.expect(
        client, server, "middlebox_rst", who=None, ended_by="rst", reset_by="middlebox", wire=rf"sR\[ttl{ttl},win0\]$"
    )
    lab.verify()


def test_middlebox_rejects(lab: Lab) -> None:
    """A firewall begins to reject an established connection with resets, in both directions."""
    lab.routed()
    client, server = lab.record().dial()
    lab.exchange(client, server)
    lab["router"].nft(FORWARD.format("tcp dport 8080 reject with tcp reset"))
    client.send(11)
    assert client.recv() == "ECONNRESET"
    client.close()
    lab.expect(client, server, "middlebox_rst", who=None, ended_by="rst", reset_by="middlebox", wire=r"cPA11 sR\[")
    lab.verify()


def test_blind_reset(lab: Lab) -> None:
    """A RST whose sequence number is not exact is challenged, and the connection goes on."""
    wire = lab.wired()
    client, server = lab.record("client").dial()
    lab.exchange(client, server)
    lab.wait()
    wire.inject("client", forged_reset(lab.folder / "client.pcap", client.local, server.local, ttl=200, off=1000))
    lab.wait()
    lab.exchange(client, server)
    client.close()
    server.recv()
    server.close()
    lab.expect(
        client, server, "blind_rst_ignored", who="client", ended_by="fin", wire=r"sR\[ttl200,win0\] cA .*cFA sFA cA"
    )
    lab.verify()


def test_host_restarted(lab: Lab) -> None:
    """The server's host has forgotten the connection: a bare RST answers the next request."""
    lab.pair().record()
    listener = lab.listen()
    client, server = lab.dial()
    lab.exchange(client, server)
    lab.wait()
    server.vanish()
    listener.close()
    lab.wait()
    client.send(11)
    assert client.recv() == "ECONNRESET"
    client.close()
    lab.expect(
        client,
        server,
        "peer_rebooted",
        who="server",
        ended_by="rst",
        reset_by="server",
        wire=r"cPA11 sR\[ttl64,win0\]$",
    )
    lab.verify()


def test_keep_alive_failure(lab: Lab) -> None:
    """Probes on an idle connection go unanswered; the prober resets."""
    wire = lab.wired()
    client, server = lab.record().dial()
    for name, value in (("SO_KEEPALIVE", 1), ("TCP_KEEPIDLE", 1), ("TCP_KEEPINTVL", 1), ("TCP_KEEPCNT", 2)):
        client.option(name, value)
    lab.exchange(client, server)
    lab.wait()
    wire.lost = lambda role, frame: True
    assert client.recv(timeout=20) == "ETIMEDOUT"
    client.close()
    lab.expect(
        client, server, "keepalive_timeout", who=None, ended_by="timeout", reset_by="client", wire=r"cAk cAk cRA\["
    )
    lab.verify()


def stalled(lab: Lab) -> tuple[Application, Application]:
    """A reader that does not read, until the sender meets a zero window."""
    server_socket = lab.listen()
    server_socket.sock.setsockopt(1, 8, 4096)  # SO_RCVBUF, inherited by what is accepted
    client, server = lab.dial(listener=server_socket)
    assert client.send_all(4_000_000, timeout=1.2) == "APP_TIMEOUT"
    return client, server


def test_zero_window_stall(lab: Lab) -> None:
    """The server stops reading, and leaves with all of it unread."""
    client, server = stalled(lab.pair().record(snaplen=96))
    server.close()
    lab.wait()
    client.close()
    lab.expect(client, server, "zero_window", who="server", ended_by="rst", reset_by="server", wire=r"sAz cAk .*sRA\[")
    lab.verify()


def test_zero_window_recovers(lab: Lab) -> None:
    """The server reads on after a while."""
    client, server = stalled(lab.pair().record(snaplen=96))
    client.shutdown()
    assert server.recv_all() == "EOF"
    server.close()
    client.recv()
    client.close()
    lab.expect(client, server, "zero_window_recovered", who="client", ended_by="fin", wire=r"sAz cAk .*cF")
    lab.verify()


def test_zero_window_peer_gone(lab: Lab) -> None:
    """The stalled reader's host goes away: window probes go unanswered until the writer gives up."""
    wire = lab.wired()
    impatient(lab)
    client, server = stalled(lab.record(snaplen=96))
    wire.lost = lambda role, frame: True
    lab.wait(0.5)
    assert client.recv(timeout=30) == "ETIMEDOUT"
    client.close()
    lab.expect(client, server, "zero_window_peer_gone", who=None, ended_by="timeout", wire=r"sAz( cAk)+$")
    lab.verify()
