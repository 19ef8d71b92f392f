"""The whole recorder, as a program: a fault that nobody looks at is in the folder, and nothing stays behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture.kernel.tracefs import open_tracefs
from capture.sockets.recordings.replay import Replay

root = pytest.mark.skipif(os.geteuid() != 0, reason="packets and kernel events need root")
PAUSE = 0.02


@contextlib.contextmanager
def watching(out: Path, *options: str, inside: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    command = [
        *inside,
        sys.executable,
        "-m",
        "tui.cli",
        "watch",
        "--out",
        str(out),
        "--after",
        "1",
        "--before",
        "20",
        *options,
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as program:
        try:
            assert program.stderr is not None
            line = program.stderr.readline()
            assert "recording into" in line, line
            yield program
        finally:
            if program.poll() is None:
                program.kill()


def broken_pipes(log: Path, times: int) -> list[tuple[int, list[str]]]:
    """Each is (client port, what its sends got); the log gets a line of the last."""
    told = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(times):
            client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
            client.send(b"GET / HTTP/1.1\r\n\r\n")
            time.sleep(PAUSE)
            server.close()
            time.sleep(PAUSE)
            got = []
            for _ in range(3):
                try:
                    client.send(b"x")
                except OSError as error:
                    got.append({32: "EPIPE", 104: "ECONNRESET"}[error.errno or 0])
            ends = f"127.0.0.1:{client.getsockname()[1]}->127.0.0.1:{listener.getsockname()[1]}"
            with log.open("a") as file:
                file.write(f"2026/11/30 10:00:00 write tcp {ends}: write: broken pipe\n")
            told.append((client.getsockname()[1], got))
            client.close()
    return told


def incidents(out: Path) -> list[Path]:
    return sorted(one for one in out.iterdir() if one.name.startswith("incident-"))


def frozen(out: Path, folders: int = 1) -> None:
    """Waits for the folders, which a loaded machine writes later."""
    for _ in range(200):
        if len(incidents(out)) >= folders:
            return
        time.sleep(0.1)
    pytest.fail("no folder was written")


def ended(program: subprocess.Popen[str]) -> int:
    program.send_signal(signal.SIGTERM)
    return program.wait(30)


@root
def test_a_line_in_a_log_freezes_packets_events_looks_and_lines(tmp_path: Path) -> None:
    log, out = tmp_path / "app.log", tmp_path / "out"
    log.touch()
    with watching(out, "--log", str(log)) as program:
        began = time.time()
        told = broken_pipes(log, 3)
        frozen(out)
        assert ended(program) == 0
        assert f"tcptriage-{program.pid}" not in open_tracefs().names("instances")
    (folder,) = incidents(out)
    assert folder.stat().st_mode & 0o777 == 0o700
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["trigger"]["kind"] == "symptom:any"
    assert manifest["from"] <= began + 2 * PAUSE - 20  # the line was read later than it was written
    assert manifest["log_lines"] == 3
    assert manifest["looks"] >= 1
    assert [one for one in out.iterdir() if one.name.startswith(".")] == []

    report = subprocess.run(
        [sys.executable, "-m", "tui.cli", "report", str(folder), "--format", "json"], capture_output=True, text=True
    )
    connections = {one["originator"]["port"]: one for one in json.loads(report.stdout)["connections"]}
    for port, got in told:
        found = connections[port]
        assert got == ["ECONNRESET", "EPIPE", "EPIPE"]
        assert found["errors"]["originator"]["write"] == "ECONNRESET"
        assert found["complete_handshake"]
        assert f"[{os.getpid()}] EPIPE at its send, 2 times" in found["sentence"]
        assert any("TCP_ABORT_ON_CLOSE" in one["text"] for one in found["evidence"])
    assert json.loads(report.stdout)["incidents"][0]["trigger"]["kind"] == "symptom:any"


@root
def test_privileges_are_dropped_before_anything_is_parsed(tmp_path: Path) -> None:
    with watching(tmp_path / "out") as program:
        status = Path(f"/proc/{program.pid}/status").read_text()
        assert "CapEff:\t0000000000080004" in status  # to read whose sockets are whose
        assert (tmp_path / "out").stat().st_uid == int(status.split("Uid:\t")[1].split()[0])
        assert ended(program) == 0


@root
def test_what_looks_cannot_see_is_told_and_noted(tmp_path: Path) -> None:
    out = tmp_path / "out"
    without = ("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace")
    with socket.create_server(("127.0.0.1", 0)), watching(out, "--on", "signal:USR1", inside=without) as program:
        assert program.stderr is not None
        while "CAP_SYS_PTRACE" not in (line := program.stderr.readline()):
            assert line
        program.send_signal(signal.SIGUSR1)
        frozen(out)
        assert ended(program) == 0
    notes = json.loads((incidents(out)[0] / "manifest.json").read_text())["notes"]
    assert any("owners hidden" in note for note in notes)


@root
def test_an_errno_is_a_trigger_and_a_storm_makes_one_folder(tmp_path: Path) -> None:
    log, out = tmp_path / "app.log", tmp_path / "out"
    with watching(out, "--on", "errno:EPIPE", "--on", "resets:2/5") as program:
        for _ in range(3):
            broken_pipes(log, 2)
            time.sleep(1.2)
        frozen(out)
        assert ended(program) == 0
    (folder,) = incidents(out)
    assert json.loads((folder / "manifest.json").read_text())["suppressed"] >= 1


@root
def test_a_trigger_asks_for_a_look_however_rare_they_are(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with watching(out, "--on", "errno:EPIPE", "--interval", "600", "--before", "0.1") as program:
        time.sleep(2)  # the first look is over
        broken_pipes(tmp_path / "app.log", 1)
        frozen(out)
        assert ended(program) == 0
    (folder,) = incidents(out)
    trigger = json.loads((folder / "manifest.json").read_text())["trigger"]["time"]
    assert [look for look in Replay(str(folder / "looks.jsonl.gz")) if look.time > trigger]


@root
def test_what_the_disk_does_not_take_is_told_at_once_and_not_again_and_again(tmp_path: Path) -> None:
    full = ("prlimit", "--fsize=0")  # as a disk that is full
    with watching(tmp_path / "out", "--on", "signal:USR1", inside=full) as program:
        for _ in range(3):
            broken_pipes(tmp_path / "app.log", 1)
            time.sleep(1.2)
        assert program.poll() is None
        program.kill()
        assert program.stderr is not None
        told = program.stderr.read()
    assert told.count("bytes of packets were lost: the disk is full") == 1


@root
def test_a_killed_recorder_leaves_nothing_enabled(tmp_path: Path) -> None:
    with watching(tmp_path / "out") as program:
        name = f"tcptriage-{program.pid}"
        assert name in open_tracefs().names("instances")
        program.kill()
        program.wait()
        for _ in range(50):
            if name not in open_tracefs().names("instances"):
                break
            time.sleep(0.1)
        assert name not in open_tracefs().names("instances")
    with watching(tmp_path / "out") as program:
        assert [one.name for one in (tmp_path / "out").iterdir()] == [f".rings-{program.pid}"]
        assert ended(program) == 0


def test_a_signal_freezes_what_there_is_without_root_too(tmp_path: Path) -> None:
    log, out = tmp_path / "app.log", tmp_path / "out"
    log.touch()
    with watching(out, "--log", str(log)) as program:
        with log.open("a") as file:
            file.write("an ordinary line\n")
        program.send_signal(signal.SIGUSR1)  # at once, and the end right behind it
        assert ended(program) == 0
    (folder,) = incidents(out)
    assert (folder / "log.txt").read_text() == "an ordinary line\n"
    assert json.loads((folder / "manifest.json").read_text())["trigger"]["kind"] == "signal:USR1"


@root
def test_an_anonymous_folder_names_no_address_and_holds_no_payload(tmp_path: Path) -> None:
    log, out = tmp_path / "app.log", tmp_path / "out"
    log.touch()
    with watching(out, "--log", str(log), "--anonymize") as program:
        with log.open("a") as file:
            file.write("dial tcp 10.77.66.55:8080: connect: connection refused\n")
        broken_pipes(log, 1)
        frozen(out)
        assert ended(program) == 0
    (folder,) = incidents(out)
    for file in folder.iterdir():
        data = file.read_bytes()
        assert b"10.77.66.55" not in data, file.name
        assert b"GET / HTTP" not in data, file.name
    assert not (folder / "looks.jsonl.gz").exists()
