"""Rows of a fleet's result: its connections, and groups of them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from capture.safe_text import printable
from tui.rows.connection_columns import COLUMNS as OF_CONNECTIONS
from tui.rows.connection_rows import connection_cells, mark
from tui.text.column_layout import Column
from tui.text.quantities import size

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from capture.filters import Filter
    from capture.fleet.result import StoredFleet
    from capture.wire.column_types import I64

    Cells = Sequence[tuple[str, str]]

COLUMNS = (*OF_CONNECTIONS[:6], Column("capture", "Capture", 18, most=40, rank=1), *OF_CONNECTIONS[6:])
GROUP_COLUMNS = (
    Column("mark", "", 2, rank=0),
    Column("group", "Group", 30, most=80, rank=0),
    Column("connections", "Conns", 8, right=True, rank=0),
    Column("bad", "Bad", 8, right=True, rank=0),
    Column("captures", "Captures", 8, right=True, rank=1),
    Column("bytes", "Bytes", 7, right=True, rank=2),
)
GROUPINGS = ("cause", "responder", "originator", "capture")
"""What `b` goes through, behind the connections themselves."""


class FleetRows:
    """Connections in some order. A key is a row's number in the result."""

    def __init__(self, fleet: StoredFleet, order: I64) -> None:
        self._fleet, self._order = fleet, order
        self._places: dict[int, int] | None = None
        self._cells = lru_cache(maxsize=512)(self._format)

    def __len__(self) -> int:
        return len(self._order)

    def key(self, index: int) -> Hashable:
        """The row's number."""
        return int(self._order[index])

    def place_of(self, key: Hashable) -> int | None:
        """Where a row is now."""
        if self._places is None:
            self._places = {number: place for place, number in enumerate(self._order.tolist())}
        return self._places.get(key)  # type: ignore[call-overload,no-any-return]

    def cells(self, index: int) -> Cells:
        """In the order of COLUMNS."""
        return self._cells(int(self._order[index]))

    def _format(self, row: int) -> Cells:
        one, (capture, _) = self._fleet.connection(row), self._fleet.capture_of(row)
        bad = int(self._fleet.verdicts.badness[row])
        cells = connection_cells(one, bad, capture.first_time or one.first_time)
        return (*cells[:6], (printable(capture.name), "dim"), *cells[6:])


def fleet_rows(fleet: StoredFleet, chosen: I64, sort: tuple[str, bool]) -> FleetRows:
    """The chosen rows in order (connection_columns.SORTS)."""
    column, descending = sort
    values = _values(fleet, column)[chosen]
    return FleetRows(fleet, chosen[np.argsort(-values if descending else values, kind="stable")])


def _values(fleet: StoredFleet, column: str) -> I64:
    flows = fleet.flows
    if column == "mark":
        return fleet.verdicts.badness
    if column in ("originator", "responder"):
        side = int(column == "responder")
        return (flows.address[:, side] << 16) | flows.port[:, side].astype(np.int64)
    if column == "retransmitted":
        return np.asarray(flows.counts["retransmission"].astype(np.int64).sum(axis=1))
    sums = {"bytes": flows.bytes, "packets": flows.packet_count}
    if column in sums:
        return np.asarray(sums[column].sum(axis=1))
    return flows.last_time - flows.first_time if column == "duration" else flows.first_time


def chosen_rows(fleet: StoredFleet, wanted: Filter | None, capture: str | None) -> I64:
    """The rows that a filter keeps, of one capture or of all."""
    keep = np.ones(len(fleet), np.bool_)
    if capture is not None:
        keep &= fleet.of_capture == [one.name for one in fleet.captures].index(capture)
    if wanted is not None:
        keep &= fleet.select(wanted)
    return np.flatnonzero(keep)


def group_rows(fleet: StoredFleet, chosen: I64, by: str) -> list[tuple[tuple[str, str], Cells]]:
    """Groups of the chosen rows, those with most bad ends first. A key is (what it is grouped by, its value)."""
    numbers, names = grouped(fleet, chosen, by)
    if not len(chosen):
        return []
    bad = fleet.verdicts.badness[chosen]
    sizes = np.bincount(numbers)
    worst = np.zeros(len(sizes), np.int64)
    np.maximum.at(worst, numbers, bad)
    bads = np.bincount(numbers, weights=mark_is_set(bad)).astype(np.int64)
    volume = np.bincount(numbers, weights=fleet.flows.bytes[chosen].sum(axis=1)).astype(np.int64)
    pairs = np.unique(numbers * len(fleet.captures) + fleet.of_capture[chosen])
    captures = np.bincount(pairs // len(fleet.captures), minlength=len(sizes))
    found: list[tuple[tuple[str, str], Cells]] = []
    for at in np.lexsort((-sizes, -bads)).tolist():
        sign, tone = mark(int(worst[at]))
        cells = (
            (sign, tone),
            (printable(names[at]), ""),
            (f"{sizes[at]:,}", ""),
            (f"{bads[at]:,}", tone if bads[at] else "dim"),
            (f"{captures[at]:,}", "dim"),
            (size(int(volume[at])), "dim"),
        )
        found.append(((by, names[at]), cells))
    return found


def mark_is_set(badness: I64) -> Any:
    """Which ends are worth a look. Shape (n,)."""
    from tui.rows.connection_rows import WORTH_A_LOOK

    return badness >= WORTH_A_LOOK


def grouped(fleet: StoredFleet, chosen: I64, by: str) -> tuple[I64, list[str]]:
    """A number for each chosen row, and what each number means."""
    if by == "capture":
        kinds, numbers = np.unique(fleet.of_capture[chosen], return_inverse=True)
        return numbers, [fleet.captures[kind].name for kind in kinds.tolist()]
    if by == "cause":
        kinds, numbers = np.unique(fleet.verdicts.template_of[chosen], return_inverse=True)
        causes = [fleet.verdicts.of_kind(kind).cause for kind in kinds.tolist()]
        names = sorted(set(causes))
        return np.array([names.index(cause) for cause in causes], np.int64)[numbers], names
    flows, side = fleet.flows, int(by == "responder")
    ends = flows.address[chosen, side] << 16 | (flows.port[chosen, side].astype(np.int64) if side else 0)
    kinds, numbers = np.unique(ends, return_inverse=True)
    texts = [(flows.addresses.text(kind >> 16), kind & 0xFFFF) for kind in kinds.tolist()]
    if not side:
        return numbers, [ip for ip, _ in texts]
    return numbers, [f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}" for ip, port in texts]


def filter_of_group(by: str, name: str) -> str:
    """The filter that keeps a group; "" of a capture, which no term tells."""
    return "" if by == "capture" else f"{by}:{name}"
