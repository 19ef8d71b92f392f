"""The copy chain: real tmux where it is installed, sequences as terminals expect them, always a file."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui.terminal.clipboard import copy, safe_to_paste, terminal_sequence


def test_plain_terminal_gets_osc_52_and_a_file(tmp_path: Path) -> None:
    written: list[str] = []
    sent = copy("ss -tan\n", written.append, {"TERM": "xterm-256color"}, tmp_path)
    assert written == ["\x1b]52;c;" + base64.b64encode(b"ss -tan").decode() + "\x07"]
    assert sent.ways == ("osc52",)
    assert sent.path is not None
    assert sent.path.read_text() == "ss -tan\n"
    assert sent.path.stat().st_mode & 0o077 == 0
    assert "sent to the terminal" in sent.sentence
    assert "copied" not in sent.sentence.replace("copied.txt", "")
    assert str(sent.path) in sent.sentence


@pytest.mark.parametrize("term", ["linux", "dumb"])
def test_terminal_without_clipboard_says_so(tmp_path: Path, term: str) -> None:
    written: list[str] = []
    sent = copy("x", written.append, {"TERM": term}, tmp_path)
    assert written == []
    assert sent.ways == ()
    assert "no clipboard within reach" in sent.sentence
    assert sent.path is not None


def test_screen_gets_short_strings() -> None:
    sequence = terminal_sequence("x" * 2000, {"STY": "1.pts", "TERM": "screen"})
    parts = sequence.split("\x1b\\")
    assert all(len(part) <= 256 for part in parts)
    payload = sequence.replace("\x1b\\\x1bP", "")[len("\x1bP\x1b]52;c;") :].split("\x07")[0]
    assert base64.b64decode(payload) == b"x" * 2000


def test_what_is_pasted_cannot_act() -> None:
    assert safe_to_paste("rm x\x1b[201~\n") == "rm x\\e[201~"
    assert safe_to_paste("a\r\nb\n\n") == "a\nb"
    assert safe_to_paste("if x {\n\ty\n}") == "if x {\n    y\n}"
    assert "\u202e" not in safe_to_paste("abc\u202etxt")


def test_desktop_failure_is_not_an_error(tmp_path: Path) -> None:
    sent = copy("x", None, {"DISPLAY": ":99", "PATH": "/nonexistent"}, tmp_path)
    assert sent.path is not None


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "copied.txt").symlink_to(victim)
    copy("x", None, {}, tmp_path)
    assert victim.read_text() == "mine"


@pytest.fixture
def tmux_env() -> Iterator[dict[str, str]]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    name = f"clip-{uuid.uuid4().hex[:8]}"
    tmux = ["tmux", "-L", name]
    # two words, which tmux runs as they are: one would go through the user's shell, and nobody's is nologin
    subprocess.run([*tmux, "-f", "/dev/null", "new-session", "-d", "-s", "s", "sleep", "60"], check=True)
    told = subprocess.run(
        [*tmux, "display", "-p", "#{socket_path},#{pid},0"], check=True, capture_output=True, text=True
    ).stdout.strip()
    yield {**os.environ, "TMUX": told, "TERM": "tmux-256color", "NAME": name}
    subprocess.run([*tmux, "kill-server"], check=False)


def test_tmux_holds_the_text(tmux_env: dict[str, str], tmp_path: Path) -> None:
    written: list[str] = []
    sent = copy("nginx -t", written.append, tmux_env, tmp_path)
    assert sent.ways[0] == "tmux"
    assert written == []
    shown = subprocess.run(
        ["tmux", "-L", tmux_env["NAME"], "show-buffer"], check=True, capture_output=True, text=True
    ).stdout
    assert shown == "nginx -t"
