"""`tcptriage fleet`: many captures to one data set of Parquet files."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from capture.language import choose, count_of
from tui.arguments.capture_commands import fleet_parser
from tui.arguments.parser import complain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.fleet.executors import Executor
    from capture.fleet.running import Fleet, Progress

MOST_TOLD = 10  # files left out that are named on the terminal: the manifest has all


def run(arguments: list[str]) -> int:
    """Read the captures; returns the exit status."""
    chosen = fleet_parser().parse_args(arguments)
    choose("en")  # the data set is for programs, as JSON is
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is imported: no threads that never compute
    from capture.fleet.errors import FleetRefused, require_extra

    try:
        require_extra()
        from capture.fleet.running import run_fleet

        with _progress_line() as progress:
            fleet = run_fleet(
                chosen.paths,
                chosen.out,
                _executor(chosen.workers, chosen.scheduler),
                together=chosen.together,
                apart=chosen.apart,
                progress=progress,
            )
    except FleetRefused as error:
        complain(f"tcptriage fleet: {error}")
        return 2
    _tell(fleet, chosen.out)
    return 0 if fleet.captures else 2


def _executor(workers: int | None, scheduler: str | None) -> Callable[[int], Executor]:
    def made(files: int) -> Executor:
        from capture.fleet.executors import Dask, InProcess, Processes, cores

        if scheduler is not None:
            return Dask(scheduler)
        count = workers if workers is not None else cores()
        return Processes(count) if min(count, files) > 1 else InProcess(count)

    return made


def _tell(fleet: Fleet, out: str) -> None:
    for one in fleet.left_out[:MOST_TOLD]:
        complain(f"tcptriage fleet: left out: {one.path}: {one.why}")
    if len(fleet.left_out) > MOST_TOLD:
        complain(f"tcptriage fleet: {len(fleet.left_out) - MOST_TOLD:,} more left out: see {out}/manifest.json")
    again = f" ({fleet.again:,} of them read before)" if fleet.again else ""
    captures = count_of(len(fleet.captures), "capture")
    print(f"{out}: {fleet.connections:,} connections of {captures}{again}, {fleet.findings:,} findings")


@contextmanager
def _progress_line() -> Iterator[Callable[[Progress], None]]:
    """Progress on one line of standard error, wiped at the end; only a terminal gets it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return

    def tell(now: Progress) -> None:
        if now.stage == "survey":
            line = f"Looking at files: {now.done:,} of {now.of:,}"
        else:
            size = f"{now.bytes_done / 1e9:,.1f} of {now.bytes_total / 1e9:,.1f} GB"
            line = f"Reading captures: {now.done:,} of {now.of:,}, {size}"
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()

    try:
        yield tell
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
