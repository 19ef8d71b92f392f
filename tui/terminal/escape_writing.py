"""Cells as escape sequences, with few bytes: only what changes of a style is written, and long blanks are erased.

A blank shows its background alone, so its style is that (`blank`). Terminals that fill what they erase with the present
background (terminfo's bce) need no spaces for it: ECH for a stretch, EL to the end of the line (ECMA-48 §8.3.38, .41).
A line is written in the shortest of a few ways: its stretches from left to right or style by style, only what changed
or erased first. Moves along a line are absolute (CHA), so a character that is wider here than it should be harms no
more than itself.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from rich.style import Style

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.color import ColorSystem

Cell = tuple[str, "Style | None"]
WORTH = 9
"""Blanks in a row from which on erasing them is shorter than writing them."""
JUMP = 6
"""Blanks that are erased already, from which on a move over them is shorter than writing them."""
ALIKE = re.compile(r"([^\x00-\x7f])\1{3,}|([!-~])\2{7,}")
"""The same character so often that REP (ECMA-48 §8.3.103) is shorter."""
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
    """A style as SGR's parameters."""
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


class Piece(NamedTuple):
    """Cells of one style in a row; `text` is empty where they are blanks to be erased."""

    x: int
    width: int
    text: str
    codes: Codes


@dataclass(slots=True)
class _State:
    """What the terminal has: style and cursor; None: not certain."""

    codes: Codes = PLAIN
    x: int | None = None
    y: int | None = None


