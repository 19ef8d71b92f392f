"""Columns of a table: which of them fit a width, how wide each becomes, and how a text is cut to one.

Pure: nothing here knows a terminal. Widths are in terminal cells, so that a wide character counts two.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `width` is the least it is shown with; `most` how far it may grow; `rank` 0 is kept longest.

    The column is dropped whole rather than squeezed below `width`.
    """

    key: str
    title: str
    width: int
    most: int = 0
    right: bool = False
    rank: int = 0
    chart: bool = False  # a course in time: its latest end is what is kept of it


@dataclass(frozen=True, slots=True)
class Placed:
    """A column that is shown: its index in the table's columns, and its width in cells."""

    index: int
    column: Column
    width: int


def place(columns: Sequence[Column], width: int, gap: int = 1) -> tuple[Placed, ...]:
    """The columns that fit `width` cells with `gap` between them, in the table's order; growth goes to rank order."""
    chosen: list[int] = []
    left = width + gap
    for index in sorted(range(len(columns)), key=lambda i: (columns[i].rank, i)):
        if columns[index].width + gap > left:
            if chosen:
                break  # never show a lesser column in place of a greater one
            continue
        chosen.append(index)
        left -= columns[index].width + gap
    widths = {index: columns[index].width for index in chosen}
    for index in chosen:
        extra = min(left, max(0, columns[index].most - columns[index].width))
        widths[index] += extra
        left -= extra
    return tuple(Placed(index, columns[index], widths[index]) for index in sorted(chosen))


def cells(text: str) -> int:
    """How many terminal cells a text takes."""
    return len(text) if text.isascii() else sum(map(_cell, text))


@lru_cache(maxsize=4096)
def _cell(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit(text: str, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` cells: padded, or cut with a mark. A cut is always visible: a cut address is a lie."""
    taken = cells(text)
    if taken > width:
        text, taken = _cut(text, width)
    pad = " " * (width - taken)
    return pad + text if right else text + pad


def _cut(text: str, width: int) -> tuple[str, int]:
    if width < 1:
        return "", 0
    taken = 0
    for at, character in enumerate(text):
        size = 1 if character.isascii() else _cell(character)
        if taken + size > width - 1:
            return text[:at] + ELLIPSIS, taken + 1
        taken += size
    return text, taken


def wrap(text: str, width: int) -> list[str]:
    """Text broken at spaces into lines of at most `width` cells; a longer word is broken where it must be."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and cells(line) + 1 + cells(word) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
        while cells(line) > width > 0:
            at = next(i for i in range(len(line), 0, -1) if cells(line[:i]) <= width) if cells(line[:1]) <= width else 1
            lines.append(line[:at])
            line = line[at:]
    return [*lines, line] if line else lines
