"""The program in a real terminal (tmux), with real keys: what a user sees, types, and is left with."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.screens.helping import GIN, INCIDENT

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Tmux:
    """A terminal of its own with a shell in it."""

    def __init__(self, folder: Path, size: tuple[int, int] = (80, 24)) -> None:
        self.name = f"e2e-{uuid.uuid4().hex[:8]}"
        self.folder = folder
        environ = {k: v for k, v in os.environ.items() if k not in ("TMUX", "NO_COLOR")}
        environ |= {"LANG": "C.UTF-8", "XDG_RUNTIME_DIR": str(folder), "PS1": "READY> ", "HISTFILE": ""}
        width, height = map(str, size)
        # two words, which tmux runs as they are: one would go through the user's shell, and nobody's is nologin
        shell = ("sh", "-i")
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", width, "-y", height, *shell, environ=environ)

    def _tmux(self, *arguments: str, environ: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-L", self.name, *arguments], capture_output=True, text=True, timeout=10, check=True, env=environ
        )
        return done.stdout

    def run(self, *arguments: str, before: str = "") -> None:
        command = f"{before} PYTHONPATH={Path.cwd()} {sys.executable} -m tui.cli {' '.join(arguments)}; echo LEFT=$?"
        self._tmux("send-keys", "-l", f" cd {self.folder}; {command}")
        self._tmux("send-keys", "Enter")

    def keys(self, *keys: str) -> None:
        for key in keys:
            self._tmux("send-keys", key)
            time.sleep(0.15)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)

    def paste(self, text: str) -> None:
        """As a terminal pastes: in brackets."""
        self._tmux("set-buffer", text)
        self._tmux("paste-buffer", "-p")

    def option(self, name: str, value: str) -> None:
        self._tmux("set-option", "-g", "-w", name, value)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def until(self, text: str, seconds: float = 20) -> str:
        deadline = time.monotonic() + seconds
        while text not in (seen := self.screen()):
            assert time.monotonic() < deadline, seen
            time.sleep(0.1)
        return seen

    def pid(self) -> int:
        """Of the program."""
        shell = int(self._tmux("display", "-p", "#{pane_pid}"))
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[-1])

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self.name, "kill-server"], capture_output=True, check=False)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    terminal = Tmux(tmp_path)
    yield terminal
    terminal.close()


def test_from_the_table_to_the_packet_and_out(tmux: Tmux) -> None:
    tmux.run(INCIDENT)
    tmux.until("client_gave_up")
    tmux.keys("Down", "Enter")
    tmux.until("▾")
    tmux.keys("Down", "Enter")
    tmux.until("FIN-WAIT-1")
    tmux.keys("Enter")
    tmux.until("LINUX_SLL2")
    tmux.keys("Escape")
    tmux.until("of silence")
    tmux.keys("y")
    tmux.until("sent to the terminal")
    tmux.keys("q")
    tmux.until("LEFT=0")
    assert "1 Live" not in tmux.screen()


def test_pasted_panic_line_to_a_fix(tmux: Tmux) -> None:
    tmux.run()
    tmux.until("Connections")
    tmux.paste(f"panic: {GIN}")
    tmux.until("broken_pipe")
    tmux.keys("Enter")
    tmux.until("Step")
    tmux.until("1 fail")
    tmux.keys("f")
    tmux.until("copies the snippet")
    tmux.keys("C-c")
    tmux.until("LEFT=130")


def test_nothing_of_the_screen_stays_after_ctrl_z_and_fg(tmux: Tmux) -> None:
    tmux.run()
    tmux.until("Connections")
    tmux.keys("C-z")
    tmux.until("Stopped")
    tmux.type("fg\n")
    tmux.until("Connections")
    tmux.keys("q")
    tmux.until("fg")
    tmux.type("echo AND=$?\n")
    tmux.until("AND=0")


WAYS = {
    "live": (),
    "help": ("?",),
    "filter": ("/",),
    "palette": (":",),
    "paste": ("l",),
    "playbooks": ("3",),
    "evidence": ("4",),
    "record": ("c",),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_lost_line_leaves_no_process(tmux: Tmux, way: str) -> None:
    tmux.run()
    tmux.until("Connections")
    tmux.keys(*WAYS[way])
    time.sleep(0.3)
    pid = tmux.pid()
    os.kill(pid, signal.SIGHUP)
    tmux.until("LEFT=129")
    assert not Path(f"/proc/{pid}").exists()


def test_a_closed_terminal_leaves_no_process(tmux: Tmux) -> None:
    tmux.run(INCIDENT)
    tmux.until("client_gave_up")
    pid = tmux.pid()
    tmux.close()
    deadline = time.monotonic() + 8
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_ascii_where_the_locale_is_c(tmux: Tmux) -> None:
    tmux.run(INCIDENT, before="LC_ALL=C NO_COLOR=1")
    seen = tmux.until("client_gave_up")
    assert seen.isascii()


@pytest.mark.parametrize("term", ["linux", "xterm", "screen-256color"])
def test_other_terminals(tmux: Tmux, term: str) -> None:
    tmux.run(INCIDENT, before=f"TERM={term}")
    tmux.until("client_gave_up")
    tmux.keys("q")
    tmux.until("LEFT=0")


def test_left_clean_where_there_is_no_second_screen(tmux: Tmux) -> None:
    """As GNU screen is by default, and the Linux console."""
    tmux.option("alternate-screen", "off")
    tmux.run(INCIDENT)
    tmux.until("client_gave_up")
    tmux.keys("q")
    tmux.until("LEFT=0")
    assert "client_gave_up" not in tmux.screen()


@pytest.mark.skipif(shutil.which("screen") is None, reason="GNU screen is not installed")
def test_in_gnu_screen(tmux: Tmux) -> None:
    tmux.type(" unset TMUX; TERM=xterm-256color screen -c /dev/null -U sh -i\n")
    time.sleep(1)
    tmux.run(INCIDENT)
    tmux.until("client_gave_up")
    tmux.keys("Enter")
    tmux.until("▾")
    tmux.keys("j")  # an arrow may arrive in parts here
    tmux.keys("Enter")
    tmux.until("of silence")
    tmux.keys("y")
    tmux.until("sent to the terminal")
    tmux.keys("q")
    tmux.until("LEFT=0")
    assert "of silence" not in tmux.screen()
    tmux.type("exit\n")


def test_unreadable_file_is_one_line_before_any_screen(tmux: Tmux) -> None:
    tmux.run("nosuchfile")
    seen = tmux.until("LEFT=2")
    assert "nosuchfile: no such file" in seen
