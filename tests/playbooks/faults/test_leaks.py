"""CLOSE_WAIT, FIN_WAIT2, TIME_WAIT, open files: made for real, found, cured by the fix as printed."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable

import pytest

from capture.sockets.sources.namespaces import namespace_of
from playbooks.model import CheckReport, Outcome, StepResult
from playbooks.run import run_checks
from tests.lab.harness.namespaces import Namespace
from tests.playbooks.faults.conftest import Checked, CommandResult
from tests.playbooks.faults.servers import CLOSES_FIRST, LEAK, OPENS_FILES, at_once, running, until

pytestmark = pytest.mark.root
Check = Callable[..., Checked]
Triage = Callable[..., CommandResult]
Shell = Callable[[str], str]


def connect(host: Namespace, port: int) -> socket.socket:
    with host.entered():
        sock = socket.socket()
    sock.settimeout(5)
    sock.connect(("127.0.0.1", port))
    return sock


def test_a_leaking_server_is_named_and_its_pile_can_be_ended(host: Namespace, tcptriage: Triage, shell: Shell) -> None:
    with running(host, LEAK, 8101) as server:
        for sock in [connect(host, 8101) for _ in range(25)]:
            sock.close()
        found, of_process, elsewhere, other_side = at_once(
            lambda: tcptriage("close-wait"),
            lambda: tcptriage("close-wait", pid=server.pid),
            lambda: tcptriage("close-wait", port=9),
            lambda: tcptriage("fin-wait-2"),
        )
        assert found.outcome("pile") is Outcome.FAIL
        assert "python" in found.evidence("pile")
        assert f"[{server.pid}] holds 25 sockets in CLOSE-WAIT" in found.evidence("pile")
        assert "127.0.0.1 (25)" in found.evidence("pile")
        assert found.status == 1
        assert of_process.outcome("pile") is Outcome.FAIL
        assert elsewhere.outcome("pile") is Outcome.UNKNOWN  # no socket there: nothing was looked at
        assert other_side.outcome("pile") is Outcome.FAIL
        shell(found.fixes["destroy-now"]["apply"])
        for after in at_once(lambda: tcptriage("close-wait"), lambda: tcptriage("fin-wait-2")):
            assert after.outcome("pile") is Outcome.PASS


def test_restarting_the_leaking_server_as_printed_frees_the_pile(host: Namespace, check: Check, shell: Shell) -> None:
    with running(host, LEAK, 8102):
        for sock in [connect(host, 8102) for _ in range(12)]:
            sock.close()
        shell(check("close-wait").fix("restart-now").apply)
        until(lambda: not host.states().get("CLOSE-WAIT"))
        assert check("close-wait").outcome("pile") is Outcome.PASS


def test_connections_that_pass_through_close_wait_are_no_pile(host: Namespace, check: Check) -> None:
    """A busy healthy server: hundreds of connections, each in CLOSE_WAIT for a moment."""
    slow = CLOSES_FIRST.replace("connection.recv(1)", "connection.recv(1); time.sleep(0.01)").replace(
        "import socket", "import time, socket"
    )
    with running(host, slow, 8103):
        socks = [connect(host, 8103) for _ in range(60)]
        for sock in socks:
            sock.shutdown(socket.SHUT_WR)
        found = check("close-wait")
        assert found.outcome("pile") is Outcome.PASS, found.evidence("pile")
        assert found.report.exit_status == 0
        for sock in socks:
            sock.close()


def test_fin_wait_2_names_the_peer_and_the_process_that_does_not_close(host: Namespace, tcptriage: Triage) -> None:
    with running(host, LEAK, 8104) as server:
        for sock in [connect(host, 8104) for _ in range(15)]:
            sock.close()
        found, elsewhere = at_once(
            lambda: tcptriage("fin-wait-2", host="127.0.0.1"), lambda: tcptriage("fin-wait-2", host="192.0.2.1")
        )
        assert found.outcome("pile") is Outcome.FAIL
        assert "15 sockets toward 127.0.0.1" in found.evidence("pile")
        assert f"[{server.pid}] (15)" in found.evidence("pile")
        assert found.outcome("other-side") is Outcome.WARN
        assert elsewhere.outcome("pile") is Outcome.UNKNOWN  # no socket there: nothing was looked at


def test_ports_that_run_out_toward_one_peer_and_a_wider_range(host: Namespace, check: Check, shell: Shell) -> None:
    host.sysctl("ipv4.ip_local_port_range", "40000 40099")
    host.sysctl("ipv4.tcp_tw_reuse", "0")
    with running(host, LEAK, 8105):
        for _ in range(85):
            sock = connect(host, 8105)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.close()
        found = check("time-wait", port=8105)
        assert found.outcome("ports") is Outcome.FAIL, found.evidence("ports")
        assert "85 of 100 ephemeral ports (40000-40099)" in found.evidence("ports")
        offered = [fix.id for fix in found.report.fixes]
        assert "stop-holder" not in offered, "who listens on that port is whom they connect to"
        assert offered[0].startswith("reuse-")
        shell(found.fix("port-range-now").apply)
        again = check("time-wait", port=8105)
        assert again.outcome("ports") is Outcome.PASS, again.evidence("ports")
        shell(found.fix("port-range-now").undo)
        assert check("time-wait").outcome("ports") is Outcome.FAIL


def test_time_wait_within_the_range_is_healthy(host: Namespace, check: Check) -> None:
    with running(host, LEAK, 8107) as server:
        socks = [connect(host, 8107) for _ in range(200)]
        server.kill()
        server.wait()
        for sock in socks:
            sock.close()
    assert check("time-wait").report.exit_status == 0


def test_a_process_near_its_limit_and_prlimit_as_printed(host: Namespace, check: Check, shell: Shell) -> None:
    with running(host, OPENS_FILES, 64, 57) as process:
        found = check("open-files", pid=process.pid)
        assert found.outcome("processes") is Outcome.FAIL
        assert f"[{process.pid}] has 60 of 64 file descriptors open" in found.evidence("processes")
        fix = found.fix("prlimit-now")
        assert "soft 64, hard 4096" in fix.current
        shell(fix.apply)
        again = check("open-files", pid=process.pid)
        assert again.outcome("processes") is Outcome.PASS
        limits = subprocess.run(["grep", "open files", f"/proc/{process.pid}/limits"], capture_output=True, text=True)
        assert limits.stdout.split()[3:5] == ["4096", "4096"]


def of(report: CheckReport, name: str) -> StepResult:
    return next(step for step in report.steps if step.id == name)


def test_a_leak_in_another_network_namespace_is_this_machines(host: Namespace) -> None:
    """A container leaks: from the machine's own namespace it is found and named; from a third one it is no matter."""
    if namespace_of(1) is not None:
        pytest.skip("runs in a network namespace of its own")
    with running(host, LEAK, 8109) as server:
        for sock in [connect(host, 8109) for _ in range(15)]:
            sock.close()
        whole = run_checks("close-wait")
        pile = of(whole, "pile")
        assert pile.outcome is Outcome.FAIL, pile.evidence
        told = "\n".join(pile.evidence)
        assert "in network namespace" in told
        assert f"[{server.pid}] holds 15 sockets in CLOSE-WAIT" in told
        asked = run_checks("close-wait", {"pid": str(server.pid)})
        assert of(asked, "pile").outcome is Outcome.FAIL
        assert of(asked, "pile").scope.netns == str(os.stat(f"/proc/{server.pid}/ns/net").st_ino)
        other = Namespace("third")
        try:
            with other.entered():
                third = run_checks("close-wait")
        finally:
            other.remove()
        assert of(third, "pile").outcome is Outcome.UNKNOWN  # no socket there, and the others are not its matter
