"""From the thread that made a call to its process and name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from capture.kernel.event import EventOwner

LONGEST: Final = 64
"""Of a name: another host's kernel may send any text."""
Memory = Callable[[str], str]
"""The text of `saved_cmdlines` (thread, comm) or `saved_tgids` (thread, process): a line each, tens of thousands; empty
where there is none. Searched and not taken apart: few threads are asked for."""


class Threads:
    """Looks threads up in /proc; of those that have ended the kernel's saved names tell. One object a reading: a
    thread's number may be another's in the next."""

    def __init__(self, memory: Memory, living: Callable[[int], EventOwner | None] | None = None) -> None:
        """`living` looks a thread up: of this machine in /proc, if None."""
        self._memory = memory
        self._living = living or _living
        self._known: dict[int, EventOwner | None] = {}
        self._saved: dict[str, str] = {}

    def owner(self, thread: int) -> EventOwner | None:
        """The process; None where nobody remembers it (or for the idle thread 0)."""
        if thread not in self._known:
            self._known[thread] = (self._living(thread) or self._ended(thread)) if thread > 0 else None
        return self._known[thread]

    def _ended(self, thread: int) -> EventOwner | None:
        name = self._remembered("saved_cmdlines", thread)
        if name is None:
            return None
        process = self._remembered("saved_tgids", thread) or ""
        return EventOwner(int(process) if process.isdigit() and int(process) else thread, name)

    def _remembered(self, table: str, thread: int) -> str | None:
        if table not in self._saved:
            self._saved[table] = "\n" + self._memory(table)
        text, head = self._saved[table], f"\n{thread} "
        at = text.find(head)
        return None if at < 0 else text[at + len(head) : at + len(head) + LONGEST].partition("\n")[0]


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
