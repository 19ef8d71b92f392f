from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from tui.terminal.line_filters import AsciiOnly, NoColours, ascii_of
from tui.text.column_layout import cells

BLACK = Color(0, 0, 0)


def test_every_character_becomes_ascii_in_the_same_cells() -> None:
    text = "│── SYN ──▶│ 漢字 ≥3s … ▁▂█"
    assert ascii_of(text).isascii()
    assert cells(ascii_of(text)) == cells(text)
    assert ascii_of("│──▶│") == "|-->|"


def test_filters_keep_what_is_not_theirs() -> None:
    style = Style(color="red", bold=True, reverse=True)
    (segment,) = NoColours().apply([Segment("x", style)], BLACK)
    assert segment.style is not None
    assert segment.style.color is None
    assert segment.style.bold
    assert segment.style.reverse
    (plain,) = AsciiOnly().apply([Segment("é", style)], BLACK)
    assert plain.text == "?"
    assert plain.style is style
