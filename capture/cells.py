"""Columns of text on a terminal: Chinese characters take two cells, combining ones none (Unicode TR 11)."""

from __future__ import annotations

from unicodedata import combining, east_asian_width


def cells(text: str) -> int:
    """How many columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)


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
