"""`tcptriage fleet` as the shell runs it."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.capture.flows.traffic import random_traffic
from tui.cli import main

EXAMPLES = Path(__file__).parents[3] / "tui" / "examples"


def test_the_end_is_one_line_and_what_was_left_out_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "note.txt").write_text("hello\n")
    out = str(tmp_path / "out")
    assert main(["fleet", str(EXAMPLES / "incident.pcap"), str(tmp_path / "note.txt"), "--out", out]) == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"{out}: ")
    assert "connections of 1 capture, " in told.out
    assert told.err == f"tcptriage fleet: left out: {tmp_path}/note.txt: it is no capture\n"
    assert main(["fleet", str(EXAMPLES / "incident.pcap"), "--out", out, "--workers", "1"]) == 0
    assert "1 capture (1 of them read before)" in capsys.readouterr().out


def test_nothing_that_can_be_read_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pyarrow")
    assert main(["fleet", str(tmp_path / "none.pcap"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_without_the_extra_one_line_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> object:
        return None if name in ("pyarrow", "distributed") else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    assert main(["fleet", "a.pcap", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == (
        "tcptriage fleet: pyarrow, distributed are not installed; pip install 'tcptriage[fleet]'\n"
    )


def test_a_scheduler_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("distributed")
    pytest.importorskip("pyarrow")
    arguments = ["fleet", str(EXAMPLES / "incident.pcap"), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--scheduler", "tcp://127.0.0.1:9"]) == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:9; start one" in capsys.readouterr().err


def test_ctrl_c_is_130_without_a_traceback_and_the_next_run_goes_on(tmp_path: Path) -> None:
    """A real terminal's Ctrl-C reaches the whole group, in the middle of the reading."""
    pytest.importorskip("pyarrow")
    source = tmp_path / "in"
    for number in range(30):
        (source / f"h{number}").mkdir(parents=True)
        random_traffic(number, 150, 0.1).write(source / f"h{number}" / "a.pcap")
    command = [sys.executable, "-m", "tui.cli", "fleet", str(source), "--out", str(tmp_path / "out"), "--workers", "2"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    until = time.monotonic() + 60
    while len(list((tmp_path / "out" / "connections").glob("*.parquet"))) < 4:  # the first of them have their record
        assert time.monotonic() < until
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (130, b"", b"")
    half = len(list((tmp_path / "out" / "connections").glob("*.parquet")))
    assert half < 30
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert "connections of 30 captures (" in done.stdout
    assert len(list((tmp_path / "out" / "connections").glob("*.parquet"))) == 30
