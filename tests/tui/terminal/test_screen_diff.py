"""What is written must leave the terminal as if everything had been written."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from tui.terminal.screen_diff import Cell, Shown, Thrifty, cells_of

WIDTH = 30
STYLES = [Style(), Style(bold=True), Style(color="red")]
runs = st.lists(st.tuples(st.text(alphabet="ab│漢é\u0301", max_size=8), st.sampled_from(STYLES)), max_size=6)


def line_of(parts: list[tuple[str, Style]]) -> list[Cell]:
    found = cells_of([Segment(text, style) for text, style in parts])[:WIDTH]
    return found + [(" ", STYLES[0])] * (WIDTH - len(found))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 10), runs), max_size=12))
def test_news_alone_paint_the_same_picture(updates: list[tuple[int, int, list[tuple[str, Style]]]]) -> None:
    shown = Shown()
    wanted: dict[int, list[Cell | None]] = {y: [None] * WIDTH for y in range(3)}
    painted: dict[int, list[Cell | None]] = {y: [None] * WIDTH for y in range(3)}
    for y, x, parts in updates:
        new = line_of(parts)[: WIDTH - x]
        wanted[y][x : x + len(new)] = new
        for column, stretch in shown.news(y, x, new):
            painted[y][column : column + len(stretch)] = stretch
    assert painted == wanted


def update_of(text: str) -> LayoutUpdate:
    return LayoutUpdate([[Strip([Segment(text, STYLES[1])])]], Region(0, 0, len(text), 1))


def test_the_same_again_costs_nothing() -> None:
    console = Console(file=io.StringIO(), color_system="256", force_terminal=True)
    shown = Shown()
    first = Thrifty(update_of("connections 1/128      "), shown).render_segments(console)
    assert "connections 1/128" in first
    assert Thrifty(update_of("connections 1/128      "), shown).render_segments(console) == ""
    news = Thrifty(update_of("connections 2/128      "), shown).render_segments(console)
    assert "2" in news
    assert "connections" not in news
    shown.forget()
    assert "connections" in Thrifty(update_of("connections 2/128      "), shown).render_segments(console)
