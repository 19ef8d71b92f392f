"""`sockets --format openmetrics`, as a scraper reads it: by prometheus_client's own parser."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from capture.sockets.openmetrics import escaped, exposition
from capture.sockets.socket_watch import Watcher
from tui.cli import main

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")


def samples(text: str) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """By name and labels. The parser raises for what is no OpenMetrics."""
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            of_name = found.setdefault(sample.name, {})
            key = frozenset(sample.labels.items())
            assert key not in of_name, f"twice: {sample}"
            of_name[key] = sample.value
    return found


def of(text: str, name: str, **labels: str) -> float:
    return next(value for key, value in samples(text)[name].items() if set(labels.items()) <= key)


def test_the_command_writes_one_document_of_the_last_look(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)):
        assert main(["sockets", "--format", "openmetrics", "--interval", "0.1", "--count", "2", "--own-namespace"]) == 0
    text = capsys.readouterr().out
    assert text.endswith("# EOF\n")
    assert text.count("# EOF") == 1
    assert of(text, "tcptriage_sockets", state="LISTEN") >= 1
    assert of(text, "tcptriage_sockets", state="CLOSING") >= 0  # named where there is none
    assert of(text, "tcptriage_findings", severity="critical") >= 0
    assert of(text, "tcptriage_kernel_total", counter="ListenOverflows") >= 0


def test_a_listener_that_accepts_nothing_shows_its_queue() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=5) as server:
        local = f"127.0.0.1:{server.getsockname()[1]}"
        clients = [socket.create_connection(server.getsockname()) for _ in range(3)]
        with Watcher(exact=True) as watcher:
            text = exposition(watcher.look())
        for client in clients:
            client.close()
    assert of(text, "tcptriage_listener_queue", local=local, netns="") == 3


def test_sockets_that_share_a_port_are_one_sample() -> None:
    with socket.socket() as first, socket.socket() as second:
        for one in (first, second):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        first.bind(("127.0.0.1", 0))
        second.bind(first.getsockname())
        first.listen(10)
        second.listen(20)
        local = f"127.0.0.1:{first.getsockname()[1]}"
        with Watcher(exact=True) as watcher:
            look = watcher.look()
    if look.source != "sock_diag":
        pytest.skip("/proc does not tell a queue's maximum")
    assert of(exposition(look), "tcptriage_listener_queue_limit", local=local) == 30


def test_a_hostile_name_stays_one_label() -> None:
    name = f'\0x"}} 1\n# EOF\\\x1b[2J{os.getpid()}'
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen(1)
        with Watcher(exact=True) as watcher:
            look = watcher.look()
    if not look.sees_unix:
        pytest.skip("this kernel tells no unix listeners")
    text = exposition(look)
    assert "\x1b" not in text
    assert text.count("\n# EOF") == 1
    assert [key for key in samples(text)["tcptriage_listener_queue"] if str(os.getpid()) in dict(key)["local"]]


def test_labels_are_escaped_as_the_standard_asks() -> None:
    assert escaped('a"b\\c') == 'a\\"b\\\\c'


@pytest.mark.parametrize(
    "more", [["--host", "web1"], ["--replay", "x"], ["--events"], ["--filter", "state:listen"]], ids=" ".join
)
def test_what_it_does_not_go_with_is_said(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sockets", "--format", "openmetrics", *more]) == 2
    assert "goes with none of" in capsys.readouterr().err
