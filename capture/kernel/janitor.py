"""A small process that stays root, and removes a tracing instance when the program that read it is gone, however."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Final

TRIES: Final = 50
PAUSE_S: Final = 0.1
"""A killed program's descriptors are closed a moment after its pipe."""


class Janitor:
    """Watches over `instances/NAME` of a tracefs, whose root is the descriptor `root`.

    To be made before threads and before privileges are dropped. `close` sends it to work and waits for its end.
    """

    def __init__(self, root: int, name: str) -> None:
        reading, self._pipe = os.pipe()
        os.set_inheritable(self._pipe, False)
        self._child = os.fork()
        if self._child == 0:
            try:
                _watch(reading, root, name)
            finally:
                os._exit(0)
        os.close(reading)

    def close(self) -> None:
        """The instance is no longer read: it goes."""
        os.close(self._pipe)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._child, 0)


def _watch(pipe: int, root: int, name: str) -> None:
    os.setsid()  # Ctrl-C is for the program
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    low, high = sorted((pipe, root))
    for begin, end in ((0, low), (low + 1, high), (high + 1, os.sysconf("SC_OPEN_MAX"))):
        os.closerange(begin, end)
    while os.read(pipe, 1):
        pass
    for _ in range(TRIES):
        try:
            os.rmdir(f"instances/{name}", dir_fd=root)
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(PAUSE_S)
        else:
            return
