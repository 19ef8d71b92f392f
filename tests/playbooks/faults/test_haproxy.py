"""A real HAProxy before a backend that closes, and before one that is silent: its log, read by the playbook."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from playbooks.model import Outcome
from tests.lab.harness.namespaces import Namespace
from tests.playbooks.faults.conftest import Checked
from tests.playbooks.faults.servers import running, until
from tests.playbooks.faults.test_leaks import connect

pytestmark = [
    pytest.mark.root,
    pytest.mark.xdist_group("haproxy"),  # the configuration of one that runs beside is read too
    pytest.mark.skipif(shutil.which("haproxy") is None, reason="not installed: haproxy"),
]
CONFIG = """
global
    log stdout format raw local0
    maxconn 100
defaults
    mode http
    log global
    option httplog
    timeout connect 1s
    timeout client 9s
    timeout server 500ms
frontend fe
    bind 127.0.0.1:8801
    default_backend be_app
backend be_app
    server app1 127.0.0.1:8802
"""
CLOSES = """
import socket
listener = socket.create_server(("127.0.0.1", 8802), backlog=64)
print("ready", flush=True)
while True:
    connection = listener.accept()[0]
    connection.recv(4096)
    connection.close()
"""
SILENT = CLOSES.replace("    connection.recv(4096)\n    connection.close()", "    held.append(connection)").replace(
    "import socket", "import socket\nheld = []"
)


@pytest.mark.parametrize(
    ("program", "code", "fix"),
    [(CLOSES, "SH", "idle-haproxy"), (SILENT, "sH", "patience-haproxy"), (None, "SC", "start-backend")],
    ids=["closes", "silent", "refuses"],
)
def test_its_log_is_read_by_its_own_codes(
    host: Namespace, check: Callable[..., Checked], tmp_path: Path, program: str | None, code: str, fix: str
) -> None:
    config, log = tmp_path / "haproxy.cfg", tmp_path / "haproxy.log"
    config.write_text(CONFIG)
    with log.open("w") as written:
        proxy = host.start("haproxy", "-f", str(config), stdout=written, stderr=subprocess.DEVNULL)
    try:
        until(lambda: ":8801" in host.run("ss", "-Hltn"))
        if program is None:
            ask(host)
        else:
            with running(host, program):
                ask(host)
        until(lambda: log.read_text().count(" be_app/") >= 8)
    finally:
        proxy.terminate()
        proxy.wait(5)
    found = check("proxy-upstream", log=log)
    assert found.outcome("log") is Outcome.FAIL, found.evidence("log")
    assert f"8 x {code} " in found.evidence("log")
    assert fix in {one.id for one in found.report.fixes}
    assert "idle-go-client" not in {one.id for one in found.report.fixes}
    other = check("nginx-upstream", log=log)
    assert other.outcome("errors") is Outcome.UNKNOWN
    assert "it is HAProxy's" in other.evidence("errors")


def ask(host: Namespace) -> None:
    for _ in range(8):
        sock = connect(host, 8801)
        sock.settimeout(5)
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while sock.recv(4096):
            pass
        sock.close()


def test_the_wait_that_cut_requests_is_named_with_its_line_and_changed_as_printed(
    host: Namespace, check: Callable[..., Checked], tmp_path: Path
) -> None:
    config, log = tmp_path / "haproxy.cfg", tmp_path / "haproxy.log"
    config.write_text(CONFIG)
    with log.open("w") as written:
        proxy = host.start("haproxy", "-f", str(config), stdout=written, stderr=subprocess.DEVNULL)
    try:
        until(lambda: ":8801" in host.run("ss", "-Hltn"))
        with running(host, SILENT):
            ask(host)
        until(lambda: log.read_text().count(" be_app/") >= 8)
    finally:
        proxy.terminate()
        proxy.wait(5)
    found = check("proxy-upstream", log=log, config=config)
    assert found.outcome("config") is Outcome.FAIL, found.evidence("config")
    assert f"timeout server 500ms ({config}:11)" in found.evidence("config")
    fix = next(one for one in found.report.fixes if one.id == "proxy-wait")
    before = config.read_text()
    edit = fix.apply.split(" && haproxy -c")[0]
    subprocess.run(["bash", "-ec", edit], check=True)
    assert config.read_text() == before.replace("timeout server 500ms", f"{fix.proposed}")
    subprocess.run(["haproxy", "-c", "-f", str(config)], check=True, capture_output=True)
    subprocess.run(["bash", "-ec", fix.undo.split(" && haproxy -c")[0]], check=True)
    assert config.read_text() == before
