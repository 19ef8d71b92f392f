"""Programs that leak connections, and the same programs with the printed snippet in them: the pile is gone."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from playbooks.model import Fix, Outcome
from playbooks.run import recheck
from tests.lab.harness.namespaces import Namespace
from tests.playbooks.faults.conftest import Checked
from tests.playbooks.faults.servers import LEAK, running
from tests.playbooks.faults.test_leaks import connect

pytestmark = pytest.mark.root
Check = Callable[..., Checked]

SERVES = """
import sys, threading
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=256)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""

ANSWERS_AND_CLOSES = """
import socket
listener = socket.create_server(("127.0.0.1", 8602), backlog=64)
print("ready", flush=True)
while True:
    with listener.accept()[0] as connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 100000\\r\\n\\r\\n" + b"x" * 100000)
"""

GO = """package main

import (
%s
)

const url = "http://127.0.0.1:8602/"

%s

func main() {
	client := &http.Client{}
	for i := 0; i < 15; i++ {
		%s
	}
	fmt.Println("ready")
	time.Sleep(time.Minute)
}
"""


def leave(host: Namespace, port: int, count: int) -> None:
    for sock in [connect(host, port) for _ in range(count)]:
        sock.close()


def test_a_python_server_with_the_printed_handler_leaves_no_pile(host: Namespace, check: Check) -> None:
    with running(host, LEAK, 8601) as server:
        leave(host, 8601, 14)
        found = check("close-wait", port=8601)
        assert found.outcome("pile") is Outcome.FAIL
        first = found.report.fixes[0]
        assert first.id == "close-in-python"
        assert f"[{server.pid}]" in first.target
    with running(host, first.snippet + SERVES, 8601):
        leave(host, 8601, 14)
        with host.entered():
            compared = recheck(found.report)
        assert [change.cured for change in compared.changes if change.id == "pile"] == [True]


def built(folder: Path, fix: Fix | None) -> Path:
    """A Go client that asks 15 times: without closing bodies, or by the printed function."""
    names = {"fmt", "net/http", "time"}
    body, ask = "", "_, _ = client.Get(url)"
    if fix is not None:
        head, body = fix.snippet.split("\n", 1)
        names |= {name.strip() for name in head.removeprefix("// imports:").split(",")}
        ask = "_, _ = fetch(context.Background(), client, url)"
    folder.mkdir()
    (folder / "main.go").write_text(GO % ("\n".join(f'\t"{name}"' for name in sorted(names)), body, ask))
    made = folder / "asks"
    done = subprocess.run(["go", "build", "-o", made, "main.go"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return made


@pytest.mark.skipif(shutil.which("go") is None, reason="not installed: go")
def test_a_go_client_with_the_printed_fetch_leaves_no_pile(host: Namespace, check: Check, tmp_path: Path) -> None:
    with running(host, ANSWERS_AND_CLOSES):
        with asking(host, built(tmp_path / "leaks", None)) as client:
            found = check("close-wait", port=8602)
            assert found.outcome("pile") is Outcome.FAIL, found.evidence("pile")
            assert f"asks[{client.pid}] holds 15 sockets" in found.evidence("pile")
        with asking(host, built(tmp_path / "cured", found.fix("close-in-go"))), host.entered():
            compared = recheck(found.report)
        assert [change.cured for change in compared.changes if change.id == "pile"] == [True]


class asking:  # noqa: N801
    """A built client inside the namespace, once it has asked."""

    def __init__(self, host: Namespace, program: Path) -> None:
        self.process = host.start(str(program), stdout=subprocess.PIPE)

    def __enter__(self) -> subprocess.Popen[bytes]:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"
        time.sleep(0.2)
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(5)
        if self.process.stdout is not None:
            self.process.stdout.close()
