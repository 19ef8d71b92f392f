"""Log files read as they grow: through rotation, truncation, absence and return."""

from __future__ import annotations

import os
import stat
from typing import Final

LONGEST_LINE: Final = 64 << 10
A_READ: Final = 1 << 20
"""Bytes taken at once; a log that grows faster is read in the next turn."""
FARTHEST_BEHIND: Final = 8 << 20
"""What lies so far back is not read any more: it would be reported when the packets that belong to it are gone."""
LOOKS_GONE: Final = 10
"""Turns that a file may be away, as between the two steps of a rotation, before that is said."""


class LogFollower:
    """New lines of one file from its end at the start on. A file that is not there yet is waited for."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file: int | None = None
        self._identity: tuple[int, int] | None = None
        self._rest = b""
        self._passing = False
        self._gone = 0
        self.skipped = 0
        """Bytes that were passed over, for the log grew faster than it was read."""
        self.trouble = ""
        """Why the file cannot be read now; empty where it is."""
        self._open(at_end=True)

    def lines(self) -> list[str]:
        """The whole lines since the last call; of a longer line than LONGEST_LINE the beginning."""
        found = self._read()
        if self._moved():
            found += self._read()  # what came before it was moved
            self._close()
            self._open(at_end=False)
            found += self._read()
        return found

    def close(self) -> None:
        """Gives the descriptor back."""
        self._close()

    def _open(self, *, at_end: bool) -> None:
        try:
            self._file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            status = os.fstat(self._file)
        except OSError as error:
            self.trouble = f"{self.path}: {error.strerror}"
            self._file = None
            return
        if not stat.S_ISREG(status.st_mode):  # in containers the log's name often leads to the engine's pipe
            self.trouble = f"{self.path}: no regular file: what is written there cannot be read twice"
            self._close()
            return
        self.trouble = ""
        self._identity = (status.st_dev, status.st_ino)
        self._rest, self._passing = b"", False
        if at_end:
            os.lseek(self._file, 0, os.SEEK_END)

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _moved(self) -> bool:
        """Another file has the name now, or this one was cut: then it is read from its beginning."""
        if self._file is None:
            return True
        try:
            status = os.stat(self.path)
        except OSError as error:
            self._gone += 1
            if self._gone >= LOOKS_GONE:
                self.trouble = f"{self.path}: {error.strerror}"
            return False  # moved away, and the new one is not there yet
        if self._gone:
            self._gone, self.trouble = 0, ""
        if (status.st_dev, status.st_ino) != self._identity:
            return True
        return status.st_size < os.lseek(self._file, 0, os.SEEK_CUR)

    def _catch_up(self, file: int) -> None:
        behind = os.fstat(file).st_size - os.lseek(file, 0, os.SEEK_CUR)
        if behind > FARTHEST_BEHIND:
            os.lseek(file, behind - A_READ, os.SEEK_CUR)
            self.skipped += behind - A_READ
            self._rest, self._passing = b"", True  # it begins in the middle of a line

    def _read(self) -> list[str]:
        if self._file is None:
            return []
        try:
            self._catch_up(self._file)
            data = os.read(self._file, A_READ)
        except OSError as error:
            self.trouble = f"{self.path}: {error.strerror}"
            return []
        if not data:
            return []
        *whole, rest = (self._rest + data).split(b"\n")
        if self._passing and whole:
            whole, self._passing = whole[1:], False
        if len(rest) > LONGEST_LINE:
            if not self._passing:
                whole.append(rest[:LONGEST_LINE])
            rest, self._passing = b"", True
        self._rest = rest
        return [line[:LONGEST_LINE].decode("utf-8", "replace").rstrip("\r") for line in whole]
