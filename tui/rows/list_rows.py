"""What a table shows: rows by place and by key, their cells as text and tone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

Cell = tuple[str, str]
"""Text and its tone: "" or one of TONES."""


class Rows(Protocol):
    """What a table shows: an ordered, immutable view. Built in a worker, swapped in whole."""

    def __len__(self) -> int: ...

    def key(self, index: int) -> Hashable:
        """What names the row at a place, whatever the order."""
        ...

    def place_of(self, key: Hashable) -> int | None:
        """Where a row is now; None where it is gone."""
        ...

    def cells(self, index: int) -> Sequence[Cell]:
        """One cell a column of the table, shown or not; a single cell spans them all. Texts are safe to print."""
        ...


class ListRows:
    """Rows that were formatted beforehand: for short lists."""

    def __init__(self, rows: Sequence[tuple[Hashable, Sequence[Cell]]]) -> None:
        self._rows = rows
        self._places = {key: place for place, (key, _) in enumerate(rows)}

    def __len__(self) -> int:
        return len(self._rows)

    def key(self, index: int) -> Hashable:
        """What names the row at a place."""
        return self._rows[index][0]

    def place_of(self, key: Hashable) -> int | None:
        """Where a row is now."""
        return self._places.get(key)

    def cells(self, index: int) -> Sequence[Cell]:
        """The cells of a row."""
        return self._rows[index][1]
