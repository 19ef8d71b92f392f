"""Fewer bytes on a slow line: only the cells that change are written, as curses does it.

Textual paints a new screen once when it is laid out and again when its content arrives, and a widget whole when its
border changes. Between the compositor and the terminal, each line is held against what the terminal shows already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.segment import ControlType, Segment
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate

from tui.terminal.escape_writing import Cell, Pen, blank
from tui.text.column_layout import cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

NEAR = 6  # unchanged cells that are cheaper to write again than to jump over


class Shown:
    """What the terminal shows, as far as it is known: line → its cells, None for an unknown one.

    `erases`: it fills what it erases with the present background. `repeats`: it knows REP.
    """

    def __init__(self, erases: bool = False) -> None:
        self.erases = erases
        self.repeats = False
        self.written = 0  # bytes of all pictures so far
        self._lines: dict[int, list[Cell | None]] = {}

    def forget(self) -> None:
        """The terminal was cleared, resized, or written to by somebody else."""
        self._lines.clear()

    def news(self, y: int, x: int, wanted: list[Cell]) -> list[tuple[int, list[Cell]]]:
        """The stretches of a line that differ from what is shown, as (column, cells); they count as written."""
        line = self._lines.setdefault(y, [])
        end = x + len(wanted)
        if len(line) < end:
            line.extend([None] * (end - len(line)))
        before = line[x:end]
        if before == wanted:
            return []
        line[x:end] = wanted
        if any(len(text) != 1 for text, _ in wanted) or any(cell is not None and len(cell[0]) != 1 for cell in before):
            return [(x, wanted)]  # where widths are uncertain, no arithmetic on columns
        changed = [at for at, cell in enumerate(wanted) if cell != before[at]]
        found = []
        start = last = changed[0]
        for at in changed[1:]:
            if at - last > NEAR:
                found.append((x + start, wanted[start : last + 1]))
                start = at
            last = at
        return [*found, (x + start, wanted[start : last + 1])]


class Thrifty(CompositorUpdate):
    """An update of the compositor, less what is shown already."""

    def __init__(self, update: LayoutUpdate | ChopsUpdate, shown: Shown) -> None:
        self._update = update
        self._shown = shown

    def render_segments(self, console: Console) -> str:
        """The sequences to write; may be empty."""
        update = self._update
        pieces = _of_layout(update) if isinstance(update, LayoutUpdate) else _of_spans(update, console)
        pen = Pen(console._color_system, self._shown.erases, console.width, self._shown.repeats)
        for y, x, segments in pieces:
            cells = cells_of(segments)
            if news := self._shown.news(y, x, cells):
                first, (last, end) = news[0][0], news[-1]
                pen.line(y, news, (first, cells[first - x : last - x + len(end)]))
        text = pen.text
        self._shown.written += len(text.encode())
        return text


def cells_of(segments: Iterable[Segment]) -> list[Cell]:
    """Segments cell by cell; the second cell of a wide character shows "", combining ones stay with their base."""
    out: list[Cell] = []
    for text, style, _ in segments:
        if text.isascii():
            bare = blank(style) if " " in text else style
            out += [(character, bare if character == " " else style) for character in text]
            continue
        for character in text:
            wide = cells(character)
            if wide == 0 and out:
                base, base_style = out[-1]
                out[-1] = (base + character, base_style)
            elif wide:
                out.append((character, blank(style) if character == " " else style))
                out += [("", style)] * (wide - 1)
    return out


def _of_layout(update: LayoutUpdate) -> Iterator[tuple[int, int, list[Segment]]]:
    for y, line in enumerate(update.strips, update.region.y):
        yield y, update.region.x, [segment for strip in line for segment in strip]


def _of_spans(update: ChopsUpdate, console: Console) -> Iterator[tuple[int, int, list[Segment]]]:
    """The compositor moves the cursor before each piece of a line: those moves are where the pieces begin."""
    for span in update.spans:
        single = ChopsUpdate(update.chops, [span], update.chop_ends)
        x, gathered = 0, list[Segment]()
        for part in single.__rich_console__(console, console.options):
            segment = part if isinstance(part, Segment) else None
            if segment is None:
                continue
            control: Sequence[Any] = segment.control or ()
            move = next((c for c in control if c[0] is ControlType.CURSOR_MOVE_TO), None)
            if move is None:
                gathered.append(segment)
                continue
            if gathered:
                yield span[0], x, gathered
            x, gathered = int(move[1]), []
        if gathered:
            yield span[0], x, gathered
