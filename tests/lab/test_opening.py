"""How connections fail to begin."""

from __future__ import annotations

import threading

import pytest

from tests.lab.harness.lab import Lab
from tests.lab.harness.peers import Application

pytestmark = [pytest.mark.lab, pytest.mark.root]

FORWARD = "table inet f {{ chain f {{ type filter hook forward priority 0; {}\n}}\n}}"
INPUT = "table inet f {{ chain i {{ type filter hook input priority 0; {}\n}}\n}}"


@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
def test_refused(lab: Lab, v6: bool) -> None:
    """Nothing listens."""
    lab.pair(v6=v6).record()
    client = lab.caller()
    assert client.connect((lab.server_ip, 8080)) == "ECONNREFUSED"
    client.close()
    lab.expect(
        client,
        (lab.server_ip, 8080),
        "port_closed",
        who=None,
        ended_by="rst",
        reset_by="server",
        wire=r"^cS sRA\[ttl64,win0\]$",
    )
    lab.verify()


def test_rejected_with_a_reset(lab: Lab) -> None:
    """A firewall on the way answers in the server's name."""
    lab.routed()
    lab["router"].nft(FORWARD.format("tcp dport 8080 reject with tcp reset"))
    lab.record()
    client = lab.caller()
    assert client.connect((lab.server_ip, 8080)) == "ECONNREFUSED"
    client.close()
    lab.expect(
        client,
        (lab.server_ip, 8080),
        "firewall_reject_rst",
        who=None,
        ended_by="rst",
        reset_by="middlebox",
        wire=r"^cS sRA\[",
    )
    lab.verify()


@pytest.mark.parametrize(
    ("kind", "result"),
    [("port-unreachable", "ECONNREFUSED"), ("admin-prohibited", "EHOSTUNREACH"), ("net-unreachable", "ENETUNREACH")],
)
def test_rejected_with_icmp(lab: Lab, kind: str, result: str) -> None:
    """A firewall on the way says so itself."""
    lab.routed()
    lab["client"].sysctl("ipv4.tcp_syn_retries", 1)
    lab["router"].nft(FORWARD.format(f"tcp dport 8080 reject with icmp {kind}"))
    lab.record()
    client = lab.caller()
    assert client.connect((lab.server_ip, 8080)) == result
    client.close()
    cause = "firewall_reject_icmp" if kind == "port-unreachable" else "icmp_unreachable"
    lab.expect(client, (lab.server_ip, 8080), cause, who=None, ended_by="icmp", wire=r"^cS i3\.")
    lab.verify()


def test_black_hole(lab: Lab) -> None:
    """A firewall that says nothing."""
    lab.pair()
    lab["client"].sysctl("ipv4.tcp_syn_retries", 1)
    lab["client"].sysctl("ipv4.tcp_syn_linear_timeouts", 1)
    lab["server"].nft(INPUT.format("tcp dport 8080 drop"))
    lab.record()
    client = lab.caller()
    assert client.connect((lab.server_ip, 8080)) == "ETIMEDOUT"
    client.close()
    lab.expect(client, (lab.server_ip, 8080), "syn_blackhole", who=None, ended_by="timeout", wire=r"^cS cS\* cS\*$")
    lab.verify()


def test_black_hole_given_up(lab: Lab) -> None:
    """The application gives up before the kernel does."""
    lab.pair(v6=True)
    lab["server"].nft(INPUT.format("tcp dport 8080 drop"))
    lab.record()
    client = lab.caller()
    assert client.connect((lab.server_ip, 8080), timeout=3.2) == "APP_TIMEOUT"  # long enough for a second SYN, or more
    client.close()
    lab.expect(client, (lab.server_ip, 8080), "syn_blackhole", who=None, ended_by="timeout", wire=r"^cS( cS\*)+$")
    lab.verify()


def test_cancelled_connect(lab: Lab) -> None:
    """The application's time-out is shorter than the round trip: the SYN,ACK meets a closed socket."""
    lab.wired(delay=0.2)
    lab.record().listen()
    client = lab.caller()
    assert client.connect((lab.server_ip, 8080), timeout=0.3) == "APP_TIMEOUT"
    client.close()
    lab.wait(1.2)  # the SYN itself waited a round trip for ARP
    lab.expect(
        client,
        (lab.server_ip, 8080),
        "connect_timeout_app",
        who="client",
        ended_by="rst",
        reset_by="client",
        wire=r"^cS sSA cR\[",
    )
    lab.verify()


def test_host_absent(lab: Lab) -> None:
    """Nobody answers ARP for the address."""
    lab.pair().record()
    client = lab.caller()
    assert client.connect(("10.1.0.77", 8080)) == "EHOSTUNREACH"
    client.close()
    lab.expect(client, ("10.1.0.77", 8080), "arp_failure", who=None, ended_by="icmp")
    lab.verify()


def test_host_absent_behind_a_router(lab: Lab) -> None:
    """The router asks for the server's hardware address in vain, and tells the client."""
    lab.routed().record()
    client = lab.caller()
    assert client.connect(("10.1.2.77", 8080)) == "EHOSTUNREACH"
    client.close()
    lab.expect(
        client, ("10.1.2.77", 8080), "icmp_unreachable", who=None, ended_by="icmp", wire=r"i3\.1\(10\.1\.1\.254\)$"
    )
    lab.verify()


def test_simultaneous_open(lab: Lab) -> None:
    """Both connect to each other; the SYNs cross."""
    lab.wired(delay=0.06)
    lab.record()
    left = Application.on(lab["client"], (lab.client_ip, 7001))
    right = Application.on(lab["server"], (lab.server_ip, 7002))
    other = threading.Thread(target=right.connect, args=((lab.client_ip, 7001),))
    other.start()
    left.connect((lab.server_ip, 7002))
    other.join()
    left.send(11)
    right.recv()
    left.close()
    right.recv()
    right.close()
    lab.wait(0.3)
    lab.expect(left, right, "simultaneous_open", who="client", ended_by="fin", wire=r"^(cS sS|sS cS) ")
    lab.verify()
