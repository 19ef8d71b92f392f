"""Standard input that is a capture: kept by another descriptor, so that the terminal can send keys by its own."""

from __future__ import annotations

import os
from contextlib import suppress


class StandardInput:
    """A capture that comes in by a pipe, and the files that hold what has come."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._spooled: list[str] = []

    @classmethod
    def moved_aside(cls) -> StandardInput:
        """Give its place to the terminal. Raises OSError where there is no terminal to ask for keys."""
        terminal = os.open("/dev/tty", os.O_RDWR)
        moved = cls(os.dup(0))
        os.dup2(terminal, 0)
        os.close(terminal)
        return moved

    def hold(self, path: str) -> None:
        """A file holds what has come; it goes when the program ends."""
        self._spooled.append(path)

    def remove(self) -> None:
        """Remove those files."""
        for path in self._spooled:
            with suppress(OSError):
                os.unlink(path)
