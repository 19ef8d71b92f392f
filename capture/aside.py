"""Work done by a second process, beside what this one does meanwhile.

numpy on two threads gains little where each step takes microseconds: the interpreter's lock changes hands all the time.
A forked child sees all that this process holds without a copy, and hands its arrays back in memory files, which are
mapped here and given back to the system one by one as they are dropped.
"""

from __future__ import annotations

import mmap
import os
import pickle
import select
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
PATIENCE_S = 0.05  # between two calls of `waiting`
_MOST_FILES = 200  # of one answer: the kernel passes 253 at once
_ALONE = 1 << 16  # bytes of an array from which on it has a memory file of its own


def possible() -> bool:
    """Whether a second process can be had, and pays: Linux, two cores, and no thread that may hold a lock."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return False
    return len(os.sched_getaffinity(0)) > 1


class Aside(Generic[T]):
    """The result of `work`, which a child computes; it must be picklable."""

    def __init__(self, pid: int, answers: socket.socket) -> None:
        self._pid, self._answers = pid, answers

    @classmethod
    def start(cls, work: Callable[[], T]) -> Aside[T] | None:
        """Begin; None where no second process can be had."""
        if not possible():
            return None
        try:
            here, there = socket.socketpair()
        except OSError:
            return None
        try:
            pid = os.fork()
        except OSError:
            here.close()
            there.close()
            return None
        if pid == 0:
            here.close()
            _live(work, there)
        there.close()
        return cls(pid, here)

    def result(self, waiting: Callable[[], None] = lambda: None) -> T | None:
        """What came of it; None where the child failed, or this process has no room for it.

        Meanwhile `waiting` is called, and may raise.
        """
        answered = select.poll()  # select() knows no descriptor above 1023
        answered.register(self._answers, select.POLLIN)
        while not answered.poll(PATIENCE_S * 1000):
            waiting()
        head, files, flags, _ = socket.recv_fds(self._answers, 16, _MOST_FILES)
        try:
            if not head or flags & socket.MSG_CTRUNC:  # it failed, or this process may not open so many files
                return None
            data, *buffers = [_mapped(file) for file in files]
            result: T = pickle.loads(data, buffers=buffers)
            return result
        except OSError:  # nor map as much
            return None
        finally:
            for file in files:
                os.close(file)

    def close(self) -> None:
        """End the child, whatever it does."""
        self._answers.close()
        try:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        except (ProcessLookupError, ChildProcessError):  # who started this process lets it ignore its children's ends
            return


def _live(work: Callable[[], object], answers: socket.socket) -> None:
    """The child's life: work, answer, leave; nothing of the parent's (buffers, handlers) must run here."""
    try:
        import resource  # not everywhere, as little as fork

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it may die of a file that is cut off, and then quietly
        buffers: list[pickle.PickleBuffer] = []

        def apart(buffer: pickle.PickleBuffer) -> bool:
            """Whether a buffer stays in the pickle."""
            alone = buffer.raw().nbytes >= _ALONE and len(buffers) < _MOST_FILES - 1
            if alone:
                buffers.append(buffer)
            return not alone

        data = pickle.dumps(work(), 5, buffer_callback=apart)
        files = [_memory_file(raw) for raw in (memoryview(data), *(buffer.raw() for buffer in buffers))]
        socket.send_fds(answers, [b"done"], files)
    except BaseException:  # the parent does the work itself, and meets the same error with a terminal to tell it
        os._exit(1)
    os._exit(0)


def _memory_file(raw: memoryview) -> int:
    file = os.memfd_create("tcptriage")
    done = 0
    while done < len(raw):
        done += os.write(file, raw[done:])
    return file


def _mapped(file: int) -> mmap.mmap:
    return mmap.mmap(file, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
