"""From the thread that made a call to its process and name."""

from __future__ import annotations

from collections.abc import Callable

from capture.kernel.event import EventOwner

Memory = Callable[[], tuple[dict[int, int], dict[int, str]]]


class Threads:
    """Looks threads up in /proc; of those that have ended the kernel's saved names tell. One object a reading: a
    thread's number may be another's in the next."""

    def __init__(self, memory: Memory, living: Callable[[int], EventOwner | None] | None = None) -> None:
        """`living` looks a thread up: of this machine in /proc, if None."""
        self._memory = memory
        self._living = living or _living
        self._known: dict[int, EventOwner | None] = {}
        self._saved: tuple[dict[int, int], dict[int, str]] | None = None

    def owner(self, thread: int) -> EventOwner | None:
        """The process; None where nobody remembers it (or for the idle thread 0)."""
        if thread not in self._known:
            self._known[thread] = (self._living(thread) or self._ended(thread)) if thread > 0 else None
        return self._known[thread]

    def _ended(self, thread: int) -> EventOwner | None:
        if self._saved is None:
            self._saved = self._memory()
        processes, names = self._saved
        name = names.get(thread)
        if name is None:
            return None
        return EventOwner(processes.get(thread) or thread, name)


def _living(thread: int) -> EventOwner | None:
    """From /proc/THREAD/status: `Tgid` is the process, whose own comm is its name."""
    try:
        with open(f"/proc/{thread}/status", encoding="utf-8", errors="replace") as file:
            lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        process = int(lines["Tgid"])
        if process == thread:
            return EventOwner(process, lines["Name"])
        with open(f"/proc/{process}/comm", encoding="utf-8", errors="replace") as file:
            return EventOwner(process, file.read().rstrip("\n"))
    except (OSError, KeyError, ValueError):
        return None
