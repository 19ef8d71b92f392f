"""Requests that a restart behind nginx costs: told by their moment; the graceful stop as printed cuts none."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from playbooks.model import Outcome
from tests.lab.harness.namespaces import Namespace
from tests.playbooks.faults.conftest import Checked
from tests.playbooks.faults.servers import until
from tests.playbooks.faults.test_leaks import connect

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="not installed: nginx"),
]
Check = Callable[..., Checked]
CUT = ("prematurely closed", "(104: ")
CONFIG = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off;
  upstream app {{ server 127.0.0.1:8902; keepalive 16; keepalive_timeout 4s; }}
  server {{
    listen 127.0.0.1:8901;
    location / {{ proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""
HANDLER = """
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        time.sleep(0.3)
        if {closes}:
            self.close_connection = True
            return self.connection.shutdown(2)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer.request_queue_size = 64
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8902), Handler)
"""
AS_IT_IS = HANDLER.format(closes=False) + "server.serve_forever()\n"
CLOSES = HANDLER.format(closes=True) + "server.serve_forever()\n"


@pytest.fixture
def log(host: Namespace, tmp_path: Path) -> Iterator[Path]:
    """nginx before 127.0.0.1:8902; its error log."""
    config = tmp_path / "nginx.conf"
    config.write_text(CONFIG.format(folder=tmp_path))
    host.run("nginx", "-c", str(config))
    try:
        until(lambda: ":8901" in host.run("ss", "-Hltn"))
        yield tmp_path / "error.log"
    finally:
        host.run("nginx", "-c", str(config), "-s", "stop")


@contextmanager
def serving(host: Namespace, program: str) -> Iterator[subprocess.Popen[bytes]]:
    process = host.start(sys.executable, "-c", program)
    try:
        until(lambda: ":8902" in host.run("ss", "-Hltn"))
        yield process
    finally:
        process.kill()
        process.wait(5)


def ask(host: Namespace, asked: threading.Event, statuses: list[bytes]) -> None:
    """Requests one after another, each on a connection of its own, until told to stop."""
    while not asked.is_set():
        with connect(host, 8901) as sock:
            sock.settimeout(5)
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            statuses.append(sock.recv(4096)[9:12])
        time.sleep(0.02)


@contextmanager
def asking(host: Namespace) -> Iterator[list[bytes]]:
    """Eight clients; what they were answered."""
    asked, statuses = threading.Event(), list[bytes]()
    clients = [threading.Thread(target=ask, args=(host, asked, statuses)) for _ in range(8)]
    for client in clients:
        client.start()
    try:
        yield statuses
    finally:
        asked.set()
        for client in clients:
            client.join(10)


def test_a_restart_is_told_by_its_moment(host: Namespace, log: Path, check: Check, tmp_path: Path) -> None:
    with serving(host, AS_IT_IS) as first, asking(host) as statuses:
        until(lambda: len(statuses) > 8)
        first.kill()
        first.wait(5)
        until(lambda: statuses.count(b"502") > 8)
        with serving(host, AS_IT_IS) as second:
            until(lambda: statuses[-8:] == [b"200"] * 8, 10)
            found = check("nginx-upstream", log=log)
            named = f"[{second.pid}], which listens there now, was started at"
            assert found.outcome("moments") is Outcome.FAIL, found.evidence("moments")
            assert named in found.evidence("moments")
            assert found.step("moments").next == "graceful-restart"
            assert found.report.fixes[0].id == "graceful-python"
            assert "idle-nginx" not in {fix.id for fix in found.report.fixes}, "nothing was idle"
            assert "start-upstream" not in {fix.id for fix in found.report.fixes}, "it runs"
            again = check("graceful-restart", log=log, port=8902)
            assert (again.outcome("moments"), again.report.fixes[0].id) == (Outcome.FAIL, "graceful-python")
    snippet = found.fix("graceful-python").snippet
    handler = HANDLER.format(closes=False).replace("Handler(", "Handler(Leaving, ", 1)
    graceful = f"{snippet}\n{handler}\nserve(server)\n"
    before = sum(map(log.read_text().count, CUT))
    with serving(host, graceful) as third, asking(host) as statuses:
        until(lambda: len(statuses) > 8)
        third.terminate()
        third.wait(20)
        until(lambda: b"502" in statuses)
    assert sum(map(log.read_text().count, CUT)) == before, "what was begun was answered"


def test_a_server_that_always_closes_was_not_restarted(host: Namespace, log: Path, check: Check) -> None:
    with serving(host, CLOSES) as server:
        time.sleep(3)  # what was started with its first loss could have been started for it
        with asking(host) as statuses:
            until(lambda: len(statuses) > 30)
        assert server.poll() is None
        found = check("nginx-upstream", log=log)
        assert "prematurely closed" in found.evidence("errors")
        assert found.outcome("moments") is Outcome.MANUAL, found.evidence("moments")
