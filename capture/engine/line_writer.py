"""Lines of text for many rows of columns, written by the engine: what rows share is given once, their numbers are in
columns."""

from __future__ import annotations

import ctypes
from enum import IntEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from capture.engine.library import library

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    Records = npt.NDArray[Any]

ROOM = 1 << 18
"""Bytes that are written at once; more where one line needs it. Of larger pieces the allocator gives each back to the
system, and takes it anew a page at a time: that took as long as writing did."""


class Kind(IntEnum):
    """What a step of a line writes: lines.h has the same numbers."""

    TEXT = 0
    NUMBER = 1
    SECONDS = 2
    MILLISECONDS = 3
    ADDRESS = 4
    FIRST = 5
    WORD = 6
    GIVEN = 7


class Field(Struct, frozen=True):
    """A number of a row, and how it is written. `words`: what `LineWriter.words` gave."""

    kind: Kind
    column: int
    words: int = 0


class LineWriter:
    """Lines of a few shapes. What is given to it stays where it is for as long as the writer lives."""

    def __init__(self, separator: bytes) -> None:
        self._call, self._structs = library().call, library().structs
        self._separator = separator
        self._kept: list[Any] = []  # what addresses point into
        self._columns: list[tuple[int, int, int, int]] = []
        self._steps: list[tuple[int, int, int, int]] = []
        self._begins = [0]  # of the steps of each shape
        self._made: tuple[Records, Records] | None = None  # both as records
        self._room = ROOM
        self._last = b""

    def column(self, values: Records) -> int:
        """The number of a column of integers, one a row. None of four bytes may be negative."""
        self._kept.append(values)
        self._columns.append((values.ctypes.data, values.strides[0], values.itemsize, 0))
        return len(self._columns) - 1

    def column_by_place(self) -> int:
        """The number of a column that each call of `lines` gives anew."""
        self._columns.append((0, 0, 0, 1))
        return len(self._columns) - 1

    def words(self, texts: Sequence[str]) -> int:
        """What the words of a column are found by."""
        whole, table = _table(texts)
        self._kept += [whole, table]
        return int(table.ctypes.data)

    def table(self, texts: Sequence[str]) -> Records:
        """Words as records, for a column of them, until the next call of `table`."""
        self._last, table = _table(texts)
        return table

    def shape(self, parts: Iterable[str | Field]) -> int:
        """The number of a shape: texts, and numbers between them."""
        for is_text, run in groupby(parts, lambda part: isinstance(part, str)):
            if is_text:
                text = "".join(map(str, run)).encode()
                self._kept.append(text)
                self._steps.append((Kind.TEXT, 0, _address(text), len(text)))
            else:
                fields = (part for part in run if isinstance(part, Field))
                self._steps.extend((field.kind, field.column, field.words, 0) for field in fields)
        self._begins.append(len(self._steps))
        self._made = None
        return len(self._begins) - 2

    def lines(
        self, rows: npt.NDArray[np.int64], shapes: npt.NDArray[np.uint32], by_place: dict[int, Records]
    ) -> Iterator[bytes]:
        """A line of each row, in its shape, a separator before each; in pieces. `by_place`: of such columns, (m,)."""
        columns = np.array(self._columns, self._structs["line_column"])
        for number, values in by_place.items():
            columns[number] = (values.ctypes.data, values.strides[0], values.itemsize, 1)
        if self._made is None:
            self._made = np.array(self._steps, self._structs["line_step"]), np.array(self._begins, np.uint32)
        steps, begins = self._made
        at, done, used = 0, 0, ctypes.c_uint64()
        while at < len(rows):
            out = np.empty(self._room, np.uint8)
            rest = columns.copy()
            rest["at"] += (columns["by_place"] * at * columns["stride"]).astype(np.uint64)
            done = int(
                self._call.lines_write(
                    *(steps.ctypes.data, begins.ctypes.data, rest.ctypes.data, self._separator),
                    *(rows[at:].ctypes.data, shapes[at:].ctypes.data, len(rows) - at),
                    *(out.ctypes.data, len(out), ctypes.byref(used)),
                )
            )
            at += done
            if done:
                yield out[: used.value].tobytes()
            else:
                self._room *= 2


def _table(texts: Sequence[str]) -> tuple[bytes, Records]:
    """The words' bytes, and records that point into them."""
    encoded = [text.encode() for text in texts]
    whole = b"".join(encoded)
    table = np.zeros(len(encoded), library().structs["line_word"])
    table["size"] = sizes = np.fromiter(map(len, encoded), np.uint64, len(encoded))
    table["at"] = np.uint64(_address(whole)) + np.cumsum(sizes) - sizes
    return whole, table


def _address(text: bytes) -> int:
    """Where its bytes are: b"" is somewhere, too."""
    return ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p).value or 0
