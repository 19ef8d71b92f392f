"""Batches rendered by two processes in turns: this one the even, a forked one the odd.

A forked child sees all columns without a copy. A batch fits the pipe between them, so that the child renders its next
one while this process renders its own. Where the child fails, its batches are rendered here.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIPE_BYTES = 1 << 20
FEW = 8  # batches that are rendered sooner than a second process begins
_LENGTH = struct.Struct("=Q")


def possible() -> bool:
    """Whether a second process can be had, and pays: Linux, two cores, and no thread that may hold a lock."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return False
    return len(os.sched_getaffinity(0)) > 1


def rendered(batches: int, render: Callable[[int], bytes]) -> Iterator[bytes]:
    """`render(0)`, `render(1)`, … `render(batches - 1)`, in order; `render` must not depend on having run before."""
    child = _Child.started(batches, render) if batches >= FEW and possible() else None
    try:
        for batch in range(batches):
            piece = child.next_piece() if child is not None and batch % 2 else None
            yield render(batch) if piece is None else piece
    finally:
        if child is not None:
            child.end()


class _Child:
    """The other process and the pipe from it."""

    def __init__(self, pid: int, pipe: int) -> None:
        self.pid, self.pipe = pid, os.fdopen(pipe, "rb", buffering=0)

    @classmethod
    def started(cls, batches: int, render: Callable[[int], bytes]) -> _Child | None:
        try:
            reading, writing = os.pipe()
        except OSError:
            return None
        try:
            pid = os.fork()
        except OSError:
            os.close(reading)
            os.close(writing)
            return None
        if pid == 0:
            os.close(reading)  # or this end would never see that the other one has gone
            _work(writing, batches, render)
        os.close(writing)
        return cls(pid, reading)

    def next_piece(self) -> bytes | None:
        """The child's next batch; None where it has failed."""
        head = self._read(_LENGTH.size)
        return self._read(_LENGTH.unpack(head)[0]) if head is not None else None

    def _read(self, size: int) -> bytes | None:
        piece = bytearray(size)
        view = memoryview(piece)
        while len(view):
            got = self.pipe.readinto(view)
            if not got:
                return None
            view = view[got:]
        return bytes(piece)

    def end(self) -> None:
        self.pipe.close()  # a child that still writes gets EPIPE and ends
        with suppress(ChildProcessError):  # who started this process lets it ignore its children's ends
            os.waitpid(self.pid, 0)


def _work(pipe: int, batches: int, render: Callable[[int], bytes]) -> None:
    """The child's life: render, write, leave; nothing of the parent's (buffers, handlers) must run here."""
    try:
        _enlarge(pipe)
        for batch in range(1, batches, 2):
            piece = render(batch)
            view = memoryview(_LENGTH.pack(len(piece)) + piece)
            while len(view):
                view = view[os.write(pipe, view) :]
    except BaseException:  # the parent renders what is missing, and meets the same error with a terminal to tell it
        os._exit(1)
    os._exit(0)


def _enlarge(pipe: int) -> None:
    """Let the pipe hold a whole batch where the system allows it."""
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except (OSError, AttributeError):
        return
