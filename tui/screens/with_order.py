"""A screen whose rows are sorted both ways and put into groups: by keys, by clicks on the head."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import Binding

from tui.rows.arrangement import Arrangement
from tui.rows.grouped_rows import GroupKey
from tui.screens.filtered import FilteredScreen
from tui.text.language import tr
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

NARROW = 72  # columns; below, a title has no room for what groups share
Sorts = tuple[tuple[str, str, bool], ...]


class ScreenWithOrder(FilteredScreen):
    """`s` sorts by the next column, pressed again the other way round, as `S` does; `b` groups.

    Subclasses arrange the rows anew.
    """

    SORTS: ClassVar[Sorts] = ()
    """(column, what it is called, greatest first): what `s` goes through, and what a click on a head means."""
    GROUPINGS: ClassVar[tuple[tuple[str, str], ...]] = ()
    """(name, what its groups share): what `b` goes through, behind no groups."""
    BINDINGS = [
        Binding("s", "sort", show=False),
        Binding("S", "reverse", show=False),
        Binding("b", "group", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.arrangement = Arrangement()
        self._just_sorted = False  # by `s`: a second one turns the order round
        self._sought: Hashable | None = None  # a row in a group that is being opened

    def arrange_rows(self) -> None:
        """The arrangement has changed."""
        raise NotImplementedError

    @property
    def _ordered(self) -> RowsTable:
        return self.query_one(self.TABLE, RowsTable)

    def _rearrange(self, arrangement: Arrangement, *, to_top: bool = False) -> None:
        self.arrangement = arrangement
        self._ordered.set_order(arrangement.column, arrangement.descending)
        if to_top:
            self._ordered.to_top()
        self.arrange_rows()

    # -- order

    def action_sort(self) -> None:
        """By the same column the other way round, where it was just sorted by it; else by the next one."""
        columns = [column for column, _, _ in self.SORTS]
        at = columns.index(self.arrangement.column) if self.arrangement.column in columns else -1
        if at >= 0 and self._just_sorted and self.arrangement.descending == self.SORTS[at][2]:
            self.action_reverse()
        else:
            self._sort_by(*self.SORTS[(at + 1) % len(self.SORTS)])
        self._just_sorted = True

    def action_reverse(self) -> None:
        """By the same column, the other way round."""
        name = next(name for column, name, _ in self.SORTS if column == self.arrangement.column)
        self._sort_by(self.arrangement.column, name, not self.arrangement.descending)

    def _sort_by(self, column: str, name: str, descending: bool) -> None:
        self._rearrange(replace(self.arrangement, column=column, descending=descending), to_top=True)
        natural = next(first for known, _, first in self.SORTS if known == column) == descending
        order = tr("Sorted by {name}", name=tr(name)) if column != "mark" else tr("Worst first")
        self.say(order if natural else tr("{sorted}, the other way round", sorted=order))

    @on(RowsTable.HeadClicked)
    def _head_clicked(self, event: RowsTable.HeadClicked) -> None:
        """A click sorts by the column, another one the other way round."""
        found = next((sort for sort in self.SORTS if sort[0] == event.column), None)
        if event.table is not self._ordered:
            return
        if found is None:
            self.say("This column is no order", "warn")
        elif event.column == self.arrangement.column:
            self.action_reverse()
        else:
            self._sort_by(*found)

    # -- groups

    def place(self) -> dict[str, Any]:
        """The order and the groups, too."""
        now = self.arrangement
        return super().place() | {"order": [now.column, now.descending], "group_by": now.by}

    def _return_to_order(self, place: Mapping[str, Any]) -> None:
        """Those of an earlier run, as far as this version knows them."""
        order, by = place.get("order"), place.get("group_by")
        arrangement = self.arrangement
        if isinstance(order, list) and len(order) == 2 and order[0] in [column for column, _, _ in self.SORTS]:
            arrangement = replace(arrangement, column=order[0], descending=bool(order[1]))
        if by == "" or by in [name for name, _ in self.GROUPINGS]:
            arrangement = replace(arrangement, by=by)
        if arrangement != self.arrangement:
            self._rearrange(arrangement)

    def return_to(self, place: Mapping[str, Any]) -> None:
        """Order and groups, then the row under the cursor; where it is in a closed group, that is opened first."""
        before = self.arrangement
        self._return_to_order(place)
        super().return_to(place)
        row = place.get("row")
        if isinstance(row, int | str):
            self._sought = row
            if self.arrangement == before:
                self.rows_are_shown()

    def rows_are_shown(self) -> None:
        """Go to the row that was asked for before it was there; its group is opened for it."""
        if self._sought is None:
            return
        over = getattr(self._ordered.rows, "group_of", lambda _: None)(self._sought)
        if self._ordered.move_to(self._sought) or over is None:
            self._sought = None
        elif over not in self.arrangement.opened:
            self._rearrange(self.arrangement.folded(over, True))

    @property
    def grouped_by(self) -> str:
        """The grouping that is on; empty where there is none."""
        return self.arrangement.by or ""

    def titled(self, what: str, number: int) -> str:
        """The table's title: in groups it says how many rows there are in all, and what groups share."""
        if not self.grouped_by:
            return what
        if self.app.size.width < NARROW:
            return tr("{number} grouped", number=f"{number:,}")
        shared = tr(dict(self.GROUPINGS)[self.grouped_by])
        return tr("{number} {what} by {shared}", number=f"{number:,}", what=tr(what).lower(), shared=shared)

    def action_group(self) -> None:
        """By what the rows are grouped next; then no groups."""
        names = ["", *(name for name, _ in self.GROUPINGS)]
        by = names[(names.index(self.grouped_by) + 1) % len(names)]
        self._rearrange(replace(self.arrangement, by=by, opened=frozenset()), to_top=True)
        what = dict(self.GROUPINGS).get(by, "")
        self.say(tr("Grouped by {what}: Enter opens a group, b groups otherwise", what=tr(what)) if by else "No groups")

    def toggle_group(self, key: Hashable) -> bool:
        """Open or close the group of a key; False of a key that is no group's."""
        if not isinstance(key, GroupKey):
            return False
        self._rearrange(self.arrangement.folded(key))
        return True

    @on(RowsTable.Folded)
    def _folded(self, event: RowsTable.Folded) -> None:
        """Right opens the group under the cursor, Left closes it; from a member Left goes to its group."""
        if event.table is not self._ordered:
            return
        key: Any = event.key
        if isinstance(key, GroupKey):
            if (key in self.arrangement.opened) != event.open:
                self._rearrange(self.arrangement.folded(key, event.open))
        elif not event.open and (over := getattr(event.table.rows, "group_over", lambda _: None)(key)) is not None:
            event.table.move_to(over)
