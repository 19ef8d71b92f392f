"""The looks of the live screen written to a file while they come, to be opened again by its name."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

from capture.sockets.recordings.recording import Recorder

if TYPE_CHECKING:
    from capture.sockets.snapshot import Snapshot


class LooksFile:
    """Written by the worker, ended by the screen. `trouble` says why it ended by itself; what was written stays."""

    def __init__(self, path: str, overwrite: bool = False) -> None:
        """Raises OSError; FileExistsError where there is a file and `overwrite` is not set."""
        self.path = path
        self.trouble = ""
        self._recorder: Recorder | None = Recorder(path, overwrite)
        self._lock = threading.Lock()
        self.looks = 0

    def write(self, snapshot: Snapshot) -> None:
        """One look; nothing after the end."""
        with self._lock:
            if self._recorder is None:
                return
            try:
                self._recorder.write(snapshot)
                self.looks += 1
            except OSError as error:
                self.trouble = error.strerror or str(error)
                self._end()

    def close(self) -> None:
        """No more looks. Raises nothing: what could not be written is `trouble`."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            try:
                recorder.close()
            except OSError as error:
                self.trouble = self.trouble or error.strerror or str(error)


def free_name() -> str:
    """A name for a new recording: of which host and when."""
    host = "".join(one if one.isalnum() or one in "-_" else "-" for one in socket.gethostname())[:40]
    return f"{host}-{time.strftime('%Y%m%d-%H%M%S')}.looks.gz"
