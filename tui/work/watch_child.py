"""The flight recorder started from the screen: `tcptriage watch` as a program of its own, ended with the screen."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from capture.language import chosen

LONGEST = "12h"
"""A screen that is killed cannot end it."""
PREFIX = "tcptriage watch: "


class WatchChild:
    """Records into `out` until it is stopped. `tell` gets each of its sentences, from another thread."""

    def __init__(self, out: Path, tell: Callable[[str], None]) -> None:
        self.out = out
        words = [sys.executable, "-m", "tui.cli", "watch", "--out", str(out), "--for", LONGEST, "--lang", chosen()]
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C and Ctrl-Z are for the screen
        )
        threading.Thread(target=self._listen, args=(tell,), daemon=True, name="watch-child").start()

    @property
    def running(self) -> bool:
        """Whether it still records."""
        return self._process.poll() is None

    def freeze(self) -> None:
        """Write down what there is."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGUSR1)

    def stop(self) -> None:
        """End it; a folder that is being written is finished by itself."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def _listen(self, tell: Callable[[str], None]) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            tell(line.strip().removeprefix(PREFIX))


def incidents_folder() -> Path:
    """Where incidents of the screen go: beside what else it writes down, or for root where all services keep state."""
    if os.geteuid() == 0:
        return Path("/var/tmp/tcptriage-incidents")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "tcptriage" / "incidents"
