"""What a connection's line needs beside the flow table, computed for all connections at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from capture.model import COUNT_NAMES, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.flows.connection_table import FlowTable
    from capture.wire.column_types import I64

_BY = (f'{{"by":"{Side.ORIGINATOR.value}","packet":%d}}', f'{{"by":"{Side.RESPONDER.value}","packet":%d}}')


@dataclass(frozen=True, slots=True)
class LineColumns:
    """Per connection: first and last time (ns), and the first FIN and RST as JSON text."""

    first_time: I64
    last_time: I64
    first_fin: list[str]
    first_rst: list[str]

    @classmethod
    def of(cls, flows: FlowTable) -> LineColumns:
        """The columns of a whole flow table; connections hold at least one packet each."""
        return cls(flows.lowest_time, flows.highest_time, _first_with(flows.first_fin), _first_with(flows.first_rst))


def _first_with(packed: I64) -> list[str]:
    return [_BY[number & 1] % (number >> 1) if number else "null" for number in packed.tolist()]


_SIDE_COUNTS = "{" + ",".join(f'"{name}":%d' for name in COUNT_NAMES) + "}"
_COUNTS = f'{{"{Side.ORIGINATOR.value}":{_SIDE_COUNTS},"{Side.RESPONDER.value}":{_SIDE_COUNTS}}}'


class CountTexts:
    """The `counts` of a batch as JSON text; most connections share one of a few, which are then made once."""

    def __init__(self, flows: FlowTable) -> None:
        self._flows = flows
        self._known: dict[bytes, str] = {}

    def of(self, chosen: Sequence[int] | I64) -> list[str]:
        """JSON text for each chosen connection."""
        names = [self._flows.counts[name][chosen] for name in COUNT_NAMES]
        rows = np.ascontiguousarray(
            np.concatenate([np.stack([column[:, side] for column in names], axis=1) for side in (0, 1)], axis=1)
        )
        raw, width = rows.tobytes(), rows.shape[1] * rows.itemsize
        return [self._text(raw[at : at + width], rows, at // width) for at in range(0, len(raw), width)]

    def _text(self, key: bytes, rows: I64, row: int) -> str:
        text = self._known.get(key)
        if text is None:
            text = _COUNTS % tuple(rows[row].tolist())
            if len(self._known) < 100_000:  # bounds memory where every connection has counts of its own
                self._known[key] = text
        return text
