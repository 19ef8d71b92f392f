"""What is written looks, on a terminal, as if each cell had been written whole."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.style import Style

from tui.terminal.escape_writing import RESET, Cell, Pen, blank, runs_of
from tui.terminal.screen_diff import Shown

WIDTH, HEIGHT = 40, 4
STYLES = [
    Style(color="red", bgcolor="#102030"),
    Style(color="green", bgcolor="#102030", bold=True),
    Style(bgcolor="#405060"),
    Style(reverse=True, color="red", bgcolor="#102030"),
    Style(underline=True, bgcolor="#102030"),
    Style(bold=True, italic=True, bgcolor="#102030"),
    Style(dim=True),
    Style(),
    None,
]
texts = st.text(alphabet="ab─ ", min_size=1, max_size=14) | st.sampled_from([" " * 12, "─" * 12, "x" * 12])
runs = st.lists(st.tuples(texts, st.sampled_from(STYLES)), max_size=8)


def cells_of_runs(parts: list[tuple[str, Style | None]]) -> list[Cell]:
    return [(one, blank(style) if one == " " else style) for text, style in parts for one in text][:WIDTH]


class Paper:
    """Lines of a terminal that knows CUP, CHA, ECH, EL, REP and SGR, and fills what it erases with its background."""

    def __init__(self) -> None:
        blank_line = [(" ", frozenset[str](), "", "")] * WIDTH
        self.lines = [list(blank_line) for _ in range(HEIGHT)]
        self.at = self.row = 0
        self.attributes: frozenset[str] = frozenset()
        self.fore = self.back = ""
        self.last = ""

    def put(self, text: str) -> None:
        assert self.at < WIDTH, "written behind the end of the line"
        self.lines[self.row][self.at] = (text, self.attributes, self.fore, self.back)
        self.at += 1
        self.last = text

    def feed(self, written: str) -> None:
        for number, final, text in re.findall(r"\x1b\[([\d;]*)([A-Za-z])|([^\x1b])", written):
            if text == "\r":
                self.at = 0
            elif text == "\n":
                self.row += 1
                assert self.row < HEIGHT, "the screen would scroll"
            elif text:
                self.put(text)
            elif final == "H":
                self.row, self.at = (int(one) - 1 for one in number.split(";"))
            elif final == "G":
                self.at = int(number) - 1
            elif final == "b":
                for _ in range(int(number)):
                    self.put(self.last)
            elif final in "XK":
                end = self.at + int(number) if final == "X" else WIDTH
                erased = (" ", frozenset[str](), "", self.back)
                self.lines[self.row][self.at : end] = [erased] * (end - self.at)
            else:
                assert final == "m", final
                self.style(number.split(";"))

    def style(self, codes: list[str]) -> None:
        while codes:
            code = codes.pop(0)
            if code == "0":
                self.attributes, self.fore, self.back = frozenset(), "", ""
            elif code in ENDED:
                self.attributes -= set(ENDED[code])
            elif code in ("38", "48"):
                colour, codes = ";".join(codes[:4]), codes[4:]
                self.fore, self.back = (colour, self.back) if code == "38" else (self.fore, colour)
            elif len(code) == 2 and code[0] in "34":
                told = "" if code[1] == "9" else code[1]
                self.fore, self.back = (told, self.back) if code[0] == "3" else (self.fore, told)
            else:
                self.attributes |= {code}

    @property
    def picture(self) -> list[tuple[object, ...]]:
        """What a person sees: of a blank its background and lines alone."""
        blanks = frozenset(("4", "7", "9"))
        return [
            (text, attributes, fore, back) if text != " " or attributes & blanks else (text, back)
            for line in self.lines
            for text, attributes, fore, back in line
        ]


ENDED = {"22": ("1", "2"), "23": ("3",), "24": ("4",), "27": ("7",), "29": ("9",)}


@given(
    st.lists(st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, 20), runs.filter(bool)), min_size=1, max_size=5),
    st.booleans(),
    st.booleans(),
)
def test_the_picture_is_that_of_each_cell_written_whole(
    updates: list[tuple[int, int, list[tuple[str, Style | None]]]], erases: bool, repeats: bool
) -> None:
    whole, thrifty = Paper(), Paper()
    shown = Shown()
    pen = Pen(ColorSystem.TRUECOLOR, erases, WIDTH, repeats)
    for y, at, parts in updates:
        cells = cells_of_runs(parts)[: WIDTH - at]
        for x, (text, style) in enumerate(cells, at):
            drawn = text if style is None else style.render(text, color_system=ColorSystem.TRUECOLOR)
            whole.feed(f"\x1b[{y + 1};{x + 1}H{drawn}")
        if news := shown.news(y, at, cells):
            first, (last, end) = news[0][0], news[-1]
            pen.line(y, news, (first, cells[first - at : last - at + len(end)]))
    thrifty.feed(pen.text)
    assert thrifty.picture == whole.picture


def line_of(pen: Pen, cells: list[Cell], x: int = 0) -> str:
    pen.line(0, [(x, cells)], (x, cells))
    return pen.text


def test_long_blanks_are_erased_where_the_terminal_fills_them() -> None:
    cells = [*(("a", STYLES[0]),), *([(" ", blank(STYLES[0]))] * 20), ("b", STYLES[0])]
    erased = line_of(Pen(ColorSystem.TRUECOLOR, True, WIDTH), cells)
    assert "X" in erased
    assert "  " not in erased
    assert " " * 20 in line_of(Pen(ColorSystem.TRUECOLOR, False, WIDTH), cells)
    assert "\x1b[K" in line_of(Pen(ColorSystem.TRUECOLOR, True, WIDTH), [(" ", STYLES[0])] * 21, 19)
    # Reversed: the terminal would erase in the other colour.
    assert " " * 20 in line_of(Pen(ColorSystem.TRUECOLOR, True, WIDTH), [(" ", STYLES[3])] * 20)


def test_only_what_changes_of_a_style_is_written() -> None:
    text = line_of(
        Pen(ColorSystem.TRUECOLOR, True, WIDTH),
        [("a", STYLES[1]), ("b", STYLES[0]), ("c", Style(color="blue", bgcolor="#102030"))],
    )
    assert text == "\x1b[1;1H\x1b[1;32;48;2;16;32;48ma\x1b[22;31mb\x1b[34mc" + RESET


def test_a_style_is_set_once_for_all_of_a_line_that_has_it() -> None:
    row = [(one, STYLES[number % 2]) for number in range(6) for one in "abcdefg"][:WIDTH]
    text = line_of(Pen(ColorSystem.TRUECOLOR, True, WIDTH), row)
    assert text.count("m") == 3  # two styles, and the reset


def test_the_same_character_is_repeated_by_terminals_that_can() -> None:
    line: list[Cell] = [("─", STYLES[0])] * WIDTH
    assert "\x1b[39b" in line_of(Pen(ColorSystem.TRUECOLOR, True, WIDTH, True), line)
    assert "─" * WIDTH in line_of(Pen(ColorSystem.TRUECOLOR, True, WIDTH, False), line)


def test_behind_a_character_of_uncertain_width_no_move_is_relative() -> None:
    pen = Pen(ColorSystem.TRUECOLOR, True, WIDTH)
    line_of(pen, [("─", STYLES[0])] * WIDTH)  # where it is two columns wide, the cursor is on the next line
    pen.line(1, [(0, [("a", STYLES[0])])], (0, [("a", STYLES[0])]))
    assert "\x1b[2;1H" in pen.text


@pytest.mark.parametrize("system", [None, ColorSystem.STANDARD, ColorSystem.EIGHT_BIT])
def test_without_colours_there_are_no_styles(system: ColorSystem | None) -> None:
    pen = Pen(system, False, WIDTH)
    pen.line(0, [(0, [("a", STYLES[0]), (" ", None)])], (0, [("a", STYLES[0]), (" ", None)]))
    assert ("\x1b" in pen.text.removeprefix("\x1b[1;1H")) is (system is not None)


def test_a_blank_joins_the_run_that_it_looks_like() -> None:
    text = [("a", STYLES[1]), (" ", blank(STYLES[1])), ("b", STYLES[1])]
    assert [run for run, *_ in runs_of(text)] == ["a b"]
