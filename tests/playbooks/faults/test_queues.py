"""Accept queues, half-open connections, closed windows, silence, refusals."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from playbooks.model import Outcome
from tests.lab.harness.namespaces import Namespace, cable
from tests.playbooks.faults.conftest import Checked, CommandResult
from tests.playbooks.faults.servers import LEAK, NEVER_ACCEPT, NEVER_READS, SENDS, at_once, running, until
from tests.playbooks.faults.test_leaks import connect

pytestmark = pytest.mark.root
Check = Callable[..., Checked]
Triage = Callable[..., CommandResult]
Shell = Callable[[str], str]

RULE = "ip6tables-legacy -A INPUT -p tcp --dport 8209 -j REJECT --reject-with tcp-reset"
needs_nft = pytest.mark.skipif(shutil.which("nft") is None, reason="not installed: nft")


def attempt(host: Namespace, address: tuple[str, int]) -> socket.socket:
    """A connection attempt that is left to the kernel."""
    with host.entered():
        sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex(address)
    return sock


def test_a_full_accept_queue_names_listener_process_and_figures(host: Namespace, tcptriage: Triage) -> None:
    with running(host, NEVER_ACCEPT, 8201, 5) as server:
        socks = [attempt(host, ("127.0.0.1", 8201)) for _ in range(12)]
        found, pipe, asked, elsewhere = at_once(
            lambda: tcptriage("accept-queue"),
            lambda: tcptriage("broken-pipe", port=8201),
            lambda: tcptriage("accept-queue", port=8201),
            lambda: tcptriage("accept-queue", port=1),
        )
        assert found.outcome("full") is Outcome.FAIL
        assert f"[{server.pid}]): 6 connections wait to be accepted, the maximum is 5" in found.evidence("full")
        assert "127.0.0.1:8201" in found.evidence("full")
        assert found.outcome("half-open") is not Outcome.FAIL
        assert pipe.outcome("queues") is Outcome.FAIL
        assert f"[{server.pid}]): 6 connections wait to be accepted" in pipe.evidence("queues")
        assert pipe.outcome("files") is not Outcome.UNKNOWN  # of all processes of this machine, whatever they do
        assert asked.status == 1
        assert elsewhere.outcome("full") is Outcome.UNKNOWN
        for sock in socks:
            sock.close()


def test_somaxconn_as_printed_and_listening_again_cures_the_queue(host: Namespace, check: Check, shell: Shell) -> None:
    host.sysctl("core.somaxconn", 8)
    with running(host, NEVER_ACCEPT, 8202, 4096):
        socks = [attempt(host, ("127.0.0.1", 8202)) for _ in range(14)]
        found = check("accept-queue")
        assert found.outcome("full") is Outcome.FAIL
        shell(found.fix("somaxconn-now").apply)
        for sock in socks:
            sock.close()
    with running(host, NEVER_ACCEPT, 8202, 4096):
        socks = [attempt(host, ("127.0.0.1", 8202)) for _ in range(14)]
        assert check("accept-queue").cured("full")
        for sock in socks:
            sock.close()


def test_an_idle_listener_with_a_few_waiting_is_healthy(host: Namespace, check: Check) -> None:
    with running(host, NEVER_ACCEPT, 8203, 128):
        socks = [connect(host, 8203) for _ in range(8)]
        assert check("accept-queue").cured("full")
        for sock in socks:
            sock.close()


@needs_nft
def test_half_open_connections_are_found_and_pass_after_the_settings_as_printed(
    host: Namespace, check: Check, shell: Shell
) -> None:
    host.nft("table ip t { chain o { type filter hook output priority 0; tcp flags & (syn|ack) == syn|ack drop; }; }")
    with running(host, LEAK, 8204) as server:
        socks = [attempt(host, ("127.0.0.1", 8204)) for _ in range(40)]
        until(lambda: host.states().get("SYN-RECV", 0) >= 40)
        time.sleep(0.3)
        found = check("syn-flood", port=8204)
        assert found.outcome("pile") is Outcome.FAIL, found.evidence("pile")
        assert "port 8204 (python" in found.evidence("pile")
        assert f"[{server.pid}]): 40 half-open connections" in found.evidence("pile")
        shell(found.fix("syn-settings-now").apply)
        for sock in socks:
            sock.close()
        until(lambda: not host.states().get("SYN-RECV"), 10)
        assert check("syn-flood", port=8204).outcome("pile") is Outcome.PASS


def test_a_zero_window_names_sender_and_reader(host: Namespace, check: Check, shell: Shell) -> None:
    with running(host, NEVER_READS, 8205) as reader, running(host, SENDS, 8205) as sender:
        until(lambda: "persist" in host.run("ss", "-Htno"), 5)
        found = check("slow-reader", port=8205)
        assert found.outcome("windows") is Outcome.FAIL, found.evidence("windows")
        assert f"[{sender.pid}] (1)" in found.evidence("windows")
        assert f"[{reader.pid}] leaves" in found.evidence("windows")
        shell(found.fix("destroy-slow").apply)
        cured = check("slow-reader")  # no connection is left that a window could close: not a pass either
        assert cured.outcome("windows") is Outcome.UNKNOWN
        assert "nothing was there to look at" in cured.evidence("windows")


@needs_nft
def test_a_rule_that_drops_is_named_and_deleting_it_as_printed_cures(
    host: Namespace, check: Check, shell: Shell
) -> None:
    with running(host, LEAK, 8206):
        socks = [connect(host, 8206) for _ in range(4)]
        host.nft("table inet f { chain i { type filter hook input priority 0; tcp dport 8206 counter drop; }; }")
        for sock in socks:
            sock.send(b"x" * 100)
        until(lambda: host.run("ss", "-Htno").count("timer:(on") >= 4)
        time.sleep(1.0)
        found = check("silent-drop", port=8206)
        assert found.outcome("unanswered") is Outcome.FAIL, found.evidence("unanswered")
        assert "tcp dport 8206" in found.evidence("unanswered")
        assert found.outcome("firewall") is Outcome.WARN
        shell(found.fix("delete-rule").apply)
        until(lambda: "timer:(on" not in host.run("ss", "-Htno"), 10)
        assert check("silent-drop", port=8206).cured("unanswered", "firewall")
        for sock in socks:
            sock.close()


def test_a_refused_port_and_a_port_on_another_address(host: Namespace, check: Check) -> None:
    found = check("connection-refused", host="127.0.0.1", port=8207)
    assert found.outcome("connect") is Outcome.FAIL
    assert "ECONNREFUSED" in found.evidence("connect")
    assert "nothing listens on port 8207" in found.evidence("connect")
    assert found.fix("start-service").target == "the service of port 8207"
    host.ip("addr", "add", "10.9.9.9/32", "dev", "lo")
    with running(host, LEAK, 8207) as server:
        assert check("connection-refused", host="127.0.0.1", port=8207).cured("connect", "listening")
        found = check("connection-refused", host="10.9.9.9", port=8207)
        assert found.outcome("connect") is Outcome.FAIL
        assert "on another address: 127.0.0.1:8207" in found.evidence("connect")
        assert f"[{server.pid}]" in found.evidence("connect")
        assert "listen 10.9.9.9:8207;" in found.fix("bind-address").snippet


@needs_nft
def test_a_rejecting_and_a_dropping_rule_are_told_apart(host: Namespace, check: Check, shell: Shell) -> None:
    with running(host, LEAK, 8208):
        host.nft(
            "table inet f { chain i { type filter hook input priority 0; tcp dport 8208 reject with tcp reset; }; }"
        )
        found = check("connection-refused", host="127.0.0.1", port=8208)
        assert "may reject it" in found.evidence("connect")
        shell(found.fix("delete-rule").apply)
        assert check("connection-refused", host="127.0.0.1", port=8208).cured("connect", "listening")
        host.nft("table inet f { chain i { tcp dport 8208 drop; }; }")
        found = check("connection-refused", host="127.0.0.1", port=8208)
        assert "APP_TIMEOUT" in found.evidence("connect")
        shell(found.fix("delete-rule").apply)
        assert check("connection-refused", host="127.0.0.1", port=8208).cured("connect", "listening")


def test_a_host_that_answers_nothing(host: Namespace, check: Check) -> None:
    other = Namespace("server")
    try:
        cable(host, "v0", "10.8.0.1/24", other, "v0", "10.8.0.2/24")
        found = check("connection-refused", host="10.8.0.99", port=80)
        assert found.outcome("connect") is Outcome.FAIL
        assert any(code in found.evidence("connect") for code in ("EHOSTUNREACH", "APP_TIMEOUT"))
    finally:
        other.remove()


@pytest.mark.skipif(shutil.which("ip6tables-legacy") is None, reason="not installed: iptables-legacy")
def test_a_rule_of_iptables_legacy_is_named_and_deleting_it_as_printed_cures(
    host: Namespace, tcptriage: Callable[..., CommandResult]
) -> None:
    with running(host, LEAK.replace("127.0.0.1", "::1").replace("backlog", "family=socket.AF_INET6, backlog"), 8209):
        done = subprocess.run(
            ["ip", "netns", "exec", host.name, *RULE.split()],
            capture_output=True,
        )
        if done.returncode:
            pytest.skip("this kernel has no legacy tables")
        found = tcptriage("connection-refused", host="::1", port=8209)
        assert found.outcome("connect") == "fail"
        assert "ip6 filter, chain INPUT" in found.evidence("connect")
        hidden = tcptriage("connection-refused", nobody=True, host="::1", port=8209)
        assert "a process listens on [::1]:8209" in hidden.evidence("connect")
        assert hidden.outcome("firewall") == "unknown"
        host.run("sh", "-ec", found.fixes["delete-rule"]["apply"])
        cured = tcptriage("connection-refused", host="::1", port=8209)
        assert cured.status != 1
        assert [cured.outcome(step) for step in ("connect", "firewall")] == ["pass", "pass"]


SERVES_V6 = """
import socket, sys
listener = socket.socket(socket.AF_INET6)
listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(sys.argv[2]))
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("::", int(sys.argv[1])))
listener.listen()
print("ready", flush=True)
while True:
    listener.accept()[0].close()
