"""Bytes of a source in large windows, the next one read by a thread while this one is decoded."""

from __future__ import annotations

import threading
from queue import SimpleQueue

from capture.wire.source import Source

PAD = 256  # bytes after the data that may be looked at, never believed
FIRST = 1 << 20  # a small first window, so that first rows show at once
WINDOW = 16 << 20
HEADROOM = WINDOW + (1 << 20)  # for the end of the last window: an unfinished record


class Feed:
    """A window `buffer[start:end]` over a source; `base + i` is the file offset of `buffer[i]`.

    `final` says that nothing comes after this window. Memory: at most two windows with headroom, of which only what
    was written to is ever resident.
    """

    def __init__(self, source: Source, prefix: bytes, follow: bool = False) -> None:
        self._source = source
        small = source.total is not None and source.total <= FIRST
        self.buffer = bytearray(prefix)
        self.start, self.end, self.base = 0, len(prefix), 0
        self.final = False
        self._windows = 0
        self._wanted = 0
        self._small = small
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
        self._windows += 1
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
        if self._small and self._source.total is not None:
            self._wanted = self._source.total * (1 if self._windows else 8) + 64  # packed: it may come to more
            self._wanted = min(self._wanted, FIRST)
        buffer = bytearray(kept + self._wanted + PAD)
        return buffer, kept, self._source.fill(memoryview(buffer)[kept : kept + self._wanted])

    def _read_ahead(self, old: bytearray) -> None:
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
