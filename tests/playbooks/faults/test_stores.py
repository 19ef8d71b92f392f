"""A store that ends idle connections: cured as printed, and as before once undone."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.lab.harness.namespaces import Namespace
from tests.playbooks.faults.conftest import Checked
from tests.playbooks.faults.servers import until

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="not installed: redis-server"),
]
Check = Callable[..., Checked]
Shell = Callable[[str], str]
IDLE_S = 2.6
"""Redis looks for idle clients once a second: its time-out of 1 s is over by then."""


@pytest.fixture
def redis(host: Namespace, tmp_path: Path) -> Iterator[None]:
    words = ["redis-server", "--bind", "127.0.0.1", "--timeout", "1", "--save", "", "--dir", str(tmp_path)]
    server = host.start(*words, stdout=subprocess.DEVNULL)
    try:
        until(lambda: answers(host))
        yield
    finally:
        server.terminate()
        server.wait(5)


def connect(host: Namespace) -> socket.socket:
    with host.entered():
        return socket.create_connection(("127.0.0.1", 6379), timeout=3)


def answers(host: Namespace, idle: float = 0.0) -> bool:
    """Whether a connection that was idle for so long, s, is still served."""
    try:
        with closing(connect(host)) as client:
            time.sleep(idle)
            client.sendall(b"PING\r\n")
            return client.recv(100) == b"+PONG\r\n"
    except OSError:
        return False


def test_a_time_out_of_redis(host: Namespace, redis: None, check: Check, shell: Shell, tmp_path: Path) -> None:
    log = tmp_path / "client.log"
    log.write_text("redis.exceptions.ConnectionError: Connection closed by server.\n", encoding="utf-8")
    assert not answers(host, IDLE_S)
    fix = check("unexpected-eof", log=log).fix("idle-redis")
    shell(fix.apply)
    assert answers(host, IDLE_S)
    shell(fix.undo)
    assert not answers(host, IDLE_S)
