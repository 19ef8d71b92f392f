"""The flight recorder on another host: what broke there is in a folder here, and nothing stays there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from capture.recorder.packet_ring import BLOCK_BYTES
from capture.remote.frames import Frame, Head, PacketsHead
from capture.remote.host import Host
from capture.remote.recorded_host import RecordedHost
from capture.sockets.recordings.replay import Replay
from capture.sockets.sources.socket_errors import SourceUnavailable
from capture.triage import triage
from tests.capture.remote.test_hosts import BROKEN, instances, needs_root, running, tcptriage, two_hosts

__all__ = ["two_hosts"]  # a fixture


def _instance_of(program: subprocess.Popen[str]) -> str:
    """The tracing instance of the collector that it started."""
    family = {str(one.pid) for one in psutil.Process(program.pid).children(recursive=True)}
    (own,) = {name for name in instances() if name[10:].split("-")[0] in family}
    return own


def _goes(instance: str) -> bool:
    for _ in range(100):
        if instance not in instances():
            return True
        time.sleep(0.1)
    return False


@needs_root
def test_a_fault_of_another_host_is_in_the_folder(two_hosts: tuple[str, str, str], tmp_path: Path) -> None:
    server, _, enter = two_hosts
    subprocess.run(["ip", "-n", server, "link", "set", "lo", "up"], check=True)
    command = [sys.executable, "-m", "tui.cli", "watch", "--host", server, "--ssh", enter]
    command += ["--after", "2", "--before", "10", "--out", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        line = program.stderr.readline()
        assert "recording into" in line, line
        own = _instance_of(program)
        with running(server, BROKEN) as broken:
            pid = broken.pid
            time.sleep(4)
            program.send_signal(signal.SIGUSR1)  # events are the whole kernel's here: others' would trigger too
            assert any("/incident-" in line for line in program.stderr)
        program.send_signal(signal.SIGTERM)
        assert program.wait(20) == 0
    assert _goes(own)
    (folder,) = tmp_path.glob("incident-*")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["trigger"]["kind"] == "signal:USR1"
    assert manifest["looks"] >= 1
    assert manifest["packets_dropped"] == 0
    looks = list(Replay(str(folder / "looks.jsonl.gz")))
    assert any(row.local.port for look in looks for row in look.rows)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert (pid, "EPIPE") in {((event["owner"] or {}).get("pid"), event["errno"]) for event in events}
    (read,) = triage([str(folder)])
    causes = {read.verdict(one).cause for one in range(len(read.decoded.flows))}
    assert causes == {"aborted"}  # closed with a byte unread
    assert read.decoded.tcp_packets >= 5 * 6


def test_a_host_that_does_not_answer_is_named(tmp_path: Path) -> None:
    done = tcptriage("watch", "--host", "far", "--ssh", "false", "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "tcptriage watch: far: false ended with status 1" in done.stderr
    assert "can be no host" in tcptriage("watch", "--host=-oProxyCommand=x", "--out", str(tmp_path / "out")).stderr


@needs_root
def test_a_host_that_goes_ends_it(two_hosts: tuple[str, str, str], tmp_path: Path) -> None:
    """Its command dies: that is said, and the recorder ends by itself, with nothing left behind."""
    server, _, enter = two_hosts
    command = [sys.executable, "-m", "tui.cli", "watch", "--host", server, "--ssh", enter, "--out", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        assert "recording into" in program.stderr.readline()
        own = _instance_of(program)
        os.kill(int(own.removeprefix("tcptriage-").split("-")[0]), signal.SIGKILL)
        _, heard = program.communicate(timeout=20)
    assert f"tcptriage watch: {server}: " in heard
    assert "Traceback" not in heard
    assert _goes(own)
    assert not list(tmp_path.glob(".rings*"))


def _hostile(blocks: bytes, seen: int = 5, names: dict[str, str] | None = None) -> RecordedHost:
    """A recorder's host whose collector sent this."""
    packets = PacketsHead(len(blocks), seen, -7, [], names or {}, "6.1\x1b[31m")
    head = Head(2, time.time() + 100, "a\x1b[2Jb" * 100, 0, 0, {}, 0, {}, {}, packets=packets)
    host = Host("far", ["true"], b"")
    host._take(Frame(head, b"", b"", blocks=blocks))
    return RecordedHost(host)


@pytest.mark.parametrize(
    "block", [b"", b"x", b"\xff" * 47, b"\xff" * 48, b"\xff" * 4096, bytes(BLOCK_BYTES + 1), bytes(64)]
)
def test_hostile_blocks_are_passed_over_or_bounded(block: bytes) -> None:
    recorded = _hostile(len(block).to_bytes(4, sys.byteorder) + block, names={"1": "\x1b]0;x\x07" * 50, "x": "y"})
    for one in recorded.take():
        assert len(one.bytes) <= BLOCK_BYTES
        assert 0 <= one.first <= one.last < 1 << 63
    assert recorded.dropped == 0
    machine = recorded.machine()
    assert "\x1b" not in machine.host + machine.kernel + "".join(machine.interfaces.values())
    assert set(machine.interfaces) == {1}
    assert 90 < recorded.clock_ahead < 110


def test_no_frame_is_said_at_once() -> None:
    with pytest.raises(SourceUnavailable, match="false ended"):
        RecordedHost(Host("far", ["false"], b""))
