"""Rows in groups: a line for each group, its members beneath where it is open. A lone row is no group."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tui.rows.list_rows import Cell, Rows

CLOSED, OPEN = "▸", "▾"


class GroupKey(NamedTuple):
    """What names a group, whatever the order: by what, and the value that its members share."""

    by: str
    value: Hashable


class Group(NamedTuple):
    """A group: its key, and where its members are among the rows, in their order."""

    key: GroupKey
    places: Sequence[int]


Summary = Callable[[Group, bool], "Sequence[Cell]"]
"""The cells of a group's line, given whether it is open."""


class GroupedRows:
    """A view on other rows. Each line is the place of a row among them, or -1 - the number of a group."""

    def __init__(
        self,
        rows: Rows,
        groups: Sequence[Group],
        opened: Collection[Hashable],
        summary: Summary,
        indented: int = 1,
    ) -> None:
        """`indented`: the cell that is moved in, of a row that is in a group."""
        self._cell = indented
        self.rows, self.groups = rows, groups
        self._opened, self._summary = opened, summary
        self._lines: list[int] = []
        for number, group in enumerate(groups):
            if len(group.places) == 1:
                self._lines.append(int(group.places[0]))
                continue
            self._lines.append(-1 - number)
            if group.key in opened:
                self._lines.extend(map(int, group.places))
        self._indented = {place for group in groups if group.key in opened for place in group.places}
        self._found: dict[Hashable, int] | None = None
        self._made: dict[int, Sequence[Cell]] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def key(self, index: int) -> Hashable:
        """The row's own, or the group's GroupKey."""
        line = self._lines[index]
        return self.rows.key(line) if line >= 0 else self.groups[-1 - line].key

    def place_of(self, key: Hashable) -> int | None:
        """Where a row or a group is now; a row of a closed group is nowhere."""
        if self._found is None:
            self._found = {self.key(index): index for index in range(len(self))}
        return self._found.get(key)

    def group(self, key: Hashable) -> Group | None:
        """The group of a key; None of a row's."""
        place = self.place_of(key) if isinstance(key, GroupKey) else None
        return None if place is None else self.groups[-1 - self._lines[place]]

    def group_over(self, key: Hashable) -> GroupKey | None:
        """The open group that a row is in."""
        place = self.place_of(key)
        if place is None or self._lines[place] < 0 or self._lines[place] not in self._indented:
            return None
        above = next(line for line in reversed(self._lines[:place]) if line < 0)
        return self.groups[-1 - above].key

    def group_of(self, key: Hashable) -> GroupKey | None:
        """The group of a row, whether it is open or not; None of a row without a group."""
        place = self.rows.place_of(key)
        found = next((one for one in self.groups if place is not None and place in one.places), None)
        return found.key if found is not None and len(found.places) > 1 else None

    def cells(self, index: int) -> Sequence[Cell]:
        """Those of the row, one cell moved in where it is in a group; or the group's summary."""
        line = self._lines[index]
        made = self._made.get(line)
        if made is None:
            made = self._made[line] = self._cells(line)
        return made

    def _cells(self, line: int) -> Sequence[Cell]:
        if line < 0:
            group = self.groups[-1 - line]
            return self._summary(group, group.key in self._opened)
        cells = self.rows.cells(line)
        if line not in self._indented:
            return cells
        text, tone = cells[self._cell]
        return (*cells[: self._cell], (f" {text}", tone), *cells[self._cell + 1 :])


def shared(texts: Collection[str], many: str = "") -> str:
    """The text that all members have; else `many`, or a mark that they differ."""
    return next(iter(texts)) if len(texts) == 1 else many


class UnderGroups:
    """Rows whose lines are those of a view with groups over them: what all kinds of grouped rows hand on to it."""

    _view: GroupedRows

    def __len__(self) -> int:
        return len(self._view)

    def key(self, index: int) -> Hashable:
        """A row's key, or a group's."""
        return self._view.key(index)

    def place_of(self, key: Hashable) -> int | None:
        """Where a line is now."""
        return self._view.place_of(key)

    def group(self, key: Hashable) -> Group | None:
        """The group of a key; None of a row's."""
        return self._view.group(key)

    def group_of(self, key: Hashable) -> GroupKey | None:
        """The group of a row, open or not."""
        return self._view.group_of(key)

    def group_over(self, key: Hashable) -> GroupKey | None:
        """The open group that a row is in."""
        return self._view.group_over(key)

    def cells(self, index: int) -> Sequence[Cell]:
        """In the order of the table's columns."""
        return self._view.cells(index)
