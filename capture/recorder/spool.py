"""A ring on disk for things with times: the newest are there, the oldest go, and it never grows beyond its bound."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

PARTS: Final = 16
"""A spool is so many files at most: the oldest goes as a whole."""
LEAST_PART: Final = 1 << 20


@dataclass(slots=True)
class _Part:
    path: str
    file: int
    size: int = 0
    written: int = 0
    """When the last entry came, on a clock that nobody sets."""
    entries: list[tuple[int, int, int, int]] = field(default_factory=list)
    """(first, last, offset, length)"""


class Spool:
    """Entries of bytes with the times of their first and last content, epoch nanoseconds. The part that went last is
    written anew: its blocks and its pages of memory are there already.

    Kept for `keep_ns` after they came (by `clock`, nanoseconds), at most `most` bytes. A disk that is full loses the
    new entry, not the program: `lost` counts such bytes, `forgotten` the entries that went before their time for want
    of room.
    """

    def __init__(
        self, folder: str, name: str, keep_ns: int, most: int, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._folder, self._name, self._clock = folder, name, clock
        self._keep, self._most = keep_ns, most
        self._part = max(LEAST_PART, most // PARTS)
        self._parts: deque[_Part] = deque()
        self._spare: _Part | None = None
        self._made = 0
        self.lost = self.forgotten = 0
        self.held = False
        """While set, nothing goes: somebody reads."""

    def append(self, first: int, last: int, data: bytes | memoryview) -> None:
        """Adds an entry and lets go of what is too old or too much."""
        now = self._clock()
        self._let_go(now)
        try:
            part = self._room_for(len(data))
            # a part is only read by its entries, so a half-written tail is never seen
            written = os.pwrite(part.file, data, part.size)
            if written != len(data):
                raise OSError("short write")
        except OSError:
            self.lost += len(data)
            return
        part.entries.append((first, last, part.size, len(data)))
        part.size += len(data)
        part.written = now

    def between(self, begin: int, end: int) -> Iterator[bytes]:
        """Entries with any content in that time, in the order in which they came."""
        for part in list(self._parts):
            for first, last, offset, length in list(part.entries):
                if last >= begin and first <= end:
                    with contextlib.suppress(OSError):
                        yield os.pread(part.file, length, offset)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(part.size for part in self._parts)

    def close(self) -> None:
        """Removes the files."""
        while self._parts:
            self._drop()
        self._remove_spare()

    def _room_for(self, length: int) -> _Part:
        if self._parts and self._parts[-1].size + length <= self._part:
            return self._parts[-1]
        if self._spare is not None:
            self._parts.append(self._spare)
            self._spare = None
        else:
            path = os.path.join(self._folder, f"{self._name}-{self._made}")
            self._made += 1
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            self._parts.append(_Part(path, file))
        return self._parts[-1]

    def _let_go(self, now: int) -> None:
        if self.held:
            return
        while len(self._parts) > 1 and self._parts[0].written < now - self._keep:
            self._drop()
        while len(self._parts) > 1 and self.size + self._part > self._most:
            self.forgotten += len(self._parts[0].entries)
            self._drop()

    def _drop(self) -> None:
        self._remove_spare()
        old = self._parts.popleft()
        self._spare = _Part(old.path, old.file)

    def _remove_spare(self) -> None:
        if self._spare is None:
            return
        os.close(self._spare.file)
        with contextlib.suppress(OSError):
            os.unlink(self._spare.path)
        self._spare = None