"""
FULL_UNIX = """
import socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(2)
waiting = [socket.socket(socket.AF_UNIX) for _ in range(5)]
for sock in waiting:
    sock.setblocking(False)
    sock.connect_ex(sys.argv[1])
print("ready", flush=True)
time.sleep(60)
"""


def test_a_listener_for_ipv6_only_is_no_rule_that_rejects(host: Namespace, check: Check) -> None:
    """nginx's listen [::]:80; the kernel tells it by INET_DIAG_SKV6ONLY."""
    with running(host, SERVES_V6, 8211, 1) as server:
        found = check("connection-refused", host="127.0.0.1", port=8211)
        assert found.outcome("connect") is Outcome.FAIL
        said = found.evidence("connect")
        assert f"served over IPv6 only: [::]:8211 (python3[{server.pid}])" in said.replace("(python[", "(python3[")
        assert "something rejects it" not in said
        assert found.fix("bind-address").snippet
        assert "for IPv6 only" in found.evidence("listening")
        assert check("connection-refused", host="::1", port=8211).outcome("connect") is Outcome.PASS
    with running(host, SERVES_V6, 8211, 0):
        assert check("connection-refused", host="127.0.0.1", port=8211).outcome("connect") is Outcome.PASS


def test_a_full_unix_socket_is_named(host: Namespace, check: Check, tmp_path: Path) -> None:
    """php-fpm's, behind nginx: in no TCP table."""
    path = tmp_path / "fpm.sock"
    with running(host, FULL_UNIX, path) as server:
        found = check("accept-queue")
        assert found.outcome("full") is Outcome.FAIL, found.evidence("full")
        assert f"unix:{path} (python" in found.evidence("full")
        assert f"[{server.pid}]): 3 connections wait to be accepted, the maximum is 2" in found.evidence("full")
        assert str(path) in found.fix("unix-backlog").verify


