"""`tcptriage report --follow` and Ctrl-C on a pipe, with real processes."""

from __future__ import annotations

import fcntl
import json
import os
import queue
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.capture.wire import building as make

REPORT = [sys.executable, "-m", "tui.cli", "report"]
PATIENCE = 20  # seconds that a loaded machine may take to start Python
SYN, ACK, FIN = make.SYN, make.ACK, make.FIN


def conversation(port: int, second: int, closed: bool = True) -> bytes:
    """Records of a connection from `port`: a handshake, a byte each way, and both FINs."""
    one: dict[str, object] = {"sport": port, "dport": 80}
    other: dict[str, object] = {"sport": 80, "dport": port}
    segments = [
        (0, make.tcp(**one, seq=1, ack=0, flags=SYN)),  # type: ignore[arg-type]
        (1, make.tcp(**other, seq=1, ack=2, flags=SYN | ACK)),  # type: ignore[arg-type]
        (0, make.tcp(**one, seq=2, ack=2, payload=b"?")),  # type: ignore[arg-type]
        (1, make.tcp(**other, seq=2, ack=3, payload=b"!")),  # type: ignore[arg-type]
    ]
    if closed:
        segments += [
            (0, make.tcp(**one, seq=3, ack=3, flags=FIN | ACK)),  # type: ignore[arg-type]
            (1, make.tcp(**other, seq=3, ack=4, flags=FIN | ACK)),  # type: ignore[arg-type]
            (0, make.tcp(**one, seq=4, ack=4)),  # type: ignore[arg-type]
        ]
    ends = ("10.0.0.1", "10.0.0.2")
    frames = [
        make.ethernet(make.ipv4(segment, src=ends[side], dst=ends[1 - side], ip_id=100 * port + number))
        for number, (side, segment) in enumerate(segments)
    ]
    return make.pcap(frames, start=1_700_000_000 + second)[24:]


class Lines:
    """Lines of a pipe, as they come."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._came: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=lambda: [self._came.put(line) for line in pipe], daemon=True).start()

    def port(self, wait: float = PATIENCE) -> int:
        """The originator's port of the next line."""
        port: int = json.loads(self._came.get(timeout=wait))["originator"]["port"]
        return port

    def silent(self, wait: float) -> bool:
        """Does nothing come for so long?"""
        try:
            self._came.get(timeout=wait)
        except queue.Empty:
            return True
        return False


@contextmanager
def following(*words: str | Path, stdin: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [*REPORT, "--follow", *words], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_connections_of_a_growing_file_come_as_they_end(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(make.pcap([]) + conversation(1, 0))
    with following(path) as process, path.open("ab", buffering=0) as file:
        assert process.stdout is not None
        lines = Lines(process.stdout)
        assert lines.silent(2)  # it may go on: late repetitions
        file.write(conversation(2, 60, closed=False))
        assert lines.port() == 1
        file.write(conversation(3, 120))
        assert lines.silent(2)
        process.send_signal(signal.SIGINT)
        assert [lines.port(), lines.port()] == [2, 3]
        assert process.wait(PATIENCE) == 0


def test_what_was_lost_is_told_when_it_is_known(tmp_path: Path) -> None:
    file, fresh = tmp_path / "growing.pcap", tmp_path / "fresh.pcap"
    file.write_bytes(make.pcap([]) + conversation(101, 0) + b"\xff" * 50 + conversation(102, 10))
    with following(file) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = Lines(process.stdout)
        assert lines.port() == 101
        fresh.write_bytes(make.pcap([]) + conversation(103, 20))
        fresh.replace(file)
        assert lines.port() == 102
        process.send_signal(signal.SIGINT)
        assert lines.port() == 103
        told = process.stderr.read().decode().splitlines()
    assert len(told) == 2
    assert f"{file} was replaced while it was followed" in told[0]
    assert "impossible header; 50 bytes passed over" in told[1]


def test_a_connection_ends_where_nothing_else_comes(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(make.pcap([]) + conversation(1, 0))
    with following(path) as process:
        assert process.stdout is not None
        assert Lines(process.stdout).port() == 1


def test_standard_input_until_its_writer_ends() -> None:
    with following("-", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = Lines(process.stdout)
        process.stdin.write(make.pcap([]) + conversation(1, 0) + conversation(2, 60, closed=False))
        process.stdin.flush()
        assert lines.port() == 1
        process.stdin.close()
        assert lines.port() == 2
        assert process.wait(PATIENCE) == 0
        process.stdin = None


def test_a_filter_chooses(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(make.pcap([]) + conversation(1, 0) + conversation(2, 60) + conversation(3, 120))
    with following(path, "--filter", "port:2") as process:
        assert process.stdout is not None
        assert Lines(process.stdout).port() == 2


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["a", "b"], "takes one file"),
        (["a", "--format", "text"], "JSON lines"),
        (["a", "--fail-on", "warning"], "--fail-on"),
        (["a", "--join"], "--join"),
        (["a", "--anonymize"], "--anonymize"),
        (["missing"], "no such file"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, words: list[str], why: str) -> None:
    done = subprocess.run(
        [*REPORT, "--follow", *words], cwd=tmp_path, env=_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stderr.count("\n") == 1


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}


WRITER = """
import signal, sys, time
head, tail = (bytes.fromhex(text) for text in sys.argv[1:3])
def end(*_):
    time.sleep(0.5)  # as tcpdump writes out what it holds
    sys.stdout.buffer.write(tail)
    sys.stdout.flush()
    sys.exit()
signal.signal(signal.SIGINT, end)
sys.stdout.buffer.write(head)
sys.stdout.flush()
open(sys.argv[3], "w").close()
time.sleep(60)
"""


@pytest.mark.parametrize("options", [["--format", "json"], ["--follow"]])
def test_ctrl_c_on_a_pipe_reports_what_came(tmp_path: Path, options: list[str]) -> None:
    """The terminal sends it to both: what the writer held back until then is reported too."""
    (tmp_path / "writer.py").write_text(WRITER)
    head, tail = make.pcap([]) + conversation(1, 0), conversation(2, 1)
    begun = tmp_path / "begun"
    words = [sys.executable, str(tmp_path / "writer.py"), head.hex(), tail.hex(), str(begun)]
    reading, writing = os.pipe()
    writer = subprocess.Popen(words, stdout=writing, process_group=0)
    os.close(writing)
    reporter = subprocess.Popen(
        [*REPORT, *options, "-"], stdin=reading, stdout=subprocess.PIPE, process_group=writer.pid
    )
    try:
        until(begun.exists)
        until(lambda: waiting_in(reading) == 0)
        os.killpg(writer.pid, signal.SIGINT)
        out = reporter.communicate(timeout=PATIENCE)[0].decode()
    finally:
        os.close(reading)
        for process in (writer, reporter):
            process.kill()
            process.communicate()
    rows = (
        [json.loads(line) for line in out.splitlines()] if options == ["--follow"] else json.loads(out)["connections"]
    )
    assert [row["originator"]["port"] for row in rows] == [1, 2]


def waiting_in(pipe: int) -> int:
    """Bytes of a pipe that nobody has taken yet: 0 when its reader is at work."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_second_ctrl_c_leaves() -> None:
    process = subprocess.Popen([*REPORT, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdin is not None
        pipe = process.stdin
        pipe.write(make.pcap([]) + conversation(1, 0))
        pipe.flush()
        until(lambda: waiting_in(pipe.fileno()) == 0)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
    finally:
        process.kill()
        process.communicate()
