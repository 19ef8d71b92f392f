"""Writes an incident folder in a process of its own, which parses packets with the file system closed behind it."""

from __future__ import annotations

import os
import signal
import subprocess
import traceback
from collections.abc import Sequence
from typing import Final

from capture.recorder.freezing import Frozen, write_incident
from capture.recorder.incident_folder import REPORT
from capture.recorder.landlock import close_file_system

REPORT_SECONDS: Final = 300
LONGEST: Final = 4096
NICENESS: Final = 10


class Writer:
    """A child that writes one folder, and then its report. The recorder goes on meanwhile.

    To be made while this process has no other thread. `confined` are the folders that the child may read; it writes
    under `out` alone. It has the rings' files as they were open in its parent.
    """

    def __init__(self, out: str, frozen: Frozen, report: Sequence[str], confined: Sequence[str]) -> None:
        self._reading, writing = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(self._reading)
            _child(out, frozen, report, confined, writing)
        os.close(writing)
        os.set_blocking(self._reading, False)

    def ended(self, wait: bool = False) -> bool:
        """Whether it has ended; `wait` until it has."""
        if self._child:
            pid, _ = os.waitpid(self._child, 0 if wait else os.WNOHANG)
            if pid:
                self._child = 0
        return not self._child

    def result(self) -> tuple[str, str]:
        """Path of the folder and what went wrong; one of them is empty. To be asked once, when it has ended."""
        try:
            message = os.read(self._reading, LONGEST).decode("utf-8", "replace")
        except BlockingIOError:
            message = ""
        os.close(self._reading)
        kind, _, text = message.partition(":")
        return (text, "") if kind == "path" else ("", text or "its process was killed")


def _child(out: str, frozen: Frozen, report: Sequence[str], confined: Sequence[str], pipe: int) -> None:
    status = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)  # the recorder waits for the folder
        os.umask(0o077)
        os.nice(NICENESS)
        close_file_system(confined, [out, "/dev/null"])
        path = write_incident(out, frozen)
        if report:
            _report(report, path)
        os.write(pipe, f"path:{path}".encode()[:LONGEST])
        status = 0
    except OSError as error:
        os.write(pipe, f"error:{error.strerror or error}".encode()[:LONGEST])
    except BaseException:
        os.write(pipe, f"error:{traceback.format_exc(limit=-1)}".encode()[:LONGEST])
    finally:
        os._exit(status)


def _report(command: Sequence[str], path: str) -> None:
    try:
        subprocess.run(
            [*command, path, "--output", os.path.join(path, REPORT)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=REPORT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return  # the folder is whole without it
