"""How the cost of `tcptriage report` grows with packets; what a gzip'd capture costs beside gunzip and the plain one.

usage: python -m tests.bench.scaling [--runs 3] [--most 200000]      connections of the largest capture: 10.5 M packets
"""

from __future__ import annotations

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile

from tests.bench.race import TOOL, Figures, run

PACKETS_EACH = 52.7  # of a connection of the small kind


def measured(command: list[str], runs: int) -> tuple[float, int]:
    """Median wall time in seconds, and peak memory in MB."""
    figures = Figures()
    for _ in range(runs):
        run(command, figures)
    return statistics.median(figures.wall), figures.megabytes


def main() -> None:
    """Make the captures one by one, measure, print a row each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--most", type=int, default=200_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        capture = pathlib.Path(folder) / "small.pcap"
        print(f"{'packets':>10} {'seconds':>8} {'µs/packet':>10} {'MB':>6}")
        connections = 200
        while True:
            connections = min(connections, arguments.most)
            make = [sys.executable, "-m", "tests.bench.generate", "small", str(connections), str(capture)]
            subprocess.run(make, check=True)
            seconds, megabytes = measured([TOOL, "report", str(capture)], arguments.runs)
            packets = connections * PACKETS_EACH
            print(f"{packets:10.0f} {seconds:8.2f} {seconds / packets * 1e6:10.2f} {megabytes:6d}", flush=True)
            if connections == arguments.most:
                break
            connections *= 10
        packed = f"{capture}.gz"
        with open(packed, "wb") as stream:
            subprocess.run(["gzip", "-1", "-c", str(capture)], stdout=stream, check=True)
        gunzip, _ = measured(["gunzip", "-c", packed], arguments.runs)
        together, _ = measured([TOOL, "report", packed], arguments.runs)
        bound = gunzip + 1.2 * seconds
        print(f"gzip'd {together:.2f} s; gunzip {gunzip:.2f} s + 1.2 × plain {seconds:.2f} s = {bound:.2f} s")


if __name__ == "__main__":
    main()
