"""A server whose handlers wait for a slow upstream while their clients leave: no leak, and told so."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from playbooks.model import Outcome
from tests.lab.harness.namespaces import Namespace
from tests.playbooks.faults.conftest import Checked
from tests.playbooks.faults.servers import running, until

pytestmark = pytest.mark.root

SLOW_UPSTREAM = """
import socket, time
held = []
listener = socket.create_server(("127.0.0.1", 8702), backlog=128)
print("ready", flush=True)
while True:
    held.append(listener.accept()[0])  # reads nothing, answers nothing
"""
WAITS = """
import socket, threading
listener = socket.create_server(("127.0.0.1", 8701), backlog=128)
print("ready", flush=True)

def serve(client):
    client.recv(100)
    with socket.create_connection(("127.0.0.1", 8702)) as upstream:
        upstream.sendall(b"question")
        upstream.recv(100)
    client.close()

while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
LEAKS = """
import socket
held = []
listener = socket.create_server(("127.0.0.1", 8701), backlog=128)
print("ready", flush=True)
while True:
    held.append(listener.accept()[0])
"""


def clients_that_leave(host: Namespace, count: int) -> None:
    with host.entered():
        socks = [socket.create_connection(("127.0.0.1", 8701), timeout=5) for _ in range(count)]
    for sock in socks:
        sock.sendall(b"hello")
    for sock in socks:
        sock.shutdown(socket.SHUT_WR)
    KEPT.extend(socks)


KEPT: list[socket.socket] = []


def test_handlers_that_wait_are_no_leak(host: Namespace, check: Callable[..., Checked]) -> None:
    with running(host, SLOW_UPSTREAM), running(host, WAITS) as server:
        until(lambda: host.run("ss", "-Hltn").count(":870") == 2)
        clients_that_leave(host, 20)
        until(lambda: host.run("ss", "-Htn", "state", "close-wait").count(":8701") >= 20)
        until(lambda: "8702" in host.run("ss", "-Htn", "state", "established"))
        time.sleep(3)
        found = check("close-wait")
        assert found.outcome("waiting") is Outcome.FAIL, found.evidence("waiting")
        said = found.evidence("waiting")
        assert f"[{server.pid}] waits for 127.0.0.1:8702: 20 of its" in said
        assert "threads" in said
        assert found.outcome("pile") is Outcome.WARN, found.evidence("pile")
        assert "The process leaks" not in str([step.meaning for step in found.report.steps])
        fix = found.fix("patience-requests")
        assert "127.0.0.1:8702" in fix.why
    KEPT.clear()


def test_a_leak_is_one(host: Namespace, check: Callable[..., Checked]) -> None:
    with running(host, LEAKS) as server:
        until(lambda: ":8701" in host.run("ss", "-Hltn"))
        clients_that_leave(host, 20)
        time.sleep(3)
        found = check("close-wait")
        assert found.outcome("waiting") is Outcome.PASS, found.evidence("waiting")
        assert found.outcome("pile") is Outcome.FAIL
        assert f"[{server.pid}]" in found.evidence("pile")
    KEPT.clear()


def test_a_full_queue_behind_a_slow_upstream(host: Namespace, check: Callable[..., Checked]) -> None:
    """A server of few threads, each waiting: no longer queue helps, and that is said."""
    one_at_a_time = (
        WAITS.replace("backlog=128", "backlog=4")
        .replace(
            "    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()",
            "    client = listener.accept()[0]\n    started.append(client)\n"
            "    threading.Thread(target=serve, args=(client,), daemon=True).start()\n"
            "    while len(started) >= 4: threading.Event().wait(60)",
        )
        .replace("import socket, threading", "import socket, threading\nstarted = []")
    )
    with running(host, SLOW_UPSTREAM), running(host, one_at_a_time) as server:
        until(lambda: host.run("ss", "-Hltn").count(":870") == 2)
        with host.entered():
            socks = [socket.socket() for _ in range(12)]
        for sock in socks:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", 8701))
        time.sleep(0.5)
        for sock in socks[:4]:
            sock.send(b"hello")
        time.sleep(2.5)
        found = check("accept-queue", port=8701)
        assert found.outcome("full") is Outcome.FAIL, found.evidence("full")
        assert found.outcome("waiting") is Outcome.FAIL, found.evidence("waiting")
        assert f"[{server.pid}] waits for 127.0.0.1:8702: 4 of its" in found.evidence("waiting")
        offered = [fix.id for fix in found.report.fixes]  # what it waits for first, then what serves faster
        assert offered.index("patience-requests") < offered.index("serve-faster"), offered
        for sock in socks:
            sock.close()
