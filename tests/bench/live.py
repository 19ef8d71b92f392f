"""Races a full look at live connections against `ss -tanpi` and psutil, on sockets made for it in a network of its own.

usage (as root): python -m tests.bench.live [--sockets 10000,50000] [--runs 7] [--memory 100000]

Each round asks all three in turn, so that a noisy machine is noisy for all; the table shows medians of user+sys CPU and
the ratios. A look is everything: dump, differences, ages, owners, counters, groups, findings.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable

import psutil

from capture.sockets.socket_watch import Watcher
from tests.capture.sockets.making import Maker
from tests.capture.sockets.network import enter_new_network


def cpu_of(task: Callable[[], object]) -> float:
    """User and system milliseconds of this process that a task takes."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    task()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1e3


def cpu_of_ss() -> float:
    """User and system milliseconds of one `ss -tanpi`."""
    process = subprocess.Popen(["ss", "-tanpiHO"], stdout=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    return (used.ru_utime + used.ru_stime) * 1e3


class Makers:
    """As many makers as it takes: a process may not have more than some thousand descriptors."""

    def __init__(self, sockets: int) -> None:
        pairs = sockets // 2
        most = (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100) // 2
        count = -(-pairs // most)
        self.makers = [Maker(pairs // count, 4) for _ in range(count)]

    def churn(self, pairs: int) -> None:
        """Closes so many pairs and opens as many."""
        for maker in self.makers:
            maker.tell(f"churn {pairs // len(self.makers)}")

    def end(self) -> None:
        """Ends them all."""
        for maker in self.makers:
            maker.end()


def race(made: Makers, sockets: int, runs: int, churn: int) -> None:
    """Prints one line: medians and ratios."""
    watcher = Watcher()
    for _ in range(3):
        watcher.look()
    ours: list[float] = []
    theirs: list[float] = []
    libraries: list[float] = []
    for _ in range(runs):
        if churn:
            made.churn(churn)
        gc.collect()
        ours.append(cpu_of(watcher.look))
        theirs.append(cpu_of_ss())
        libraries.append(cpu_of(lambda: psutil.net_connections(kind="tcp")))
    rows = len(watcher.look().rows)
    look, ss, library = (statistics.median(times) for times in (ours, theirs, libraries))
    kind = f"churn {churn * 2 / sockets:.0%}/look" if churn else "idle"
    print(
        f"{rows:>8}  {kind:14}  {look:8.1f}  {ss:8.1f}  {library:8.1f}  {ss / look:6.1f} x  {library / look:6.1f} x",
        flush=True,
    )


def memory(sockets: int) -> None:
    """Prints the largest memory of a process that looks four times at so many sockets."""
    made = Makers(sockets)
    script = (
        "import resource, time; from capture.sockets.socket_watch import Watcher; w = Watcher(); n = 0\n"
        "for _ in range(3): n = len(w.look().rows); time.sleep(.1)\n"
        "t = time.process_time(); w.look(); t = time.process_time() - t\n"
        "print(f'{n:>8}  memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB, {t * 1e3:.0f} ms')"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    made.end()


def main() -> None:
    """Makes the sockets, prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", default="10000,50000")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--memory", type=int, default=100_000)
    asked = parser.parse_args()
    print(f"{'sockets':>8}  {'':14}  {'look ms':>8}  {'ss ms':>8}  {'psutil':>8}  {'ss/look':>8}  psutil/look")
    for sockets in (int(number) for number in asked.sockets.split(",") if number):
        in_own_child(lambda sockets=sockets: race_both(sockets, asked.runs))  # type: ignore[misc]
    if asked.memory:
        in_own_child(lambda: memory(asked.memory))


def race_both(sockets: int, runs: int) -> None:
    """Idle, then with churn."""
    made = Makers(sockets)
    race(made, sockets, runs, 0)
    race(made, sockets, runs, sockets // 200)
    made.end()


def in_own_child(task: Callable[[], None]) -> None:
    """Runs a part in a process and a network of its own: nothing of the one before is left in either."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            enter_new_network()
            task()
            status = 0
        finally:
            sys.stdout.flush()
            os._exit(status)
    if os.waitpid(child, 0)[1]:
        sys.exit(1)


if __name__ == "__main__":
    main()
