"""A log, or pasted lines, read in a worker: lines as they are found, progress, and an end when it is asked for."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capture.packing_magic import GZIP, ZSTD
from tui.rows.explained_lines import Line, summary_line, table_rows
from tui.rows.log_lines import MOST_KEPT, Counts, MatchedLine, pasted_lines

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_S = 0.5
MANY_PASTED = 200
"""Lines of a paste from which on it is read like a file: by the literals of the rules, not line by line."""


@dataclass(frozen=True, slots=True)
class LogProgress:
    """How far the reading is. `size` is the file's, None where it is packed or comes by a pipe."""

    done: int
    size: int | None
    lines: int

    @property
    def share(self) -> float | None:
        """0 to 1."""
        return min(1.0, self.done / self.size) if self.size else None


class LogReading:
    """One reading. `matched`, `counts` and `first` grow while it runs: others read them, and never write."""

    def __init__(self, text: str, path: str | None, progress: Callable[[LogProgress], None]) -> None:
        self._text, self._path, self._progress = text, path, progress
        self._last = 0.0
        self.stopped = False
        self.matched: list[MatchedLine] = []
        self.counts = Counts()
        self.first: list[Line] = []
        self.lines = 0

    def stop(self) -> None:
        """End with what is there."""
        self.stopped = True

    def run(self) -> None:
        """Read to the end, or until it is stopped. Raises LogUnreadable."""
        path = self._path or _as_file(self._text)
        if path is None:
            tables, matched = pasted_lines(self._text)
            self.first = tables
            for one in matched:
                self._take(one)
            self.lines = self._text.count("\n") + 1
            return
        self._read(path)

    def _read(self, path: str) -> None:
        from playbooks.explain_report import Explanation, explain_logs

        size = plain_size(path)

        def read(done: int, lines: int) -> None:
            self.lines = lines
            if time.monotonic() - self._last >= EVERY_S:
                self._last = time.monotonic()
                self._progress(LogProgress(done, size, lines))

        explanation = explain_logs([path], read)
        for line in explanation.lines:
            if line.explained is not None:
                self._take(MatchedLine(line.number, line.text, line.explained, line.entry, line.near))
            if self.stopped:
                break
        self.lines = explanation.summary.lines
        tables = [row for _, table in explanation.tables for row in table_rows(table)]
        whole = Explanation((), explanation.summary, (path,))
        self.first = [*summary_line(whole, self.counts.lines, len(self.matched)), *tables]

    def _take(self, one: MatchedLine) -> None:
        self.counts.add(one)
        if len(self.matched) < MOST_KEPT:
            self.matched.append(one)


def _as_file(text: str) -> str | None:
    """Where many pasted lines lie, readable by the user alone; None of few, and where nothing can be written."""
    from tui.terminal.clipboard import to_file

    if text.count("\n") + text.count("\r") < MANY_PASTED:
        return None
    path = to_file(text, name="pasted.log")
    return None if path is None else str(path)


def plain_size(path: str) -> int | None:
    """Bytes of a log that is not packed; None of one that is, of a pipe, or of what cannot be asked."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None  # opening a pipe would take from it
        with open(path, "rb") as file:
            packed = file.read(4).startswith((GZIP, ZSTD))
            return None if packed else os.fstat(file.fileno()).st_size or None
    except OSError:
        return None
