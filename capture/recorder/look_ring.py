"""The last looks as recordings on disk, a few looks each; what is too old goes as a whole file."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from typing import Final

from capture.sockets.recordings.recording import Recorder
from capture.sockets.recordings.replay import Replay
from capture.sockets.snapshot import Snapshot
from capture.sockets.sources.socket_errors import RecordingUnreadable

LOOKS: Final = 15
"""In a file: the first is whole, the others are what changed."""


class LookRing:
    """Keeps looks for `keep_s` seconds after they were taken, by a clock that nobody sets. A full disk loses looks:
    `lost` counts them."""

    def __init__(self, folder: str, keep_s: float) -> None:
        self._folder, self._keep = folder, keep_s
        self._files: deque[str] = deque()
        self._written: dict[str, float] = {}  # when its last look was taken, on the clock of ages
        self._open: Recorder | None = None
        self._made = 0
        self.lost = 0
        self.held = False
        """While set, nothing goes: somebody reads."""

    def add(self, look: Snapshot) -> None:
        """Adds a look and lets go of what is too old."""
        try:
            if self._open is None or self._open.looks >= LOOKS:
                self._end()
                path = os.path.join(self._folder, f"looks-{self._made}")
                self._made += 1
                self._open = Recorder(path)
                self._files.append(path)
                self._written[path] = look.moment
            self._open.write(look)
        except OSError:
            self.lost += 1
            self._end()
            return
        self._written[self._files[-1]] = look.moment
        while not self.held and len(self._files) > 1 and self._written[self._files[0]] < look.moment - self._keep:
            self._drop()

    def copy(self, path: str, begin: float, end: float) -> int:
        """Writes the looks of that time (epoch seconds) as a recording of its own; how many there were."""
        with Recorder(path) as copied:
            for name in list(self._files):
                with contextlib.suppress(RecordingUnreadable):
                    for look in Replay(name, unfinished=True):
                        if begin <= look.time <= end:
                            copied.write(look)
            return copied.looks

    def close(self) -> None:
        """Removes the files."""
        self._end()
        while self._files:
            self._drop()

    def _end(self) -> None:
        if self._open is not None:
            with contextlib.suppress(OSError):
                self._open.close()
            self._open = None

    def _drop(self) -> None:
        path = self._files.popleft()
        self._written.pop(path, None)
        with contextlib.suppress(OSError):
            os.unlink(path)