class Pen:
    """Writes lines one after the other; `text` is what they come to, and leaves the terminal's style reset.

    `system` None: no styles at all. `erases`: the terminal fills what it erases with the background. `repeats`: it
    knows REP.
    """

    def __init__(self, system: ColorSystem | None, erases: bool, width: int, repeats: bool = False) -> None:
        self._system, self._erases, self._width, self._repeats = system, erases, width, repeats
        self._state = _State()
        self._out: list[str] = []

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(self._out) + (RESET if self._state.codes != PLAIN else "")

    def line(self, y: int, stretches: Sequence[tuple[int, Sequence[Cell]]], span: tuple[int, Sequence[Cell]]) -> None:
        """What is new of a line as (column, cells), and all between the first and the last of it."""
        pieces = [piece for x, cells in stretches for piece in self._pieces(x, cells)]
        ways = [pieces, self._by_style(pieces)]
        if (cleared := self._cleared(*span)) is not None:
            first, *others = cleared
            ways += [cleared, [first, *self._by_style(others)]]
        text, self._state = min((self._written(y, way) for way in ways), key=lambda found: len(found[0]))
        self._out.append(text)

    # -- ways

    def _codes(self, style: Style | None) -> Codes:
        return PLAIN if self._system is None else codes_of(style, self._system)

    def _pieces(self, x: int, cells: Iterable[Cell]) -> list[Piece]:
        found = []
        for text, style, blanks, width in runs_of(cells):
            codes = self._codes(style)
            erased = blanks >= WORTH and self._may_erase(codes)
            found.append(Piece(x, width, "" if erased else text, codes))
            x += width
        return found

    def _by_style(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Those that need no change of style first; the others as their styles first occur."""
        places = {self._state.codes: 0}
        for piece in pieces:
            places.setdefault(piece.codes, len(places))
        return sorted(pieces, key=lambda piece: places[piece.codes])

    def _cleared(self, x: int, cells: Sequence[Cell]) -> list[Piece] | None:
        """All of it erased in its commonest background, then what is no blank of that; None where it has few."""
        blanks = Counter(style for text, style in cells if text == " ")
        if not blanks:
            return None
        ((style, number),) = blanks.most_common(1)
        back = self._codes(style)
        if number < WORTH or not self._may_erase(back):
            return None
        found = [Piece(x, len(cells), "", back)]
        for text, own, many, width in runs_of(cells, JUMP):
            codes = self._codes(own)
            if not (many and codes == back):
                found.append(_bare(Piece(x, width, text, codes), back))
            x += width
        return found

    def _may_erase(self, codes: Codes) -> bool:
        attributes, _, back = codes
        return not SEEN & attributes and (self._erases or not back)

    @staticmethod
    def _erases_as(now: Codes, wanted: Codes) -> bool:
        """What is erased has no foreground."""
        return now[2] == wanted[2] and not SEEN & now[0]

    # -- as sequences

    def _written(self, y: int, pieces: Sequence[Piece]) -> tuple[str, _State]:
        now = self._state
        codes, at, line = now.codes, now.x, now.y
        out: list[str] = []
        for piece in pieces:
            if line != y:
                out.append("\r\n" if piece.x == 0 and line == y - 1 else f"\x1b[{y + 1};{piece.x + 1}H")
            elif at != piece.x:
                out.append(f"\x1b[{piece.x + 1}G")
            if piece.codes != codes and (piece.text or not self._erases_as(codes, piece.codes)):
                out.append(_change(codes, piece.codes))
                codes = piece.codes
            line, end = y, piece.x + piece.width
            if not piece.text:
                out.append("\x1b[K" if end >= self._width else f"\x1b[{piece.width}X")
                at = piece.x
                continue
            out.append(ALIKE.sub(_repeated, piece.text) if self._repeats else piece.text)
            at = end if piece.text.isascii() else None
            if end + (0 if at else piece.width) >= self._width:  # it may stand at the line's end, or on the next one
                line = at = None
        return "".join(out), _State(codes, at, line)


def _bare(piece: Piece, back: Codes) -> Piece:
    """Without the blanks at its ends, where they show no more than what was erased."""
    if piece.codes[2] != back[2] or SEEN & piece.codes[0] or not (text := piece.text.strip(" ")):
        return piece
    before = len(piece.text) - len(piece.text.lstrip(" "))
    return Piece(piece.x + before, piece.width - len(piece.text) + len(text), text, piece.codes)


def _repeated(found: re.Match[str]) -> str:
    return f"{found[0][0]}\x1b[{len(found[0]) - 1}b"


def _change(now: Codes, wanted: Codes) -> str:
    """The shorter of what changes and all of it."""
    if wanted == PLAIN:
        return RESET
    attributes, fore, back = wanted
    had, fore_now, back_now = now
    ends = {OFF[one] for one in had - attributes}
    lost = {one for one in had if OFF[one] in ends}  # 22 ends bold and dim alike
    news = [*sorted(ends), *sorted(attributes - (had - lost))]
    news += [fore or "39"] if fore != fore_now else []
    news += [back or "49"] if back != back_now else []
    whole = ["0", *sorted(attributes), *filter(None, (fore, back))]
    return f"\x1b[{min(';'.join(news), ';'.join(whole), key=len)}m"


def runs_of(cells: Iterable[Cell], worth: int = WORTH) -> Iterable[tuple[str, Style | None, int, int]]:
    """(text, style, how many blanks it is or 0, width) of cells in a row; `worth` blanks or more are their own run."""
    gathered: list[str] = []
    style: Style | None = None
    blanks = 0  # at the end of what is gathered

    for text, wanted in cells:
        if gathered and wanted != style:
            if text == " " and wanted == blank(style):
                wanted = style  # it looks the same, and no change is written
            elif not (blanks == len(gathered) < worth and style == blank(wanted)):
                yield from _split(gathered, style, blanks, worth)
                gathered, blanks = [], 0
        style = wanted
        if blanks >= worth and text != " ":
            yield from _split(gathered, style, blanks, worth)
            gathered, blanks = [], 0
        gathered.append(text)
        blanks = blanks + 1 if text == " " else 0
    if gathered:
        yield from _split(gathered, style, blanks, worth)


def _split(
    gathered: list[str], style: Style | None, blanks: int, worth: int
) -> Iterable[tuple[str, Style | None, int, int]]:
    if blanks < worth:
        yield "".join(gathered), style, 0, len(gathered)
        return
    if before := gathered[: len(gathered) - blanks]:
        yield "".join(before), style, 0, len(before)
    yield " " * blanks, blank(style), blanks, blanks
