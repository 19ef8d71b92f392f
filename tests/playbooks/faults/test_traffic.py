"""Faults that go on: found on the wire by the real command, with no log and no capture; cured as printed; passing."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.harness.namespaces import Namespace, cable
from tests.playbooks.faults.conftest import CommandResult
from tests.playbooks.faults.servers import at_once, running

pytestmark = pytest.mark.root
Triage = Callable[..., CommandResult]

REFUSES_UPLOADS = """
import socket
listener = socket.create_server(("::1", 8501), family=socket.AF_INET6, backlog=64)
print("ready", flush=True)
while True:
    connection = listener.accept()[0]
    connection.recv(10)
    connection.sendall(b"HTTP/1.1 413 Too Large\\r\\nContent-Length: 0\\r\\n\\r\\n")
    close_gently(connection)
"""
UPLOADS = """
import contextlib, socket, time
print("ready", flush=True)
while True:
    with contextlib.suppress(OSError), socket.create_connection(("::1", 8501), timeout=3) as connection:
        connection.sendall(b"POST / HTTP/1.1\\r\\nContent-Length: 20000\\r\\n\\r\\n" + b"x" * 20000)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    time.sleep(0.05)
"""
CUTS_RESPONSES = """
import itertools, socket
listener = socket.create_server(("127.0.0.1", 8502), backlog=64)
print("ready", flush=True)
heads = (b"HTTP/1.1 200 OK\\r\\nContent-Length: 1000\\r\\n\\r\\n" + b"x" * 300, b"",
         b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n")
for answer in itertools.cycle(heads):
    with listener.accept()[0] as connection:
        connection.recv(65536)
        connection.sendall(answer)
"""
WHOLE_RESPONSES = """
import itertools, socket
listener = socket.create_server(("127.0.0.1", 8502), backlog=64)
print("ready", flush=True)
while True:
    with listener.accept()[0] as connection:
        asked = connection.recv(65536)
        length, body = (5000, b"") if asked.startswith(b"HEAD") else (5, b"hello")
        connection.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % length + body)
