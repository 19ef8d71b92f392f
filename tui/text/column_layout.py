"""Columns of a table: which of them fit a width, how wide each becomes, and how a text is cut to one.

Pure: nothing here knows a terminal. Widths are in terminal cells, so that a wide character counts two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from capture.cells import cells as cells

if TYPE_CHECKING:
    from collections.abc import Sequence

ELLIPSIS = "…"
ARROW = " → "
LEAST_NAME = 4  # cells of a name before whose it is
_HOST = re.compile(r"(?P<whose> \[[^\[\]]*\])$")
_PID = re.compile(r"\S+?(?P<whose>\[\d+\])")
OPENING = frozenset("（《【“‘「(")
CLOSING = frozenset("，。；：！？、）》】”’」…,.;:!?)%")


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `width` is what it is shown with; `most` how far it may grow; `rank` 0 is kept longest.

    A column is dropped whole rather than squeezed, but one of rank 0 is squeezed as far as `least` before it goes.
    """

    key: str
    title: str
    width: int
    most: int = 0
    right: bool = False
    rank: int = 0
    chart: bool = False  # a course in time: its latest end is what is kept of it
    least: int = 0
    hidden: bool = False  # never shown: the user chose others
    tail: bool = False  # an address: its end, with the port, is what is kept of it
    ends: bool = False  # its text holds an address
    change: bool = False  # "now → proposed": something of both is kept
    whose: bool = False  # "title [host]", "name[pid]": whose it is is kept, else different ones look the same


@dataclass(frozen=True, slots=True)
class Placed:
    """A column that is shown: its index in the table's columns, and its width in cells."""

    index: int
    column: Column
    width: int


def only(columns: Sequence[Column], names: Sequence[str]) -> tuple[Column, ...]:
    """The same columns, those that are not named hidden; the first named are kept longest where the width ends."""
    ranks = {name: rank for rank, name in enumerate(names)}
    if not ranks:
        return tuple(columns)
    return tuple(replace(one, rank=ranks.get(one.key, 0), hidden=one.key not in ranks) for one in columns)


def place(columns: Sequence[Column], width: int, gap: int = 1) -> tuple[Placed, ...]:
    """The columns that fit `width` cells with `gap` between them, in the table's order; growth goes to rank order."""
    wanted = [column.width + gap for column in columns if column.rank <= 0 and not column.hidden]
    squeezed = sum(wanted) > width + gap
    widths: dict[int, int] = {}
    left = width + gap
    for index in sorted(range(len(columns)), key=lambda i: (columns[i].rank, i)):
        column = columns[index]
        if column.hidden:
            continue
        if squeezed and column.rank > 1:
            break
        taken = column.least if squeezed and column.least else column.width
        if taken + gap > left:
            if widths:
                break  # never show a lesser column in place of a greater one
            continue
        widths[index] = taken
        left -= taken + gap
    for goal in ("width", "most"):
        for index, taken in widths.items():
            extra = min(left, max(0, getattr(columns[index], goal) - taken))
            widths[index] += extra
            left -= extra
    return tuple(Placed(index, columns[index], widths[index]) for index in sorted(widths))


def fit(text: str, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` cells: padded, or cut with a mark. A cut is always visible: a cut address is a lie."""
    taken = cells(text)
    if taken > width:
        text, taken = _cut(text, width)
    pad = " " * (width - taken)
    return pad + text if right else text + pad


def fit_tail(text: str, width: int) -> str:
    """The same for an address: its beginning is cut, at a dot or a colon where there is one, and the cut is marked.

    What stands before it (a group's count) stays whole.
    """
    before, blank, last = text.rpartition(" ")
    if blank and cells(text) > width and last.isascii() and width - cells(before) > 4:
        return before + blank + fit_tail(last, width - cells(before) - 1)
    if cells(text) <= width or not text.isascii():
        return fit(text, width)
    tail = text[len(text) - max(0, width - 1) :]
    edge = min((at for at in (tail.find("."), tail.find(":")) if at >= 0), default=0)
    return fit(ELLIPSIS + tail[edge:], width)


def fit_path(text: str, width: int) -> str:
    """A path in at most `width` cells: its beginning is cut, at a slash if there is one: names are read."""
    if cells(text) <= width:
        return text
    tail = text
    while tail and cells(tail) > width - 1:
        tail = tail[1:]
    return ELLIPSIS + tail[max(0, tail.find("/")) :]


def fit_change(text: str, width: int) -> str:
    """The same for "now → proposed": what is proposed gets at least two thirds of the room, if it needs them."""
    now, arrow, proposed = text.partition(ARROW)
    room = width - cells(ARROW)
    if not arrow or room < 6 or cells(text) <= width:
        return fit(text, width)
    before = min(cells(now), max(room // 3, room - cells(proposed)))
    return fit(now, before) + ARROW + fit(proposed, room - before)


def fit_whose(text: str, width: int) -> str:
    """The same for a title that may end in " [host]" or "name[pid]"."""
    host, pid = _HOST.search(text), _PID.fullmatch(text)
    whose = host["whose"] if host is not None else pid["whose"] if pid is not None else ""
    if cells(text) <= width or not whose or cells(whose) > (width // 2 if host is not None else width - LEAST_NAME):
        return fit(text, width)
    return fit(text[: -len(whose)], width - cells(whose)) + whose


def _cut(text: str, width: int) -> tuple[str, int]:
    if width < 1:
        return "", 0
    taken = 0
    for at, character in enumerate(text):
        size = cells(character)
        if taken + size > width - 1:
            return text[:at] + ELLIPSIS, taken + 1
        taken += size
    return text, taken


def wrap(text: str, width: int) -> list[str]:
    """Text in lines of at most `width` cells, broken at spaces and between Chinese characters; a longer word is broken
    where it must be."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        for position, piece in enumerate(_pieces(word)):
            gap = " " if line and not position else ""
            if line and cells(line) + len(gap) + cells(piece) > width:
                lines.append(line)
                line = gap = ""
            line = f"{line}{gap}{piece}"
            while cells(line) > width > 0:
                at = next((i for i in range(len(line), 0, -1) if cells(line[:i]) <= width), 1)
                lines.append(line[:at])
                line = line[at:]
    return [*lines, line] if line else lines


def _pieces(word: str) -> list[str]:
    """A word between whose pieces a line may end: at Chinese characters, but no line begins with what closes or ends
    with what opens (the rule of CLREQ, kinsoku)."""
    if word.isascii():
        return [word]
    pieces = [word[0]]
    for before, after in pairwise(word):
        breaks = (cells(before) == 2 or cells(after) == 2) and after not in CLOSING and before not in OPENING
        if breaks:
            pieces.append(after)
        else:
            pieces[-1] += after
    return pieces