def test_who_holds_a_port_that_bind_did_not_get(host: Namespace, check: Check, shell: Shell) -> None:
    with running(host, LEAK, 8212) as server:
        found = check("address-in-use", port=8212)
        assert found.outcome("holder") is Outcome.WARN
        assert "127.0.0.1:8212 is listened on by python" in found.evidence("holder")
        assert f"[{server.pid}]" in found.evidence("holder")
        shell(found.fix("stop-holder").apply)
        server.wait(5)
        with host.entered(), socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", 8212))


def test_the_log_names_the_port_that_bind_did_not_get(
    host: Namespace, check: Check, shell: Shell, tmp_path: Path
) -> None:
    """Who has it is told and ended first; a port below those of outgoing connections needs no reserving."""
    log = tmp_path / "app.log"
    log.write_text("[2026-12-01 11:47:22 +0000] [7] [ERROR] Connection in use: ('127.0.0.1', 8219)\n")
    with running(host, LEAK, 8219) as server:
        found = check("address-in-use", log=log)
        assert f"127.0.0.1:8219 is listened on by python3[{server.pid}]" in found.evidence("holder").replace(
            "python[", "python3["
        )
        assert found.report.fixes[0].id == "stop-holder"
        assert "listen-reserved" not in {fix.id for fix in found.report.fixes}
        shell(found.report.fixes[0].apply)
        server.wait(5)
    assert check("address-in-use", port=8219).outcome("holder") is not Outcome.WARN


@needs_nft
def test_a_rule_that_drops_is_never_fine(host: Namespace, check: Check) -> None:
    host.nft("table inet f { chain i { type filter hook input priority 0; tcp dport 8085 drop; }; }")
    found = check("silent-drop")
    assert found.outcome("firewall") is Outcome.WARN
    assert "tcp dport 8085 drop" in found.evidence("firewall")
