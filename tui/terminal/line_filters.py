"""The last step before the terminal: no characters beyond ASCII, or no colours, where the terminal asks for it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.filter import LineFilter

from capture.language import chosen
from tui.text.column_layout import cells

if TYPE_CHECKING:
    from textual.color import Color

_PLAIN = {
    **dict.fromkeys("─━╌┄═▔▁▂▃", "-"),
    **dict.fromkeys("│┃║▏▎▍▌▐▕┊", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛╔╗╚╝╤╧", "+"),
    **dict.fromkeys("█▇▆▅▄▉▊▋▀", "#"),
    "┈": ".",
    "┆": ":",
    "…": "~",
    "▶": ">",
    "►": ">",
    "◀": "<",
    "◄": "<",
    "▲": "^",
    "▼": "v",
    "·": ".",
    "•": "*",
    "●": "*",
    "○": "o",
    "✓": "+",
    "✗": "x",
    "≥": ">",
    "≤": "<",
    "→": ">",
    "←": "<",
    "×": "x",
    "–": "-",
    "—": "-",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "µ": "u",
    "■": "#",
    "▸": ">",
    "▾": "v",
    "★": "*",
    "↶": "<",
    "↕": "|",
    "≡": "=",
    "↑": "^",
    "↓": "v",
    "⟩": ">",
    "⚠": "!",
    "∞": "8",
}


@lru_cache(maxsize=4096)
def ascii_of(text: str, wide: bool = False) -> str:
    """`text` in ASCII and in as many cells as before. `wide`: Chinese stays, whose width no terminal doubts."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() or (wide and cells(c) == 2) else _PLAIN.get(c, "?" * cells(c)) for c in text)


class AsciiOnly(LineFilter):
    """Every character beyond ASCII by its nearest one; of Chinese screens but for the Chinese."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Runs on each line of the screen."""
        wide = chosen() == "zh"
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(ascii_of(segment.text, wide), segment.style)
            for segment in segments
        ]


class NoColours(LineFilter):
    """Colours left out; bold, reverse and underline stay (https://no-color.org)."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Runs on each line of the screen."""
        return [
            Segment(segment.text, _without_colour(segment.style)) if segment.style else segment for segment in segments
        ]


@lru_cache(maxsize=1024)
def _without_colour(style: Style) -> Style:
    return style.without_color
