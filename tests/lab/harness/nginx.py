"""A real nginx on a host of the lab."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.lab.harness.lab import Lab

_CONFIGURATION = """
worker_processes 1;
daemon off;
user root;
pid nginx.pid;
error_log error.log info;
{main}
events {{ worker_connections {connections}; }}
http {{
  access_log access.log;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  {http}
}}
"""


class Nginx:
    """One nginx with one worker; ready when the constructor returns."""

    def __init__(self, lab: Lab, role: str, http: str, *, connections: int = 64, main: str = "") -> None:
        binary = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if binary is None:
            pytest.skip("not installed: nginx")
        self.folder = lab.folder / f"nginx-{role}"
        self.folder.mkdir()
        (self.folder / "nginx.conf").write_text(_CONFIGURATION.format(main=main, connections=connections, http=http))
        self.process = lab[role].start(binary, "-p", str(self.folder), "-c", "nginx.conf", "-e", "error.log")
        lab.processes.append(self)
        self.worker = self._worker()

    def _worker(self) -> int:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            if children:
                time.sleep(0.05)  # the worker has yet to add its listeners to epoll
                return int(children[0])
            assert self.process.poll() is None, self.errors
            time.sleep(0.02)
        raise AssertionError(f"nginx did not start: {self.errors}")

    @property
    def errors(self) -> str:
        """Its error log."""
        log = self.folder / "error.log"
        return log.read_text() if log.exists() else ""

    @property
    def requests(self) -> str:
        """Its access log."""
        return (self.folder / "access.log").read_text()

    def freeze(self) -> None:
        """Stop the worker, as a busy or swapped-out one is."""
        os.kill(self.worker, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.worker, signal.SIGCONT)

    def kill(self) -> None:
        """End it."""
        self.process.terminate()

    def wait(self) -> None:
        """Until it has ended."""
        self.process.wait(timeout=5)
