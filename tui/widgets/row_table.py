"""A table of any number of rows: the keys and the mouse that move its cursor, and other rows in the same place."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message

from tui.widgets.drawn_table import DrawnTable

if TYPE_CHECKING:
    from textual import events

    from tui.rows.list_rows import Rows
    from tui.text.column_layout import Column


class RowsTable(DrawnTable, can_focus=True):
    """The table. The cursor belongs to a row, not to a place: it follows the row when the order changes.

    Until somebody moves the cursor it stays at the top, where the worst rows are.
    """

    BINDINGS = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home,g", "edge(-1)", show=False),
        Binding("end,G", "edge(1)", show=False),
        Binding("enter", "choose", show=False),
        Binding("right", "fold(True)", show=False),
        Binding("left", "fold(False)", show=False),
    ]

    class Chosen(Message):
        """Enter was pressed on a row, or it was clicked twice."""

        def __init__(self, table: RowsTable, key: Hashable) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> RowsTable:
            """The table it happened in."""
            return self.table

    class Moved(Message):
        """The cursor came to another row (None: there are no rows)."""

        def __init__(self, table: RowsTable, key: Hashable | None) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> RowsTable:
            """The table it happened in."""
            return self.table

    class HeadClicked(Message):
        """The head of a column was clicked."""

        def __init__(self, table: RowsTable, column: str) -> None:
            super().__init__()
            self.table = table
            self.column = column

    class Folded(Message):
        """A row is to be opened (`open`) or closed, where it is a group."""

        def __init__(self, table: RowsTable, key: Hashable, open: bool) -> None:
            super().__init__()
            self.table = table
            self.key = key
            self.open = open

    def __init__(
        self, columns: Sequence[Column], *, head: bool = True, empty: str = "", id: str | None = None, classes: str = ""
    ) -> None:
        super().__init__(columns, head=head, empty=empty, id=id, classes=classes)
        self._touched = False

    # -- what is shown

    def show(self, rows: Rows) -> None:
        """Swap the rows. The cursor's row stays where it is on the screen if it still exists."""
        before = self._cursor - int(self.scroll_offset.y)
        was = self._key
        self._rows = rows
        place = rows.place_of(was) if was is not None and self._touched else None
        if place is None:
            place = min(self._cursor, max(0, len(rows) - 1)) if self._touched else 0
        self._cursor = place
        self._key = self.cursor_key
        self.virtual_size = Size(self._width, len(rows) + self._head)
        self._scroll_to_line(place - before if self._touched else 0)
        self._refresh_changed()
        self._show_position()
        self.call_after_refresh(self._show_position)  # with other rows it may get another height
        if self._key != was:
            self.post_message(self.Moved(self, self._key))

    def to_top(self) -> None:
        """The cursor goes to the first row, and stays with the first of the rows that come."""
        if len(self._rows):
            self._set_cursor(0)
        self._touched = False

    def move_to(self, key: Hashable) -> bool:
        """Put the cursor on a row; False where it is not here."""
        place = self._rows.place_of(key)
        if place is None:
            return False
        self._set_cursor(place)
        return True

    # -- keys and mouse

    def action_move(self, by: int) -> None:
        """One row up or down."""
        self._set_cursor(self._cursor + by)

    def action_page(self, by: int) -> None:
        """One page up or down."""
        self._set_cursor(self._cursor + by * max(1, self._height - 1))

    def action_edge(self, side: int) -> None:
        """The first or the last row."""
        self._set_cursor(0 if side < 0 else len(self._rows) - 1)

    def action_choose(self) -> None:
        """Drill into the row."""
        key = self.cursor_key
        if key is not None:
            self.post_message(self.Chosen(self, key))

    def action_fold(self, open: bool) -> None:
        """Open or close the group under the cursor."""
        if (key := self.cursor_key) is not None:
            self.post_message(self.Folded(self, key, open))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one drills; one on the head is reported."""
        at = event.get_content_offset_capture(self)
        if self._head and at.y == 0:
            self._click_head(at.x)
            return
        place = int(self.scroll_offset.y) + event.get_content_offset_capture(self).y - self._head
        if 0 <= place < len(self._rows):
            again = place == self._cursor and event.chain > 1
            self._set_cursor(place)
            if again:
                self.action_choose()

    def _click_head(self, x: int) -> None:
        left = 0
        for placed in self._placed:
            left += placed.width + 1
            if x < left:
                self.post_message(self.HeadClicked(self, placed.column.key))
                return

    def _set_cursor(self, place: int) -> None:
        if not len(self._rows):
            return
        place = max(0, min(len(self._rows) - 1, place))
        self._touched = True
        if place == self._cursor:
            return
        old, self._cursor = self._cursor, place
        self._key = self._rows.key(place)
        top, height = int(self.scroll_offset.y), max(1, self._height)
        if place < top:
            self._scroll_to_line(place)
        elif place >= top + height:
            self._scroll_to_line(place - height + 1)
        for changed in (old, place):
            self._refresh_row(changed)
        self._show_position()
        self.post_message(self.Moved(self, self._key))

    # -- drawing

    def _scroll_to_line(self, line: int) -> None:
        most = max(0, len(self._rows) - max(1, self._height))
        self.scroll_to(y=max(0, min(most, line)), animate=False, force=True, immediate=True)

    def on_resize(self) -> None:
        """Another width may hold other columns."""
        self._lay_out()
        self._scroll_to_line(max(min(int(self.scroll_offset.y), self._cursor), self._cursor - max(1, self._height) + 1))
