"""`tcptriage fleet` as the shell runs it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

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
