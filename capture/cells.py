"""Columns of text on a terminal: Chinese characters take two cells, combining ones none (Unicode TR 11)."""

from __future__ import annotations

from functools import lru_cache
from unicodedata import category, combining, east_asian_width


def cells(text: str) -> int:
    """How many columns a text takes."""
    return len(text) if text.isascii() else sum(map(_cell, text))


@lru_cache(maxsize=4096)
def _cell(one: str) -> int:
    if combining(one) or category(one) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(one) in "WF" else 1


def left(text: str, width: int) -> str:
    """A text at the left of a column of so many cells."""
    return text + " " * (width - cells(text))


def right(text: str, width: int) -> str:
    """A text at the right of a column of so many cells."""
    return " " * (width - cells(text)) + text


def centred(text: str, width: int, fill: str = " ") -> str:
    """A text in the middle of a column; what is odd goes to the right, as str.center of a format does."""
    room = max(0, width - cells(text))
    return fill * (room // 2) + text + fill * (room - room // 2)
