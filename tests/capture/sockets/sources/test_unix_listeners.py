"""Listening unix sockets and their accept queues, held against ss and made full for real."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
from pathlib import Path

from capture.sockets.findings.thresholds import Thresholds
from capture.sockets.socket_watch import Watcher
from capture.sockets.sockets_report import document, text
from capture.sockets.sources.unix_listeners import parse
from tests.capture.sockets.network import in_own_network


@in_own_network
def test_a_full_accept_queue_of_a_unix_socket_is_a_finding(tmp_path: Path) -> None:
    path = str(tmp_path / "fpm.sock")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as abstract:
        listener.bind(path)
        listener.listen(3)
        abstract.bind("\0nowhere")
        abstract.listen(8)
        watcher = Watcher()
        assert not [one for one in watcher.look().findings if one.code == "accept_queue_full"]
        clients = [socket.socket(socket.AF_UNIX) for _ in range(6)]
        refused = 0
        for client in clients:
            client.setblocking(False)
            refused += client.connect_ex(path) != 0
        snapshot = watcher.look()
        told = {one.path: one for one in snapshot.unix_listeners}
        assert (told[path].waiting, told[path].most, refused) == (4, 3, 2)
        assert [owner.pid for owner in told[path].owners] == [os.getpid()]
        assert (told["@nowhere"].waiting, told["@nowhere"].most) == (0, 8)
        queues = {tuple(map(int, line.split()[2:4])) for line in ss().splitlines() if path in line}
        assert queues == {(4, 3)}
        found = next(one for one in snapshot.findings if one.code == "accept_queue_full")
        assert path in found.title
        assert f"[{os.getpid()}]" in found.text
        assert document(snapshot)["unix_listeners"][0].keys() >= {"path", "backlog", "backlog_max", "owners"}
        assert f"{path}  4 of 3 waiting" in text(snapshot)
        for _ in clients[:4]:
            listener.accept()[0].close()
        assert not [one for one in watcher.look().findings if one.code == "accept_queue_full"]
    assert not watcher.look().unix_listeners


@in_own_network
def test_a_unix_listener_that_nobody_serves_is_found_before_its_queue_is_full(tmp_path: Path) -> None:
    path = str(tmp_path / "hung.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(100)
        now = 1000.0
        watcher = Watcher(thresholds=Thresholds(accept_wait_s=3.0), clock=lambda: now)
        clients = []
        for _ in range(12):  # each is served after a while: the queue is never empty, and moves
            clients.append(socket.socket(socket.AF_UNIX))
            clients[-1].connect(path)
            assert not [one for one in watcher.look().findings if one.code == "accept_queue_stuck"]
            now += 0.75
            if len(clients) > 3:
                listener.accept()
        now += 1.0  # the last three came 0.75, 1.5 and 2.25 s before
        (stuck,) = [one for one in watcher.look().findings if one.code == "accept_queue_stuck"]
        assert path in stuck.title
        assert stuck.facts["backlog"] == 3
        assert f"[{os.getpid()}]" in stuck.title


def ss() -> str:
    return subprocess.run(["ss", "-xlHn"], capture_output=True, text=True, check=True).stdout


def message(name: bytes, queue: tuple[int, int] | None) -> bytes:
    attributes = struct.pack("=HH", 4 + len(name), 0) + name + b"\0" * (-len(name) & 3)
    if queue is not None:
        attributes += struct.pack("=HHII", 12, 4, *queue)
    body = struct.pack("=BBBBI8s", 1, 1, 10, 0, 77, b"cookie!!") + attributes
    return struct.pack("=IHHII", 16 + len(body), 20, 2, 1, 0) + body


def test_messages_that_are_cut_or_tell_no_queue_are_left_out() -> None:
    good = message(b"/run/a.sock\0", (2, 128))
    assert list(parse(good)) == [(77, b"cookie!!", "/run/a.sock", 2, 128, ())]
    assert list(parse(message(b"\0abstract", None) + good)) == [(77, b"cookie!!", "/run/a.sock", 2, 128, ())]
    for cut in range(len(good)):
        assert list(parse(good[:cut])) == []
    assert list(parse(b"\xff" * 64)) == []
