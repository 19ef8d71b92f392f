"""Runs pytest again and again in children of one process that has loaded pytest and the libraries, not the program.

usage: python mutant_server.py, in the scratch copy. Reads lines of JSON: the tests' ids, whether files or tests, and
seconds; writes for each the first test that failed, "time-out", or nothing where all passed. Not for use by hand.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import signal
import sys
import time
from typing import Any

LIBRARIES = ("pytest", "numpy", "numpy.lib.recfunctions", "msgspec", "hypothesis", "zstandard", "psutil")
LIBRARIES += ("textual.app", "pytest_asyncio.plugin", "pytest_timeout", "pytest_textual_snapshot", "xdist.plugin")
WAITED = 10  # times as long by the clock, at most


class Asked:
    """A pytest plugin: only these tests, in this order; tells the first that fails."""

    def __init__(self, tests: list[str] | None, tell: int) -> None:
        self.order = None if tests is None else {name: at for at, name in enumerate(tests)}
        self.tell = tell

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Leave out the others."""
        if self.order is not None:
            order = self.order
            items[:] = sorted((one for one in items if one.nodeid in order), key=lambda one: order[one.nodeid])

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Say which failed."""
        if report.failed:
            os.write(self.tell, report.nodeid.encode() + b"\n")

    def pytest_collectreport(self, report: Any) -> None:
        """Say which could not even be loaded."""
        if report.failed:
            os.write(self.tell, f"{report.nodeid} (cannot be loaded)\n".encode())


def run(asked: dict[str, Any]) -> str:
    """One run in a child; whatever it leaves behind is killed with its session."""
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(hear)
        _in_child(asked, tell)
    os.close(tell)
    ends, status = time.monotonic() + WAITED * asked["seconds"], None
    while status is None and time.monotonic() < ends:
        done, how = os.waitpid(child, os.WNOHANG)
        status = how if done else None
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if status is None:
        os.waitpid(child, 0)
    os.set_blocking(hear, False)
    try:
        told = os.read(hear, 1 << 16).decode(errors="replace").split("\n")[0]
    except BlockingIOError:
        told = ""
    finally:
        os.close(hear)
    if status is None:
        return told or "time-out"
    fine = os.WIFEXITED(status) and os.WEXITSTATUS(status) in (0, 5)  # 5: no tests
    return "" if fine else told or f"ended with {os.waitstatus_to_exitcode(status)}"


def _in_child(asked: dict[str, Any], tell: int) -> None:
    status = 3
    try:
        os.setsid()
        # of the processor: on a busy machine the clock says nothing of the tests
        resource.setrlimit(resource.RLIMIT_CPU, (asked["seconds"], asked["seconds"]))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for of in (0, 1, 2):
            os.dup2(nowhere, of)
        sys.dont_write_bytecode = True  # none of a change
        import pytest

        arguments = ["-x", "-q", "-p", "no:cacheprovider", *asked["files"]]
        status = int(pytest.main(arguments, plugins=[Asked(asked["tests"], tell)]))
    finally:
        os._exit(status)


def main() -> None:
    """Serve until the input ends."""
    sys.path[0] = os.getcwd()
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
