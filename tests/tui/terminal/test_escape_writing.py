"""What is written looks, on a terminal, as if each cell had been written whole."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.style import Style

from tui.terminal.escape_writing import RESET, Cell, Pen, blank, runs_of

WIDTH = 40
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
runs = st.lists(
    st.tuples(st.text(alphabet="ab ", min_size=1, max_size=14) | st.just(" " * 12), st.sampled_from(STYLES)), max_size=8
)


def cells_of_runs(parts: list[tuple[str, Style | None]]) -> list[Cell]:
    return [(one, blank(style) if one == " " else style) for text, style in parts for one in text][:WIDTH]


class Paper:
    """A line of a terminal that knows CUP, CUF, ECH, EL and SGR, and fills what it erases with its background."""

    def __init__(self) -> None:
        self.cells: list[tuple[str, frozenset[str], str, str]] = [(" ", frozenset(), "", "")] * WIDTH
        self.at = 0
        self.attributes: frozenset[str] = frozenset()
        self.fore = self.back = ""

    def feed(self, written: str) -> None:
        for number, final, text in re.findall(r"\x1b\[([\d;]*)([A-Za-z])|(.)", written):
            if text:
                self.cells[self.at] = (text, self.attributes, self.fore, self.back)
                self.at += 1
            elif final == "H":
                self.at = int(number.split(";")[1]) - 1
            elif final == "C":
                self.at += int(number)
            elif final in "XK":
                end = self.at + int(number) if final == "X" else WIDTH
                self.cells[self.at : end] = [(" ", frozenset(), "", self.back)] * (end - self.at)
            else:
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
            for text, attributes, fore, back in self.cells
        ]


ENDED = {"22": ("1", "2"), "23": ("3",), "24": ("4",), "27": ("7",), "29": ("9",)}


@given(st.lists(runs, min_size=1, max_size=4), st.integers(0, 20))
def test_the_picture_is_that_of_each_cell_written_whole(lines: list[list[tuple[str, Style | None]]], at: int) -> None:
    whole, thrifty = Paper(), Paper()
    pen = Pen(ColorSystem.TRUECOLOR, True, WIDTH)
    for parts in lines:
        cells = cells_of_runs(parts)[: WIDTH - at]
        pen.move_to(at, 0)
        pen.write(at, cells)
        for x, (text, style) in enumerate(cells, at):
            drawn = text if style is None else style.render(text, color_system=ColorSystem.TRUECOLOR)
            whole.feed(f"\x1b[1;{x + 1}H{drawn}")
    thrifty.feed(pen.text)
    assert thrifty.picture == whole.picture


def test_long_blanks_are_erased_where_the_terminal_fills_them() -> None:
    cells = [*(("a", STYLES[0]),), *([(" ", blank(STYLES[0]))] * 20), ("b", STYLES[0])]
    for erases, written in ((True, "\x1b[20X\x1b[20C"), (False, " " * 20)):
        pen = Pen(ColorSystem.TRUECOLOR, erases, WIDTH)
        pen.write(0, cells)
        assert written in pen.text
    pen = Pen(ColorSystem.TRUECOLOR, True, WIDTH)
    pen.write(19, [(" ", STYLES[0])] * 21)
    assert "\x1b[K" in pen.text
    pen = Pen(ColorSystem.TRUECOLOR, True, WIDTH)
    pen.write(0, [(" ", STYLES[3])] * 20)  # reversed: the terminal would erase in the other colour
    assert " " * 20 in pen.text


def test_only_what_changes_of_a_style_is_told() -> None:
    pen = Pen(ColorSystem.TRUECOLOR, True, WIDTH)
    pen.write(0, [("a", STYLES[1]), ("b", STYLES[0]), ("c", Style(color="blue", bgcolor="#102030"))])
    assert pen.text == "\x1b[1;32;48;2;16;32;48ma\x1b[22;31mb\x1b[34mc" + RESET


@pytest.mark.parametrize("system", [None, ColorSystem.STANDARD, ColorSystem.EIGHT_BIT])
def test_without_colours_there_are_no_styles(system: ColorSystem | None) -> None:
    pen = Pen(system, False, WIDTH)
    pen.write(0, [("a", STYLES[0]), (" ", None)])
    assert ("\x1b" in pen.text) is (system is not None)


def test_a_blank_joins_the_run_that_it_looks_like() -> None:
    text = [("a", STYLES[1]), (" ", blank(STYLES[1])), ("b", STYLES[1])]
    assert [run for run, _, _ in runs_of(text)] == ["a b"]
