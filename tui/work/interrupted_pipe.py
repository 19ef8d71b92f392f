"""Ctrl-C while a pipe is read: the first ends what sends into it, and what came is still worth a report."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupt:
    """Whether Ctrl-C was pressed."""

    def __init__(self) -> None:
        self._pressed = False

    @property
    def pressed(self) -> bool:
        """It was, once; the next one leaves."""
        return self._pressed

    def press(self) -> None:
        """It is now."""
        self._pressed = True


@contextmanager
def first_interrupt_noted() -> Iterator[Interrupt]:
    """The first Ctrl-C within is only noted; the second raises KeyboardInterrupt, as ever.

    `tcpdump … | tcptriage report -`: the terminal sends Ctrl-C to both. tcpdump writes out what it holds and ends, and
    so ends the pipe; its reader must outlive it.
    """
    noted = Interrupt()
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield noted
        return

    def note(_number: int, _frame: object) -> None:
        noted.press()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)
