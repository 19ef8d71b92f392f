"""What connections are grouped by, as numbers with names, and what is counted of them: columns over all captures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tui.rows.connection_rows import by_whom, ended, values_of

if TYPE_CHECKING:
    from capture.triage import Triage
    from capture.verdicts.rules.verdict_template import Template
    from capture.wire.column_types import I64

OF_VERDICTS: dict[str, Callable[[Template], str]] = {
    "cause": lambda t: t.diagnosis.cause,
    "ended": lambda t: ended(t.ended_by),
    "by": lambda t: by_whom(t.closed_first, t.ended_by, t.reset_by),
    "certainty": lambda t: t.diagnosis.certainty.value,
}


class Labels:
    """For each kind of label a number for each connection of all captures, and what the numbers stand for."""

    def __init__(self, columns: dict[str, tuple[I64, list[str]]]) -> None:
        self._columns = columns

    def together(self, kinds: Sequence[str]) -> tuple[I64, Callable[[int], tuple[str, ...]]]:
        """One number for what some kinds make together, and the names behind such a number."""
        numbers = np.zeros_like(self._columns[kinds[0]][0])
        for kind in kinds:
            numbers = numbers * len(self._columns[kind][1]) + self._columns[kind][0]

        def names(number: int) -> tuple[str, ...]:
            found: list[str] = []
            for kind in reversed(kinds):
                number, at = divmod(number, len(self._columns[kind][1]))
                found.append(self._columns[kind][1][at])
            return tuple(reversed(found))

        return numbers, names

    def shared(self, kind: str, members: I64) -> str:
        """The name that all members have; empty where they differ."""
        numbers, names = self._columns[kind]
        first = int(numbers[members[0]])
        return names[first] if bool((numbers[members] == first).all()) else ""

    def kinds(self, kind: str, members: I64) -> int:
        """How many different names the members have."""
        return len(np.unique(self._columns[kind][0][members]))


def labels_of(triages: Sequence[Triage]) -> Labels:
    """The labels of all connections of some captures."""
    parts: dict[str, list[tuple[I64, list[str]]]] = {}
    for triage in triages:
        verdicts = triage.verdicts
        for kind, name in OF_VERDICTS.items():
            numbers = np.asarray(verdicts.template_of, dtype=np.int64)
            parts.setdefault(kind, []).append((numbers, [name(t) for t in verdicts.templates]))
        parts.setdefault("listener", []).append(_ends(triage, 1))
        parts.setdefault("peer", []).append(_ends(triage, 0))
    return Labels({kind: _joined(of_captures) for kind, of_captures in parts.items()})


def _ends(triage: Triage, side: int) -> tuple[I64, list[str]]:
    """Listeners as addresses with their port; peers as addresses."""
    flows = triage.decoded.flows
    port = flows.port[:, 1].astype(np.int64) if side else 0
    _, first, numbers = np.unique(flows.address[:, side] << 16 | port, return_index=True, return_inverse=True)
    ends = [triage.endpoint(int(connection), side) for connection in first]
    return numbers.astype(np.int64), [str(end) if side else end.ip for end in ends]


def addresses_of(triage: Triage, side: int) -> dict[str, int]:
    """The addresses of a side, each with its connections."""
    flows = triage.decoded.flows
    _, first, numbers = np.unique(flows.address[:, side], return_index=True, return_counts=True)
    ends = [triage.endpoint(int(connection), side).ip for connection in first]
    return dict(zip(ends, numbers.tolist(), strict=True))


def _joined(of_captures: Sequence[tuple[I64, list[str]]]) -> tuple[I64, list[str]]:
    """The same name has the same number in all captures."""
    known: dict[str, int] = {}
    columns = [
        np.array([known.setdefault(name, len(known)) for name in names] or [0], np.int64)[numbers]
        for numbers, names in of_captures
    ]
    return np.concatenate(columns), list(known)


def numbers_of(triages: Sequence[Triage], column: str) -> I64:
    """A column of numbers over all captures, times in ns; start is counted from each capture's first packet."""
    columns = []
    for triage in triages:
        values = values_of(triage, column)
        columns.append(values - (triage.decoded.first_time or 0) if column == "start" else values)
    return np.concatenate(columns)
