"""Records of segments by column: what is asked of millions of them reads one field, and not the other sixty bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from capture.engine.session import Records


class Rows:
    """Some records (Engine.traced): rows["seq"] is a column of all, rows[which] the records that an index chooses."""

    def __init__(self, records: Records, chosen: npt.NDArray[Any] | None = None) -> None:
        self._records, self._chosen = records, chosen
        self._columns: dict[str, npt.NDArray[Any]] = {}

    def __len__(self) -> int:
        return len(self._records) if self._chosen is None else len(self._chosen)

    def __getitem__(self, what: Any) -> Any:
        """A column by its name; by a number one record; by a mask, or an array of places, others as Rows."""
        if isinstance(what, str):
            if what not in self._columns:
                self._columns[what] = np.ascontiguousarray(self._column(what))
            return self._columns[what]
        if isinstance(what, (int, np.integer)):
            return self._records[what if self._chosen is None else self._chosen[what]]
        places = np.flatnonzero(what) if what.dtype == np.bool_ else what
        return _Part(self, places)

    def _column(self, name: str) -> npt.NDArray[Any]:
        column = self._records[name]
        return column if self._chosen is None else column[self._chosen]


class _Part(Rows):
    """Some of others, whose columns are there already."""

    def __init__(self, of: Rows, places: npt.NDArray[Any]) -> None:
        self._of, self._places = of, places
        self._columns = {}

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, what: Any) -> Any:
        if isinstance(what, (int, np.integer)):
            return self._of[self._places[what]]
        return super().__getitem__(what)

    def _column(self, name: str) -> npt.NDArray[Any]:
        column: npt.NDArray[Any] = self._of[name][self._places]
        return column
