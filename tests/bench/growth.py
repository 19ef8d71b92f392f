"""Whether `sockets --interval` and `watch` grow: their memory beside many sockets that come and go, and its slope.

usage (as root): nice -n 19 python -m tests.bench.growth [--sockets 20000] [--minutes 25] [--churn 0.01]

Each second a share of the sockets closes and as many open, in a network of their own. The slope is that of a straight
line through the samples after a fifth of the time: what is kept for a time (rings, memories) has filled by then.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.live import Makers
from tests.capture.sockets.network import enter_new_network

EVERY_S = 20.0
SETTLED = 0.2
PROGRAM = (sys.executable, "-m", "tui.cli")


def resident(pid: int) -> float:
    """Megabytes of a process; those of its children are their own."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu(pid: int) -> float:
    """Seconds of processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def slope(samples: list[tuple[float, float]]) -> float:
    """Of the least squares' line through (seconds, megabytes): megabytes an hour."""
    count = len(samples)
    middle = sum(at for at, _ in samples) / count
    mean = sum(size for _, size in samples) / count
    spread = sum((at - middle) ** 2 for at, _ in samples)
    return 3600 * sum((at - middle) * (size - mean) for at, size in samples) / spread if spread else 0.0


@contextlib.contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """The program, its output thrown away."""
    with subprocess.Popen([*PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
        try:
            yield program
        finally:
            program.terminate()


def main() -> None:
    """Samples, then prints a line a program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--churn", type=float, default=0.01)
    asked = parser.parse_args()
    enter_new_network()
    made, lasts = Makers(asked.sockets), asked.minutes * 60
    pairs = int(asked.sockets * asked.churn / 2)
    with (
        tempfile.TemporaryDirectory() as folder,
        running("sockets", "--interval", "1", "--count", "1000000") as looks,
        running("watch", "--out", folder, "--before", "10", "--after", "5") as watch,
    ):
        programs = {"sockets --interval 1": looks.pid, "watch": watch.pid}
        samples: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
        began = time.monotonic()
        due = began
        while (at := time.monotonic() - began) < lasts:
            made.churn(pairs)
            if time.monotonic() >= due:
                due += EVERY_S
                for name, pid in programs.items():
                    samples[name].append((at, resident(pid)))
                print(
                    f"{at:6.0f} s  " + "  ".join(f"{name} {samples[name][-1][1]:.1f} MB" for name in programs),
                    flush=True,
                )
            time.sleep(max(0.0, 1.0 - (time.monotonic() - began - at)))
        for name, pid in programs.items():
            settled = [one for one in samples[name] if one[0] >= SETTLED * lasts]
            print(
                f"{name}: {settled[0][1]:.1f} MB after {settled[0][0] / 60:.0f} min, "
                f"{settled[-1][1]:.1f} MB at the end, {slope(settled):+.1f} MB an hour, "
                f"{100 * cpu(pid) / lasts:.1f} % of a core"
            )
    made.end()


if __name__ == "__main__":
    main()
