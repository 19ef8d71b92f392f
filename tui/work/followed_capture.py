"""Files that are still being written, for the screen: whether one has changed since it was read, and following it."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.text.language import tr
from tui.work.messages import CaptureGrew, FollowingEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message import Message

    from capture.triage import Triage

LOOK_S = 0.25  # between two looks at a file


class FileBefore:
    """What a file was before it was read."""

    def __init__(self, path: str) -> None:
        from capture.wire.files.growing_file import Identity

        self.path = path
        self._was = Identity.of(path) if os.path.isfile(path) else None

    @property
    def grew(self) -> bool:
        """It is the same file, and longer."""
        return self._was is not None and self._size() > self._was.size and not self.lost

    @property
    def lost(self) -> str:
        """What became of it where it is not that file any more; "" where it is."""
        from capture.wire.files.growing_file import Identity

        if self._was is None or (self._size() == self._was.size and not self._moved()):
            return ""
        now = Identity.of(self.path)
        if now is None:
            return "has gone: its packets cannot be read again"
        if (now.device, now.inode) != (self._was.device, self._was.inode):
            return "was replaced since it was read: o opens it again"
        if now.size < self._was.size:
            return "became shorter since it was read: o opens it again"
        return "" if now.begin.startswith(self._was.begin) else "was written anew since it was read: o opens it again"

    def _size(self) -> int:
        try:
            return os.stat(self.path).st_size
        except OSError:
            return -1

    def _moved(self) -> bool:
        try:
            now = os.stat(self.path)
        except OSError:
            return True
        return self._was is None or (now.st_dev, now.st_ino) != (self._was.device, self._was.inode)


class FollowJob:
    """One following of a file, on a worker's thread, until it is stopped. `tell` takes messages from any thread."""

    def __init__(self, path: str, least: int, tell: Callable[[Message], object]) -> None:
        self._path, self._least, self._send = path, least, tell
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Follow no longer, and say nothing more."""
        self._stopped.set()

    def run(self) -> None:
        """Follow. What ends it, other than `stop`, is reported."""
        from capture.wire.capture_errors import CaptureUnreadable
        from tui.work.capture_reading import Growing

        growing = Growing(self._path, self._grew, self._least)
        try:
            while not self._stopped.is_set():
                growing.look(time.monotonic())
                self._stopped.wait(LOOK_S)
        except (CaptureUnreadable, OSError) as error:
            self._end(str(error))
        except MemoryError:
            self._end("not enough memory")
        finally:
            growing.close()

    def _grew(self, triage: Triage) -> None:
        if not self._stopped.is_set():
            self._send(CaptureGrew(triage))

    def _end(self, why: str) -> None:
        if not self._stopped.is_set():
            name = printable(Path(self._path).name, 60)
            self._send(FollowingEnded(tr("{file} is no longer followed: {why}", file=name, why=tr(why))))
