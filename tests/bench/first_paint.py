"""Times the dashboard's first picture against a bare Textual app's, each in a terminal of its own (a pty, 80x24).

usage (as root for --sockets): python -m tests.bench.first_paint [--runs 9] [--sockets 10000] [--program tcptriage]

Wall time from exec to the first whole picture and to the first row of a connection, and the CPU (user + system) used
until then. The two run in turn, so that a noisy machine is noisy for both; the table shows medians and the least.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import shutil
import signal
import statistics
import struct
import sys
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.live import Makers, in_own_child

BARE = (
    "from textual.app import App\nfrom textual.widgets import Static\n"
    "class Bare(App):\n    def compose(self): yield Static('Live and quit')\nBare().run()"
)
PICTURE, ROW = b"quit", (b"ESTAB", b"LISTEN", b"TIME-WAIT", b"CLOSE-WAIT")
LIMIT_S = 10.0


@dataclass(frozen=True)
class Start:
    """One start: seconds from exec. `cpu` is what the process had used at its first picture."""

    picture: float
    cpu: float
    rows: float | None


def start(command: Sequence[str], rows: bool) -> Start:
    """Starts a program, waits for its picture (and its first row), ends it."""
    began = time.perf_counter()
    process, terminal = pty.fork()
    if process == 0:
        os.environ["TERM"] = "xterm-256color"
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled
        os.execvp(command[0], list(command))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    written, picture, cpu, first_row = b"", None, 0.0, None
    while time.perf_counter() - began < LIMIT_S and (picture is None or (rows and first_row is None)):
        if not select.select([terminal], [], [], 0.05)[0]:
            continue
        try:
            written += os.read(terminal, 65536)
        except OSError:  # it ended
            break
        now = time.perf_counter() - began
        if picture is None and PICTURE in written:
            picture, cpu = now, cpu_of(process)
        if picture is not None and first_row is None and any(state in written for state in ROW):
            first_row = now
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    os.close(terminal)
    if picture is None:
        sys.exit(f"{' '.join(command)} painted nothing in {LIMIT_S:.0f} s")
    return Start(picture, cpu, first_row)


def cpu_of(process: int) -> float:
    """User and system seconds of a process (proc_pid_stat(5), fields 14 and 15)."""
    with open(f"/proc/{process}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def race(program: str, runs: int) -> None:
    """Prints the table."""
    commands = {"bare Textual": [sys.executable, "-c", BARE], "tcptriage": [program]}
    starts: dict[str, list[Start]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            one = start(command, rows=name == "tcptriage")
            if turn:  # the first fills the file cache
                starts[name].append(one)
    print(f"{'':14} {'picture ms':>11} {'least':>6} {'CPU ms':>7} {'row after, ms':>14} {'least':>6}")
    for name, all_of_it in starts.items():
        rows = [one.rows - one.picture for one in all_of_it if one.rows is not None]
        tail = f"{statistics.median(rows) * 1e3:14.0f} {min(rows) * 1e3:6.0f}" if rows else ""
        pictures = [one.picture for one in all_of_it]
        cpu = statistics.median(one.cpu for one in all_of_it)
        print(f"{name:14} {statistics.median(pictures) * 1e3:11.0f} {min(pictures) * 1e3:6.0f} {cpu * 1e3:7.0f} {tail}")
    bare, ours = starts.values()
    ratios = [mine.picture / theirs.picture for mine, theirs in zip(ours, bare, strict=True)]
    print(f"ratio: {statistics.median(ratios):.2f} (median of {runs} pairs)", flush=True)


def main() -> None:
    """Makes the sockets if asked to, prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--sockets", type=int, default=0, help="in a network of its own; needs root")
    parser.add_argument(
        "--program", default=shutil.which("tcptriage") or str(Path(sys.executable).with_name("tcptriage"))
    )
    asked = parser.parse_args()
    if not asked.sockets:
        race(asked.program, asked.runs)
        return

    def among_sockets() -> None:
        made = Makers(asked.sockets)
        try:
            race(asked.program, asked.runs)
        except SystemExit as why:
            print(why)
        finally:
            made.end()

    in_own_child(among_sockets)


if __name__ == "__main__":
    main()
