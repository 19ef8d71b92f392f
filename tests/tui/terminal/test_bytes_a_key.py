"""What a key costs on a slow line, counted on a terminal of 200 by 50 that answers nothing."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator

import pytest

from tests.tui.screens.helping import INCIDENT
from tui.widgets.bars import SAID_SECONDS

MOST = 10_000
ESC = "\x1b"
STEPS = (
    ("groups by peer", "b", "Enter opens a group"),
    ("groups by process", "b", "Enter opens a group"),
    ("other groups", "b", "Enter opens a group"),
    ("no groups: 128 rows", "b", "No groups"),
    ("sorted otherwise", "s", "Sorted by"),
    ("its message gone", "", ""),  # of itself, after a while
    ("the last row", "G", "5.75"),
    ("help", "?", "Under the cursor"),
    ("back from help", ESC, "quit"),
    ("commands", ":", "Commands"),
    ("commands with a word", "th", "high-contrast"),
    ("back from commands", ESC, "quit"),
    ("a file to open", "o", "Open a file"),
    ("back from it", ESC, "quit"),
    ("all findings", "F", "Findings"),
    ("back from them", ESC, "Connections"),
    ("zoom", "z", ""),
    ("all panes", "z", "What is wrong"),
    ("the ladder", "\r", "Responder"),
    ("and back", ESC, "Connections"),
    ("playbooks", "3", "Fixes it may propose"),  # the first one, whose text comes a moment after the list
    ("the capture again", "2", "Connections"),
    ("another theme", "\x14", "Connections"),
    ("all painted again", "\x0c", "Connections"),
)
"""What it is, the keys, what the terminal is sent then."""


PLAIN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Line:
    """The program on a terminal of its own."""

    def __init__(self, *arguments: str, size: tuple[int, int] = (200, 50)) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            environ = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR", "TMUX")}
            environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
            os.execve(sys.executable, [sys.executable, "-m", "tui.cli", *arguments], environ)

    def sent(self, awaited: str, quiet_s: float = 0.6, most_s: float = 90.0) -> bytes:
        """All that comes until a text has come and nothing more follows."""
        got, deadline, last = b"", time.monotonic() + most_s, time.monotonic()
        while time.monotonic() < deadline:
            if select.select([self.terminal], [], [], 0.1)[0]:
                got += os.read(self.terminal, 1 << 16)
                last = time.monotonic()
            elif time.monotonic() - last > quiet_s and awaited in PLAIN.sub("", got.decode(errors="replace")):
                return got
        raise AssertionError(f"{awaited!r} never came: {got[-2000:]!r}")

    def press(self, keys: str) -> None:
        os.write(self.terminal, keys.encode())

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


@pytest.fixture
def line() -> Iterator[Line]:
    running = Line(str(INCIDENT))
    yield running
    running.close()


def test_no_key_costs_more_than_ten_thousand_bytes(line: Line) -> None:
    line.sent("client_gave_up", 1.5)
    counted = {}
    for what, keys, awaited in STEPS:
        line.press(keys)
        counted[what] = len(line.sent(awaited, 0.6 if keys else SAID_SECONDS + 2.0))
    assert {what: number for what, number in counted.items() if number > MOST} == {}
    assert counted["its message gone"] < counted["sorted otherwise"] / 4  # its own lines alone: nothing moves


@pytest.mark.parametrize("key", ["", ":", "/", "o", "l", "?"])
def test_an_idle_screen_sends_nothing(line: Line, key: str) -> None:
    line.sent("client_gave_up", 1.5)
    line.press(key)
    line.sent("", 1.5)
    assert not select.select([line.terminal], [], [], 3.0)[0]
