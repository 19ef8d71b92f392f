"""Containers and pods by their engines' exec: programs of those names enter real namespaces, as the engines do."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.capture.remote.test_hosts import looks

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or any(shutil.which(tool) is None for tool in ("unshare", "nsenter", "ip")),
    reason="needs root, unshare and nsenter",
)
PROGRAM = """
import socket, time
l = socket.create_server(("127.0.0.1", 8080))
kept = [socket.create_connection(l.getsockname()) for _ in range(3)]
served = [l.accept()[0] for _ in kept]
print("up", flush=True)
time.sleep(90)
"""
DOCKER = """#!/bin/sh
# docker exec -i NAME COMMAND...
[ "$1 $2 $3" = "exec -i api" ] || { echo "Error: No such container: $3" >&2; exit 1; }
shift 3
exec nsenter -t %d -n -m -p -r "$@"
"""
KUBECTL = """#!/bin/sh
# kubectl exec -i [-n NAMESPACE] POD -- COMMAND...
[ "$1 $2 $3 $4 $5 $6" = "exec -i -n shop api-0 --" ] || { echo "Error from server (NotFound)" >&2; exit 1; }
shift 6
exec nsenter -t %d -n -m -p -r "$@"
"""


@pytest.fixture
def container(tmp_path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """A process with namespaces of its own (net, mount, pid), and an environment that finds both programs."""
    inside = ["unshare", "-n", "-m", "-p", "-f", "--mount-proc", "sh", "-c", 'ip link set lo up; exec "$0" -c "$1"']
    command = [*inside, sys.executable, PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        (child,) = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        binaries = tmp_path / "bin"
        binaries.mkdir()
        for name, text in (("docker", DOCKER), ("kubectl", KUBECTL)):
            (binaries / name).write_text(text % int(child))
            (binaries / name).chmod(0o755)
        try:
            yield int(child), {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}
        finally:
            os.kill(int(child), signal.SIGKILL)
            parent.kill()


def tcptriage(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tui.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


@pytest.mark.parametrize("name", ["docker:api", "kubectl:shop/api-0"])
def test_a_look_into_a_container(container: tuple[int, dict[str, str]], name: str) -> None:
    """Its sockets, and its processes by the numbers that they have in there; one that is not there is named."""
    _, environment = container
    done = tcptriage(environment, "sockets", "--host", name, "--host", "docker:gone", "--format", "json")
    assert done.returncode == 0, done.stderr
    (look,) = looks(done)
    assert look["asked"] == name
    assert look["states"] == {"LISTEN": 1, "ESTAB": 6}
    owners = {owner["pid"] for row in look["sockets"] for owner in row["owners"]}  # type: ignore[attr-defined]
    assert owners == {1}
    assert "docker:gone: Error: No such container: gone" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_slow_engine_delays_no_other(container: tuple[int, dict[str, str]], tmp_path: Path) -> None:
    """podman hangs: docker's look is there, and the command ends by itself."""
    _, environment = container
    hanging = tmp_path / "bin" / "podman"
    hanging.write_text("#!/bin/sh\nexec sleep 600\n")
    hanging.chmod(0o755)
    began = time.monotonic()
    done = tcptriage(environment, "sockets", "--host", "podman:api", "--host", "docker:api", "--format", "json")
    assert [look["asked"] for look in looks(done)] == ["docker:api"]
    assert "podman:api: no answer yet" in done.stderr
    assert time.monotonic() - began < 60