"""
ASKS = """
import itertools, socket, time
print("ready", flush=True)
for method in itertools.cycle((b"GET", b"HEAD")):
    with socket.create_connection(("127.0.0.1", 8502), timeout=3) as connection:
        connection.sendall(method + b" / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        while connection.recv(4096):
            pass
    time.sleep(0.05)
"""
WRITES_SLOWLY = """
import contextlib, socket, threading, time
listener = socket.create_server(("127.0.0.1", 8503), backlog=64)
print("ready", flush=True)
def serve(connection):
    with connection, contextlib.suppress(OSError):
        connection.recv(100)
        for _ in range(20):
            connection.sendall(b"x" * 1000)
            time.sleep(0.03)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
GIVES_UP = """
import socket, time
print("ready", flush=True)
while True:
    connection = socket.create_connection(("127.0.0.1", 8503), timeout=3)
    connection.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
    connection.recv(1000)
    connection.close()
    time.sleep(0.1)
"""
ANSWERS = """
import socket, threading
listener = socket.create_server(("10.2.0.1", 8504), backlog=64)
print("ready", flush=True)
def serve(connection):
    while connection.recv(100):
        connection.sendall(b"pong" * 10)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
TALKS = """
import contextlib, socket, time
print("ready", flush=True)
while True:
    with contextlib.suppress(OSError), socket.create_connection(("10.2.0.1", 8504), timeout=2) as connection:
        for _ in range(6):
            connection.sendall(b"ping")
            connection.recv(100)
            time.sleep(0.03)
"""
CALLS_AND_ENDS = """
import contextlib, os, socket, time
print("ready", flush=True)
while True:
    if os.fork() == 0:
        open("/proc/self/comm", "w").write("momentary")
        with contextlib.suppress(OSError), socket.create_connection(("10.2.0.1", 8504), timeout=2) as connection:
            for _ in range(6):
                connection.sendall(b"ping")
                connection.recv(100)
        os._exit(0)
    os.wait()
    time.sleep(0.03)
"""


ANSWERS_LATE = """
import contextlib, socket, time
listener = socket.create_server(("127.0.0.1", 8506), backlog=128)
print("ready", flush=True)
connections = [listener.accept()[0] for _ in range(48)]
time.sleep(6)
for connection in connections:
    for _ in range(2):
        with contextlib.suppress(OSError):
            connection.sendall(b"too late")
        time.sleep(0.002)
time.sleep(60)
"""


def test_writes_to_peers_that_closed_before_the_packets_were_looked_at(host: Namespace, tcptriage: Triage) -> None:
    """The FINs lie before the window: 48 resets and 48 broken pipes were said to be fine."""
    with running(host, ANSWERS_LATE) as server:
        for _ in range(48):
            with host.entered():
                sock = socket.create_connection(("127.0.0.1", 8506))
            sock.sendall(b"GET")
            sock.close()
        time.sleep(3.5)
        found = tcptriage("broken-pipe")
        assert found.outcome("now") == "fail", found.evidence("now")
        assert "48 of 48 connections to 127.0.0.1:8506" in found.evidence("now")
        assert f"[{server.pid}]" in found.evidence("now")
        assert found.steps["now"]["scope"]["netns"]


def test_resets_by_a_server_that_leaves_uploads_unread(host: Namespace, tcptriage: Triage) -> None:
    rude = "def close_gently(connection):\n    connection.close()\n" + REFUSES_UPLOADS
    with running(host, UPLOADS):
        with running(host, rude) as server:
            found, elsewhere, hidden = at_once(
                lambda: tcptriage("connection-reset"),
                lambda: tcptriage("connection-reset", port=9),
                lambda: tcptriage("connection-reset", nobody=True),
            )
            assert found.outcome("now") == "fail", found.evidence("now")
            assert "connections to [::1]:8501" in found.evidence("now")
            assert f"[{server.pid}]" in found.evidence("now")
            assert found.status == 1
            assert elsewhere.outcome("now") == "unknown"  # no packet of that port
            assert hidden.outcome("now") == "unknown"
            assert "run with sudo" in hidden.evidence("now")
            assert hidden.status == 3
        with running(host, found.fixes["drain-before-close-python"]["snippet"] + REFUSES_UPLOADS):
            assert tcptriage("connection-reset").outcome("now") == "pass"


def test_responses_that_are_cut_short(host: Namespace, tcptriage: Triage, tmp_path: Path) -> None:
    with running(host, CUTS_RESPONSES) as server, running(host, ASKS):
        with recorded(host, tmp_path / "cut.pcap") as capture:
            found = tcptriage("unexpected-eof")
        said = found.evidence("now")
        assert found.outcome("now") == "fail", said
        assert f"[{server.pid}]" in said
        whole = "announced 1041 bytes of response (header and body), sent 341"
        assert whole in said or "before its last response was complete" in said
        assert "closed_unanswered" in said
    if capture.exists():
        read = tcptriage("unexpected-eof", capture=capture)
        assert read.outcome("capture") == "fail"
        assert "response_cut_short" in read.evidence("capture")
        assert read.outcome("now") == "manual"
    with running(host, WHOLE_RESPONSES), running(host, ASKS):
        again = tcptriage("unexpected-eof")
        assert again.outcome("now") == "pass", again.evidence("now")


def test_a_server_that_writes_to_clients_that_left(host: Namespace, tcptriage: Triage) -> None:
    with running(host, WRITES_SLOWLY) as server, running(host, GIVES_UP):
        found = tcptriage("broken-pipe", port=8503)
        assert found.outcome("now") == "fail", found.evidence("now")
        assert "to 127.0.0.1:8503" in found.evidence("now")
        assert f"[{server.pid}]" in found.evidence("now")


@pytest.mark.skipif(shutil.which("nft") is None, reason="not installed: nft")
@pytest.mark.parametrize(("calls", "name"), [(TALKS, None), (CALLS_AND_ENDS, "momentary[")])
def test_a_router_that_resets(tcptriage: Triage, calls: str, name: str | None) -> None:
    client, router, server = (Namespace(role) for role in ("client", "router", "server"))
    try:
        cable(client, "c0", "10.1.0.1/24", router, "r0", "10.1.0.254/24")
        cable(server, "s0", "10.2.0.1/24", router, "r1", "10.2.0.254/24")
        client.ip("route", "add", "default", "via", "10.1.0.254")
        server.ip("route", "add", "default", "via", "10.2.0.254")
        router.sysctl("ipv4.ip_forward", 1)
        with running(server, ANSWERS), running(client, calls) as caller:
            router.nft(
                "table ip f { chain f { type filter hook forward priority 0; "
                "tcp dport 8504 ct original packets > 5 reject with tcp reset; }; }"
            )
            found, there = at_once(
                lambda: tcptriage("middlebox-reset", inside=client),
                lambda: tcptriage("middlebox-reset", inside=router, port=8504),
            )
            assert found.outcome("now") == "fail", found.evidence("now")
            assert "connections to 10.2.0.1:8504" in found.evidence("now")
            assert (name or f"[{caller.pid}]") in found.evidence("now")
            assert there.outcome("firewall") == "fail"
            router.run("sh", "-ec", there.fixes["delete-rule"]["apply"])
            time.sleep(0.5)
            # What the rule left behind at the server meets a client that knows nothing of it, and is reset: a warning.
            cured = tcptriage("middlebox-reset", inside=client)
            assert cured.outcome("now") in ("pass", "warn"), cured.evidence("now")
            assert "middlebox_reset" not in cured.evidence("now")
    finally:
        for each in (client, router, server):
            each.remove()


@contextmanager
def recorded(host: Namespace, path: Path) -> Iterator[Path]:
    """tcpdump at work, where it is installed."""
    if shutil.which("tcpdump") is None:
        yield path
        return
    tcpdump = host.start("tcpdump", "-ni", "lo", "-s", "200", "-U", "-Z", "root", "-w", str(path), stderr=-3)
    time.sleep(0.5)
    try:
        yield path
    finally:
        tcpdump.terminate()
        tcpdump.wait(5)
