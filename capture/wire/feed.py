"""Bytes of a capture in large windows: read where they are needed, or ahead by a thread where they only stream."""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue
from typing import Protocol

from capture import kernels
from capture.wire.source import PlainSource, Source

Buffer = bytearray

PAD = 256  # bytes after the data that may be looked at, never believed
FIRST = 1 << 20  # a small first window, so that first rows show at once
WINDOW = (16 if kernels.KERNELS is None else 4) << 20  # numpy wants long columns; a loop, its bytes in the cache
AHEAD = 32 << 20  # bytes that the kernel is asked to read ahead, again and again after half of them
HEADROOM = WINDOW + (1 << 20)  # for the end of the last window: an unfinished record


class Feed(Protocol):
    """A window `buffer[start:end]` over a capture; `base + i` is the file offset of `buffer[i]`.

    `final` says that nothing comes after this window. At least PAD bytes after `end` may be looked at.
    """

    buffer: Buffer
    start: int
    end: int
    base: int
    final: bool

    def advance(self, keep_from: int) -> bool:
        """Replace the window by the next one, which begins with `buffer[keep_from:end]`. False where nothing came."""
        ...

    def close(self) -> None:
        """Give the source back."""
        ...


def feed_of(source: Source) -> Feed:
    """Windows over a source; the first is there after one `advance(0)`."""
    if isinstance(source, PlainSource) and source.total is not None and source.total > 4 * FIRST:
        return FileFeed(source)
    return StreamFeed(source)


class FileFeed:
    """Windows of a large file, read at their offsets into one buffer.

    Not mapped: a page that another program cuts off meanwhile would kill the process that looks at it (SIGBUS).
    """

    def __init__(self, source: PlainSource) -> None:
        self._source = source
        self.buffer: Buffer = bytearray(PAD)
        self.start, self.end, self.base = 0, 0, 0
        self.final = False
        self._upto = self._advised = 0

    def advance(self, keep_from: int) -> bool:
        """Replace the window by the next one, which begins with `buffer[keep_from:end]`. False where nothing came."""
        if self.final:
            return False
        begin, before = self.base + keep_from, self._upto
        self._read(begin, before + (WINDOW if before else FIRST) - begin)
        self._upto = self._source.position = self.base + self.end
        if not self.final:
            self.announce(self._upto)
        return self._upto > before

    @property
    def fileno(self) -> int:
        """The file, to be read elsewhere."""
        return self._source.fileno

    def announce(self, upto: int) -> None:
        """Bytes up to this one were read: the kernel may fetch those that follow."""
        self._source.position = upto
        if upto >= self._advised and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._source.fileno, upto, AHEAD, os.POSIX_FADV_WILLNEED)
            self._advised = upto + AHEAD // 2

    def go_to(self, offset: int) -> None:
        """Let the window begin at a byte of the file: what comes before it was read elsewhere."""
        self.start, self.end, self.base, self._upto = 0, 0, offset, max(offset, 1)
        self.final = False
        self.advance(0)

    def _read(self, begin: int, wanted: int) -> None:
        if len(self.buffer) < wanted + PAD:
            self.buffer = bytearray(max(wanted, HEADROOM if wanted > FIRST else FIRST) + PAD)
        got = self._source.read_at(memoryview(self.buffer)[:wanted], begin)
        self.base, self.start, self.end, self.final = begin, 0, got, got < wanted

    def close(self) -> None:
        """Give the source back."""
        self._source.close()


class StreamFeed:
    """Windows of what can only be read on: pipes, packed files, and small ones.

    At most two windows with headroom are held, of which only what was written to is ever resident.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.buffer: Buffer = bytearray(PAD)
        self.start, self.end, self.base = 0, 0, 0
        self.final = False
        self._wanted = 0
        self._thread: threading.Thread | None = None
        self._asked: SimpleQueue[tuple[bytearray, int, int] | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[bytearray, int, int, BaseException | None]] = SimpleQueue()
        self._ahead = False

    def advance(self, keep_from: int) -> bool:
        """Replace the window by the next one, which begins with `buffer[keep_from:end]`. False where nothing came."""
        if self.final:
            return False
        kept = memoryview(self.buffer)[keep_from : self.end]
        buffer, begin, got = self._next(len(kept))
        if len(kept) > begin:  # more than the headroom holds
            joined = bytearray(len(kept) + got + PAD)
            joined[len(kept) : len(kept) + got] = memoryview(buffer)[begin : begin + got]
            buffer, begin = joined, len(kept)
        start = begin - len(kept)
        buffer[start:begin] = kept
        self.base += keep_from - start
        old, self.buffer = self.buffer, buffer
        self.start, self.end = start, begin + got
        del kept
        self.final = self.final or got < self._wanted
        if not self.final:
            self._read_ahead(old)
        return got > 0

    def close(self) -> None:
        """Stop reading ahead and give the source back."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join()
            self._thread = None
        self._source.close()

    def _next(self, kept: int) -> tuple[bytearray, int, int]:
        if self._ahead:
            self._ahead = False
            buffer, begin, got, error = self._answers.get()
            if error is not None:
                raise error
            return buffer, begin, got
        self._wanted = FIRST
        if self._source.total is not None:
            self._wanted = min(FIRST, 16 * self._source.total + 64)  # packed, it may come to more
        buffer = bytearray(kept + self._wanted + PAD)
        return buffer, kept, self._source.fill(memoryview(buffer)[kept : kept + self._wanted])

    def _read_ahead(self, old: Buffer) -> None:
        self._wanted = WINDOW
        whole = HEADROOM + WINDOW + PAD
        buffer = old if len(old) == whole else bytearray(whole)  # what was kept of it has been copied
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="capture-read-ahead", daemon=True)
            self._thread.start()
        self._asked.put((buffer, HEADROOM, WINDOW))
        self._ahead = True

    def _run(self) -> None:
        while (asked := self._asked.get()) is not None:
            buffer, begin, wanted = asked
            try:
                got = self._source.fill(memoryview(buffer)[begin : begin + wanted])
            except BaseException as error:  # handed over: raised where the window is asked for
                self._answers.put((buffer, begin, 0, error))
            else:
                self._answers.put((buffer, begin, got, None))
