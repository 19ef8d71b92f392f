"""How a table is drawn: only what is seen is formatted, only lines that changed are drawn again."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.rows.list_rows import Cell, ListRows, Rows
from tui.text.column_layout import Column, Placed, cells, fit, fit_change, fit_tail, fit_whose, place
from tui.text.language import tr
from tui.text.names_column import LEAST_WIDTH, column_for, in_place_of, names_of, of_cell, place_for

if TYPE_CHECKING:
    from tui.text.names_column import Names

TITLE_ENDS = 3  # cells of the border beside its title
TONES = ("bad", "warn", "good", "dim", "strong", "originator", "responder", "fin")
STYLES = {"rows--head", "rows--cursor", "rows--still"} | {f"rows--{tone}" for tone in TONES}
"""Component classes, kept by the screen: each of its tables would have them matched against all styles for itself."""


class DrawnTable(ScrollView):
    """Rows on the screen, one of them under the cursor. Where the cursor goes is RowsTable's."""

    def __init__(
        self, columns: Sequence[Column], *, head: bool = True, empty: str = "", id: str | None = None, classes: str = ""
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._columns = tuple(columns)
        self._head = int(head)
        self._empty = tr(empty)
        self._rows: Rows = ListRows([])
        self._cursor = 0
        self._key: Hashable | None = None
        self._placed: tuple[Placed, ...] = ()
        self._drawn: dict[int, object] = {}
        self._styles: dict[tuple[str, bool, bool], Style] = {}
        self._title = self._note = ""
        self._counted = True
        self.sorted_by: tuple[str, bool] | None = None  # column key, descending: see set_order
        self.pids_here = False  # its processes are this machine's, of now: they have units and containers
        self.always_lit = False  # its cursor is drawn as if it had the keys: a line of input moves it
        self._names_at: int | None = None  # where the column of names is, if it does

    # -- what is shown

    @property
    def rows(self) -> Rows:
        """The rows as they are now."""
        return self._rows

    @property
    def cursor_key(self) -> Hashable | None:
        """The key of the row under the cursor."""
        return self._rows.key(self._cursor) if self._cursor < len(self._rows) else None

    @property
    def line_of_cursor(self) -> int:
        """On which line of the screen the cursor is."""
        return self.content_region.y + self._head + self._cursor - int(self.scroll_offset.y)

    def text_of_row(self) -> str:
        """What the row under the cursor says, in one line."""
        place = None if self._key is None else self._rows.place_of(self._key)
        found = () if place is None else self._rows.cells(place)
        if len(found) != len(self._columns):
            return "  ".join(text.strip() for text, _ in found if text)
        return "  ".join(
            f"{tr(column.title)} {text}" if column.right and column.title else text.strip()
            for column, (text, _) in zip(self._columns, found, strict=True)
            if text
        )

    def set_title(self, title: str, *, counted: bool = True) -> None:
        """What is in the border; the place of the cursor is added to it, and how many rows are seen unless not
        `counted`: the title says it, or nobody asks."""
        self._title, self._counted = tr(title), counted
        self._show_position()

    def set_note(self, note: str) -> None:
        """What else is in the border, where there is room."""
        self._note = note
        self._show_position()

    def set_empty(self, text: str) -> None:
        """What to say where there is no row."""
        text = tr(text)
        if text != self._empty:
            self._empty = text
            if not len(self._rows):
                self.refresh()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Other columns; the rows must have as many cells."""
        if tuple(columns) != self._columns:
            self._columns = tuple(columns)
            self._lay_out()

    @property
    def _names(self) -> Names | None:
        """The names that are shown beside addresses; None where they are off."""
        naming = getattr(self.app, "naming", None)
        return naming.book if naming is not None else None

    def names_changed(self) -> None:
        """Names are shown, or no longer, or others are known."""
        if self._names is not None and (self._names_at is not None or self._width < LEAST_WIDTH):
            self._refresh_changed()
        else:
            self._lay_out()

    def _cells(self, index: int) -> Sequence[Cell]:
        """Those of a row, with names where they are on: in a column of their own, in a list without a head behind what
        they name."""
        found, names = self._rows.cells(index), self._names
        if names is None or len(found) == 1:
            return found
        if self._names_at is not None:
            named = names_of(self._columns, found, names, self.pids_here)
            return (*found[: self._names_at], (named, "dim"), *found[self._names_at :])
        if self._head:  # no room beside them
            return in_place_of(self._columns, found, names)
        if not self._head and self._columns[0].ends and (name := of_cell(found[0][0], names)):
            return ((f"{found[0][0]} {name}", found[0][1]), *found[1:])
        return found

    def set_order(self, column: str, descending: bool) -> None:
        """Mark the column by which the rows are sorted; it is shown, however narrow the table."""
        self.sorted_by = (column, descending)
        self._lay_out()

    # -- lines

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    @property
    def _height(self) -> int:
        return self.scrollable_content_region.height - self._head

    def _refresh_row(self, index: int) -> None:
        line = index - int(self.scroll_offset.y) + self._head
        if self._head <= line < self._height + self._head:
            self.refresh(Region(0, line, self._width, 1))

    def _refresh_changed(self) -> None:
        for line in range(self._height + self._head):
            if self._drawn.get(line, self) != self._signature(line):
                self.refresh(Region(0, line, self._width, 1))

    def _show_position(self) -> None:
        if not self._title:
            return
        title = self._title + self._position()
        if cells(title) + TITLE_ENDS > self._width:
            title = self._title + self._position(short=True)
        if self._note and cells(title) + cells(self._note) + 5 <= self._width:
            title = f"{title} · {self._note}"
        if str(self.border_title or "") != title.replace("[", "\\["):
            self.border_title = title.replace("[", "\\[")

    def _position(self, *, short: bool = False) -> str:
        """Where the cursor is among how many rows; of a list without a head only where some are out of sight."""
        count = len(self._rows)
        if count > max(1, self._height):
            return (
                f" {self._cursor + 1:,}/{count:,}"
                if self._head or short
                else tr(" · {at} of {count} ↕", at=f"{self._cursor + 1:,}", count=f"{count:,}")
            )
        return f" {count:,}" if count and self._head and self._counted else ""

    def _lay_out(self) -> None:
        sorted_key = self.sorted_by[0] if self.sorted_by else None
        columns = [replace(c, rank=-1) if c.key == sorted_key else c for c in self._columns]  # its values are asked for
        named = self._head and self._names is not None and self._width >= LEAST_WIDTH
        self._names_at = place_for(self._columns) if named else None
        if self._names_at is not None:
            columns.insert(self._names_at, column_for(self._width))
        self._placed = place(columns, self._width)
        self.virtual_size = Size(self._width, len(self._rows) + self._head)
        self._show_position()
        self.refresh()

    def notify_style_update(self) -> None:
        """Another theme: the styles are looked up again."""
        super().notify_style_update()
        self._styles.clear()

    def on_focus(self) -> None:
        """The cursor is drawn brighter where keys go."""
        self._refresh_row(self._cursor)

    def on_blur(self) -> None:
        """And dimmer where they do not."""
        self._refresh_row(self._cursor)

    def _signature(self, line: int) -> object:
        index = int(self.scroll_offset.y) + line - self._head
        if line < self._head:
            return (self._placed, self.sorted_by)
        if not len(self._rows) and line == self._head:
            return self._empty
        if not 0 <= index < len(self._rows):
            return None
        return (tuple(self._cells(index)), index == self._cursor)

    def render_line(self, y: int) -> Strip:
        """One line of the widget; `y` counts from its top."""
        width = self._width
        self._drawn[y] = self._signature(y)
        if y < self._head:
            return self._head_line(width)
        index = int(self.scroll_offset.y) + y - self._head
        if not len(self._rows) and y == self._head:
            return Strip([Segment(fit(self._empty, width), self._style("dim", False))], width)
        if not 0 <= index < len(self._rows):
            return Strip([Segment(" " * width, self._style("", False))], width)
        cursor = index == self._cursor
        found = self._cells(index)
        if len(found) == 1:  # a row that spans the table
            return self._strip([(fit(found[0][0], width), found[0][1])], cursor, width)
        return self._strip([(_fitted(found[p.index][0], p), found[p.index][1]) for p in self._placed], cursor, width)

    def _head_line(self, width: int) -> Strip:
        texts = []
        for placed in self._placed:
            title = tr(placed.column.title)
            if self.sorted_by is not None and self.sorted_by[0] == placed.column.key:
                title += "▼" if self.sorted_by[1] else "▲"
            texts.append(fit(title, placed.width, right=placed.column.right))
        style = self.rich_style + self._named("head")
        return Strip([Segment(fit(" ".join(texts), width), style)], width)

    def _strip(self, runs: Sequence[tuple[str, str]], cursor: bool, width: int) -> Strip:
        """One segment a run of one style: fewer escape codes, fewer bytes."""
        segments: list[Segment] = []
        text, style, taken = "", self._style("", cursor), 0
        for position, (cell, tone) in enumerate(runs):
            wanted = self._style(tone, cursor)
            if wanted is not style and text:
                segments.append(Segment(text, style))
                text = ""
            style = wanted
            text += cell if position == len(runs) - 1 else cell + " "
        segments.append(Segment(text, style))
        taken = sum(segment.cell_length for segment in segments)
        if taken < width:
            segments.append(Segment(" " * (width - taken), self._style("", cursor)))
        return Strip(segments).adjust_cell_length(width, self._style("", cursor))

    def _style(self, tone: str, cursor: bool) -> Style:
        lit = cursor and (self.has_focus or self.always_lit)
        key = (tone, cursor, lit)
        found = self._styles.get(key)
        if found is None:
            found = self.rich_style
            if tone and not lit:  # a tone on the cursor's own colour is hard to read, in 16 colours above all
                found += self._named(tone)
            if cursor:
                found += self._named("cursor" if lit else "still")
            self._styles[key] = found
        return found

    def _named(self, name: str) -> Style:
        return self.screen.get_component_rich_style(f"rows--{name}", partial=True, default=Style.null())


def _fitted(text: str, placed: Placed) -> str:
    if placed.column.chart:
        text = text[-placed.width :]
    if placed.column.change:
        return fit_change(text, placed.width)
    if placed.column.whose:
        return fit_whose(text, placed.width)
    if placed.column.tail:
        return fit_tail(text, placed.width)
    return fit(text, placed.width, right=placed.column.right)
