"""Cells as escape sequences, with few bytes: only what changes of a style is told, and long blanks are erased.

A blank shows its background alone, so its style is that (`blank`). Terminals that fill what they erase with the present
background (terminfo's bce) need no spaces for it: ECH for a stretch, EL to the end of the line (ECMA-48 §8.3.38, .41).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.style import Style

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.color import ColorSystem

Cell = tuple[str, "Style | None"]
WORTH = 9
"""Blanks in a row from which on erasing them is shorter than writing them."""
RESET = "\x1b[0m"
Codes = tuple[frozenset[str], str, str]
"""Attributes, foreground, background, as SGR's parameters; empty strings for the terminal's own colours."""
SEEN = frozenset(("4", "7", "9", "21", "53"))
"""Attributes that a blank shows: lines, and what reverses."""
OFF = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "6": "25", "7": "27", "8": "28", "9": "29", "21": "24"}
OFF |= {"53": "55"}
"""What ends an attribute (ECMA-48 §8.3.117)."""
PLAIN: Codes = (frozenset(), "", "")


@lru_cache(maxsize=4096)
def blank(style: Style | None) -> Style | None:
    """The style of a blank in this style: what is not seen of it is left out. Lines through or around it are seen."""
    if style is None or style.underline or style.underline2 or style.strike or style.overline or style.reverse:
        return style
    return Style(bgcolor=style.bgcolor) if style.bgcolor is not None else Style.null()


@lru_cache(maxsize=4096)
def codes_of(style: Style | None, system: ColorSystem) -> Codes:
    """What SGR is told of a style."""
    if style is None:
        return PLAIN
    rest = Style.null() + style
    found = rest.without_color.render("x", color_system=system)
    attributes = found[2 : found.index("m")].split(";") if found.startswith("\x1b[") else []
    fore = style.color.downgrade(system).get_ansi_codes() if style.color is not None else ()
    back = style.bgcolor.downgrade(system).get_ansi_codes(foreground=False) if style.bgcolor is not None else ()
    return frozenset(attributes), _codes(fore), _codes(back)


def _codes(codes: Sequence[str]) -> str:
    """39 and 49 are the terminal's own colours: what it has after a reset."""
    return "" if tuple(codes) in (("39",), ("49",)) else ";".join(codes)


class Pen:
    """Writes runs of cells one after the other; `text` is what they come to, and leaves the terminal's style reset.

    `system` None: no styles at all. `erases`: the terminal fills what it erases with the background.
    """

    def __init__(self, system: ColorSystem | None, erases: bool, width: int) -> None:
        self._system, self._erases, self._width = system, erases, width
        self._now = PLAIN
        self._out: list[str] = []

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(self._out) + (RESET if self._now != PLAIN else "")

    def move_to(self, x: int, y: int) -> None:
        """The cursor, from 0."""
        self._out.append(f"\x1b[{y + 1};{x + 1}H")

    def write(self, x: int, cells: Iterable[Cell]) -> None:
        """Cells from column `x` on, where the cursor is."""
        for text, style, blanks in runs_of(cells):
            self._style(style)
            if blanks < WORTH or not self._may_erase():
                self._out.append(text)
            elif x + blanks >= self._width:
                self._out.append("\x1b[K")
            else:
                self._out.append(f"\x1b[{blanks}X\x1b[{blanks}C")
            x += blanks or len(text)

    def _may_erase(self) -> bool:
        attributes, _, back = self._now
        return not SEEN & attributes and (self._erases or not back)

    def _style(self, style: Style | None) -> None:
        if self._system is None:
            return
        wanted = codes_of(style, self._system)
        if wanted == self._now:
            return
        attributes, fore, back = wanted
        had, fore_now, back_now = self._now
        self._now = wanted
        if wanted == PLAIN:
            self._out.append(RESET)
            return
        ends = {OFF[one] for one in had - attributes}
        lost = {one for one in had if OFF[one] in ends}  # 22 ends bold and dim alike
        news = [*sorted(ends), *sorted(attributes - (had - lost))]
        news += [fore or "39"] if fore != fore_now else []
        news += [back or "49"] if back != back_now else []
        whole = ["0", *sorted(attributes), *filter(None, (fore, back))]
        self._out.append(f"\x1b[{min(';'.join(news), ';'.join(whole), key=len)}m")


def runs_of(cells: Iterable[Cell]) -> Iterable[tuple[str, Style | None, int]]:
    """(text, style, how many blanks it is or 0) of cells in a row; blanks are runs of their own where they are many."""
    gathered: list[str] = []
    style: Style | None = None
    blanks = 0  # at the end of what is gathered

    for text, wanted in cells:
        if gathered and wanted != style:
            if text == " " and wanted == blank(style):
                wanted = style  # it looks the same, and nothing is to be told
            elif not (blanks == len(gathered) < WORTH and style == blank(wanted)):
                yield from _split(gathered, style, blanks)
                gathered, blanks = [], 0
        style = wanted
        if blanks >= WORTH and text != " ":
            yield from _split(gathered, style, blanks)
            gathered, blanks = [], 0
        gathered.append(text)
        blanks = blanks + 1 if text == " " else 0
    if gathered:
        yield from _split(gathered, style, blanks)


def _split(gathered: list[str], style: Style | None, blanks: int) -> Iterable[tuple[str, Style | None, int]]:
    if blanks < WORTH:
        yield "".join(gathered), style, 0
        return
    if before := gathered[: len(gathered) - blanks]:
        yield "".join(before), style, 0
    yield " " * blanks, style, blanks
