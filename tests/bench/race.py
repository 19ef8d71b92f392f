"""`tcptriage report` beside its peers, on a capture made for it: whole processes, in turns, medians of N.

usage: python -m tests.bench.race [--kind web|small] [--connections 100000] [--runs 5] [--loss SHARE] [--keep FILE]
                                    [--dpkt]
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

TOOL = str(pathlib.Path(sys.executable).with_name("tcptriage"))
EVENTS = "tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0"


@dataclass
class Figures:
    """What the runs of one command took."""

    wall: list[float] = field(default_factory=list)
    megabytes: int = 0


def commands(capture: str, dpkt: bool) -> dict[str, list[str]]:
    """The programs that are installed, each with the job it is compared in."""
    peers = {
        "text": [TOOL, "report", capture, "--format", "text"],
        "jsonl": [TOOL, "report", capture, "--format", "jsonl"],
        "tshark": ["tshark", "-n", "-q", "-z", "conv,tcp", "-r", capture],
        "tcptrace": ["tcptrace", "-n", capture],
        "tcpdump": ["tcpdump", "-r", capture, "-w", "/dev/null", EVENTS],
    }
    if dpkt:  # takes half a minute each time
        peers["dpkt"] = [sys.executable, "-m", "tests.bench.dpkt_loop", capture]
    return {name: command for name, command in peers.items() if shutil.which(command[0])}


def run(command: list[str], figures: Figures) -> None:
    """Run once to the end, output thrown away; wall time and peak memory from the kernel's accounting."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    figures.wall.append(time.perf_counter() - begin)
    figures.megabytes = max(figures.megabytes, usage.ru_maxrss // 1024)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise SystemExit(f"{command[0]} ended with status {os.waitstatus_to_exitcode(status)}")


def main() -> None:
    """Make the capture if it is not there, run all, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", default="web", choices=["web", "small"])
    parser.add_argument("--connections", type=int, default=100_000)
    parser.add_argument("--loss", type=float, default=0.0)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", type=pathlib.Path, help="where the capture is, or is to be left")
    parser.add_argument("--dpkt", action="store_true", help="a plain dpkt loop too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        capture = arguments.keep or pathlib.Path(folder) / "race.pcap"
        if not capture.exists():
            make = [sys.executable, "-m", "tests.bench.generate", arguments.kind, str(arguments.connections)]
            subprocess.run([*make, str(capture), "--loss", str(arguments.loss)], check=True)
        _race(capture, arguments.runs, arguments.dpkt)


def _race(capture: pathlib.Path, runs: int, dpkt: bool) -> None:
    subprocess.run(["cat", str(capture)], stdout=subprocess.DEVNULL, check=True)  # into the page cache
    programs = commands(str(capture), dpkt)
    table = {name: Figures() for name in programs}
    for _ in range(runs):
        for name, command in programs.items():
            run(command, table[name])
    print(f"{capture.stat().st_size / 1e9:.2f} GB, medians of {runs}")
    base = statistics.median(table["text"].wall)
    for name, figures in table.items():
        wall = statistics.median(figures.wall)
        print(f"{name:9} {wall:7.2f} s  {figures.megabytes:6d} MB  {wall / base:6.2f} × text")


if __name__ == "__main__":
    main()
