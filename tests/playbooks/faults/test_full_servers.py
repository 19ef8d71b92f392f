"""Servers at their limit of clients: told by their files and sockets, cured as printed, and as before once undone."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from playbooks.model import Outcome
from playbooks.symptoms.explain_line import explain_line
from tests.lab.harness.namespaces import Namespace
from tests.playbooks.faults.conftest import Checked
from tests.playbooks.faults.servers import until
from tests.playbooks.faults.test_leaks import connect

pytestmark = pytest.mark.root
Check = Callable[..., Checked]
Shell = Callable[[str], str]
PLACES = 6


@pytest.fixture
def redis(host: Namespace, tmp_path: Path) -> Iterator[Path]:
    """Redis with six places; its configuration. Its title hides the file: this copy of its name does not."""
    if shutil.which("redis-server") is None:
        pytest.skip("not installed: redis-server")
    config = tmp_path / "redis.conf"
    config.write_text(f"bind 127.0.0.1\nsave ''\ndir {tmp_path}\nmaxclients {PLACES}\n".replace("save ''", 'save ""'))
    server = host.start("redis-server", str(config), "--set-proc-title", "no", stdout=subprocess.DEVNULL)
    try:
        until(lambda: ":6379" in host.run("ss", "-Hltn"))
        yield config
    finally:
        server.terminate()
        server.wait(5)


def served(host: Namespace, count: int) -> int:
    """How many of as many clients at once, one after another, Redis answers."""
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(connect(host, 6379))) for _ in range(count)]
        answers = []
        for client in clients:
            client.settimeout(3)
            client.sendall(b"PING\r\n")
            try:
                answers.append(client.recv(100) == b"+PONG\r\n")
            except ConnectionResetError:
                answers.append(False)
        return sum(answers)


def test_redis_at_its_maxclients(host: Namespace, redis: Path, check: Check, shell: Shell) -> None:
    before = redis.read_text()
    assert served(host, PLACES + 3) == PLACES
    with ExitStack() as stack:
        for _ in range(PLACES):
            stack.enter_context(closing(connect(host, 6379)))
        found = check("server-full")
    assert found.outcome("places") is Outcome.FAIL
    assert f"redis: {PLACES} clients are connected, maxclients is {PLACES} ({redis}:4)" in found.evidence("places")
    fix = found.report.fixes[0]
    assert (fix.id, fix.current) == ("full-redis", f"maxclients {PLACES} ({redis}:4)")
    shell(fix.apply)
    assert f"maxclients {2 * PLACES}" in redis.read_text()
    assert served(host, PLACES + 3) == PLACES + 3
    assert check("server-full").outcome("places") is Outcome.PASS
    shell(fix.undo)
    assert redis.read_text() == before
    assert served(host, PLACES + 3) == PLACES


@pytest.fixture
def sshd(host: Namespace, tmp_path: Path) -> Iterator[Path]:
    """sshd that turns away who comes while two have not logged in; its configuration."""
    program = shutil.which("sshd", path="/usr/sbin")
    if program is None or shutil.which("ssh-keygen") is None:
        pytest.skip("not installed: sshd, ssh-keygen")
    Path("/run/sshd").mkdir(exist_ok=True)
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True, timeout=10)
    config = tmp_path / "sshd_config"
    config.write_text(f"ListenAddress 127.0.0.1\nPort 2201\nHostKey {tmp_path}/key\nPidFile none\nMaxStartups 2\n")
    server = host.start(program, "-D", "-e", "-f", str(config), stderr=subprocess.DEVNULL)
    try:
        until(lambda: ":2201" in host.run("ss", "-Hltn"))
        yield config
    finally:
        server.terminate()
        server.wait(5)


def greeted(client: socket.socket) -> bool:
    client.settimeout(4)
    try:
        return client.recv(100).startswith(b"SSH-2.0")
    except ConnectionResetError:
        return False


def another_is_greeted(host: Namespace, stack: ExitStack) -> bool:
    """Refused while sshd, told by HUP, listens anew."""
    try:
        return greeted(stack.enter_context(closing(connect(host, 2201))))
    except ConnectionRefusedError:
        return False


def test_sshd_past_its_max_startups(host: Namespace, sshd: Path, check: Check, shell: Shell, tmp_path: Path) -> None:
    log, before = tmp_path / "client.log", sshd.read_text()
    with ExitStack() as stack:
        for _ in range(2):
            assert greeted(stack.enter_context(closing(connect(host, 2201))))
        words = ["-p", "2201", "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes", "127.0.0.1", "true"]
        with host.entered():
            said = subprocess.run(["ssh", *words], capture_output=True, text=True, timeout=10).stderr
        log.write_text(said)
        lines = [explain_line(line) for line in said.splitlines()]
        assert {one.playbook for one in lines if one is not None} == {"server-full"}
        fix = check("server-full", log=log).report.fixes[0]
        assert (fix.id, fix.target) == ("full-ssh", str(sshd))
        assert fix.current == f"MaxStartups 2 ({sshd}:5); LoginGraceTime 120 (the default)"
        shell(fix.apply)
        until(lambda: another_is_greeted(host, stack))
        shell(fix.undo)
        assert sshd.read_text() == before
