"""How a table's rows are arranged: by which column, in which groups, and which of those are open."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Arrangement:
    """`by` names a grouping; "" is none, None leaves it to the rows: groups where more than `screenful` are alike."""

    column: str = "mark"
    descending: bool = True
    by: str | None = ""
    opened: frozenset[Hashable] = frozenset()
    screenful: int = 0

    @property
    def sort(self) -> tuple[str, bool]:
        """Column and whether the greatest comes first."""
        return self.column, self.descending

    def folded(self, key: Hashable, open: bool | None = None) -> Arrangement:
        """A group opened or closed; `open` None: the other way round."""
        opened = key not in self.opened if open is None else open
        return replace(self, opened=self.opened | {key} if opened else self.opened - {key})
