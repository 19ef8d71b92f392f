"""An nginx worker near worker_connections, with nginx itself."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from capture.model import Finding
from capture.sockets.snapshot import Snapshot
from capture.sockets.socket_watch import Watcher
from tests.capture.sockets.network import in_own_network


def of_nginx(snapshot: Snapshot) -> list[Finding]:
    """Findings but those of descriptors: another test's process may be near its limit."""
    return [finding for finding in snapshot.findings if finding.code != "open_files_near_limit"]


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
@in_own_network
def test_a_worker_near_its_connections_is_found() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        config = Path(folder, "nginx.conf")
        config.write_text(
            f"pid {folder}/pid; error_log {folder}/error.log; daemon off; worker_processes 1;\n"
            "# worker_connections 4096;\nevents { worker_connections  40; }\n"
            "http { access_log off; server { listen 127.0.0.1:8123; return 200; } }\n"
        )
        nginx = subprocess.Popen(["nginx", "-c", str(config)], stderr=subprocess.DEVNULL)
        try:
            clients = [connection()]
            time.sleep(0.2)
            watcher = Watcher()
            assert not of_nginx(watcher.look())
            clients += [connection() for _ in range(33)]
            time.sleep(0.3)
            (finding,) = of_nginx(watcher.look())
            assert finding.code == "worker_connections_near_limit"
            assert finding.playbook == "nginx-limits"
            assert finding.facts["worker_connections"] == 40
            assert finding.facts["count"] == 34
            assert finding.facts["config"] == str(config)
            assert finding.facts["pid"] != nginx.pid
            assert clients
        finally:
            nginx.terminate()
            nginx.wait()


def connection() -> socket.socket:
    for _ in range(50):
        try:
            return socket.create_connection(("127.0.0.1", 8123))
        except ConnectionRefusedError:
            time.sleep(0.05)
    pytest.fail("nginx does not listen")
