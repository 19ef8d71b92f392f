"""A capture's connections in groups: alike (one cause at one listener), by cause, by listener, by peer."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tui.rows.connection_labels import Labels, labels_of, numbers_of
from tui.rows.connection_rows import ConnectionRows, mark
from tui.rows.grouped_rows import CLOSED, OPEN, Group, GroupedRows, GroupKey, UnderGroups
from tui.text.language import count, tr
from tui.text.quantities import duration, size

if TYPE_CHECKING:
    from capture.triage import Triage
    from capture.wire.column_types import I64
    from tui.rows.arrangement import Arrangement
    from tui.rows.list_rows import Cell

PARTS = {"alike": ("cause", "listener"), "cause": ("cause",), "listener": ("listener",), "peer": ("peer",)}
"""What the members of a group share, by the grouping's name."""
SUMMED = ("bytes", "packets", "retransmitted")
TERMS = {"cause": "cause", "listener": "responder", "peer": "originator"}


class GroupedConnections(UnderGroups, ConnectionRows):
    """ConnectionRows with groups over them. Of a group `find` gives its first connection."""

    def __init__(self, rows: ConnectionRows, groups: Sequence[Group], labels: Labels, arrangement: Arrangement) -> None:
        super().__init__(rows.triages, rows.order, rows.starts)
        self._labels = labels
        self.by = groups[0].key.by
        self._view = GroupedRows(rows, groups, arrangement.opened, self._summary)

    def find(self, key: Hashable) -> tuple[Triage, int]:
        """The capture and the connection's id in it; of a group its first connection."""
        group = self.group(key)
        return super().find(int(self.order[group.places[0]]) if group is not None else key)

    def _summary(self, group: Group, is_open: bool) -> Sequence[Cell]:
        """What the members share, how many there are of what they do not; first start, median length, sums."""
        members = self.order[np.asarray(group.places)]
        sign, tone = mark(int(numbers_of(self.triages, "mark")[members].max()))
        start, lasted = numbers_of(self.triages, "start")[members], numbers_of(self.triages, "duration")[members]
        sums = {name: int(numbers_of(self.triages, name)[members].sum()) for name in SUMMED}
        peer = self._labels.shared("peer", members) or count(self._labels.kinds("peer", members), "host")
        listener = self._labels.shared("listener", members)
        cause = self._labels.shared("cause", members)
        title = tr("{number} from {peer}", number=f"{len(members):,}", peer=peer)
        return (
            (sign, tone),
            (f"{OPEN if is_open else CLOSED} {title}", "strong"),
            (listener or count(self._labels.kinds("listener", members), "listener"), ""),
            (self._labels.shared("ended", members), tone),
            (self._labels.shared("by", members), ""),
            (cause or count(self._labels.kinds("cause", members), "cause"), tone or "dim"),
            (f"{int(start.min()) / 1e9:.2f}", "dim"),
            (f"~{duration(float(np.median(lasted)) / 1e9)}", "dim"),
            (size(sums["packets"]), "dim"),
            (size(sums["bytes"]), "dim"),
            ("", ""),
            (str(sums["retransmitted"]), "warn" if sums["retransmitted"] else "dim"),
            (self._labels.shared("certainty", members), "dim"),
            ("", ""),
            ("", ""),
        )


def grouped(rows: ConnectionRows, arrangement: Arrangement) -> ConnectionRows:
    """The rows in groups, as the arrangement says; as they are where it asks for none, or leaves it open and fewer than
    a screenful are alike. For the worker."""
    by = arrangement.by
    if by == "" or not len(rows):
        return rows
    labels = labels_of(rows.triages)
    numbers, names = labels.together(PARTS[by or "alike"])
    of_rows = numbers[rows.order]
    if by is None and int(np.bincount(of_rows).max()) <= max(1, arrangement.screenful):
        return rows
    kinds, first, inverse = np.unique(of_rows, return_index=True, return_inverse=True)
    if len(kinds) == 1:  # one group of all says nothing
        return rows
    sizes = np.bincount(inverse)
    places = np.split(np.argsort(inverse, kind="stable"), np.cumsum(sizes)[:-1])
    groups = [
        Group(GroupKey(by or "alike", names(int(kinds[at]))), places[at])
        for at in _ranked(rows, arrangement, first, inverse, sizes).tolist()
    ]
    return GroupedConnections(rows, groups, labels, arrangement)


def _ranked(rows: ConnectionRows, arrangement: Arrangement, first: I64, inverse: I64, sizes: I64) -> I64:
    """The groups in order: by their sums; the worst and then the largest first; else as their first members."""
    column, descending = arrangement.sort
    sign = -1 if descending else 1
    if column in SUMMED:
        sums = np.bincount(inverse, weights=numbers_of(rows.triages, column)[rows.order])
        return np.asarray(np.lexsort((first, sign * sums)))
    if column == "mark":
        worst = np.zeros(len(sizes), np.int64)
        np.maximum.at(worst, inverse, numbers_of(rows.triages, "mark")[rows.order])
        return np.asarray(np.lexsort((first, -sizes, sign * worst)))
    return np.argsort(first, kind="stable")


def filter_of(key: GroupKey) -> str:
    """The filter that keeps a group's connections."""
    values = key.value if isinstance(key.value, tuple) else (key.value,)
    return " ".join(f"{TERMS[part]}:{value}" for part, value in zip(PARTS[key.by], values, strict=True))
