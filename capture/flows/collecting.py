"""Blocks of packets gathered by conversation: what grouping holds of each packet while a capture is read.

Addresses and ports go into the conversation's number at once, so that a packet costs about 45 bytes. Each column is one
growing array: nothing is held twice, and no small pieces stay behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from capture.flows.conversations import Conversations
from capture.wire.columns import I8, I32, I64, Mark, PacketColumns

if TYPE_CHECKING:
    from capture.wire.tails import Adopted

KEPT: dict[str, type[np.generic]] = {
    "number": np.uint32,
    "time": np.int64,
    "seq": np.uint32,
    "ack": np.uint32,
    "flags": np.uint16,
    "window": np.uint16,
    "payload": np.int32,
    "ttl": np.uint8,
    "ip_id": np.uint16,
    "marks": np.uint8,
    "offset": np.int64,
}
LEAST_ROOM = 1 << 18  # rows that a growing column has at least from its second block on


class Growing:
    """An array that rows are appended to."""

    def __init__(self, dtype: type[np.generic]) -> None:
        self._array: npt.NDArray[Any] = np.empty(0, dtype)
        self._rows = 0

    def extend(self, values: npt.NDArray[Any]) -> None:
        """Append rows."""
        stop = self._rows + len(values)
        if stop > len(self._array):
            room = len(values) if not self._rows else max(LEAST_ROOM, 2 * stop)
            larger = np.empty(room, self._array.dtype)  # pages that are never written cost nothing
            larger[: self._rows] = self._array[: self._rows]
            self._array = larger
        self._array[self._rows : stop] = values
        self._rows = stop

    def rows(self) -> npt.NDArray[Any]:
        """What was appended."""
        return self._array[: self._rows]


@dataclass(frozen=True, slots=True)
class CollectedPart:
    """The packets of a part of a capture, with conversations numbered from 0; made to be handed over."""

    keys: I32  # conversation << 1 | sent by the upper end
    columns: dict[str, npt.NDArray[Any]]
    ends: tuple[I64, I64, I32]  # of each conversation: Conversations.lower, .upper and .scope
    scales: tuple[I64, I8]


class Collected:
    """Packets in file order with their conversation; columns are taken out one by one, so that each is held once."""

    def __init__(self) -> None:
        self.conversations = Conversations()
        self.rows = 0
        self._key = Growing(np.int32)
        self._columns = {name: Growing(dtype) for name, dtype in KEPT.items()}
        self._scale_rows: list[I64] = []
        self._scales: list[I8] = []

    def add(self, block: PacketColumns) -> None:
        """Take a block."""
        if not len(block):
            return
        conversation, upper = self.conversations.number(block)
        self._key.extend((conversation << 1) | upper)
        for name, column in self._columns.items():
            column.extend(getattr(block, name))
        scaled = np.flatnonzero(block.wscale >= 0)
        if len(scaled):
            self._scale_rows.append(scaled + self.rows)
            self._scales.append(block.wscale[scaled])
        self.rows += len(block)

    def part(self) -> CollectedPart:
        """All that was taken, to be handed over."""
        known = self.conversations
        columns = {name: column.rows() for name, column in self._columns.items()}
        return CollectedPart(self._key.rows(), columns, (known.lower, known.upper, known.scope), self.scales())

    def append(self, part: CollectedPart, fits: Adopted) -> None:
        """Take the packets of a later part; its arrays are used up."""
        ids, turned = self.conversations.adopt(part.ends, fits.addresses, fits.scopes)
        conversation = part.keys >> 1
        self._key.extend((ids[conversation] << 1) | ((part.keys & 1) ^ turned[conversation]))
        part.columns["number"] += np.uint32(fits.packets_before)
        part.columns["marks"][: len(fits.again)][fits.again] |= np.uint8(Mark.SAME_AS_BEFORE)
        for name, column in self._columns.items():
            column.extend(part.columns.pop(name))
        rows, values = part.scales
        self._scale_rows.append(rows + self.rows)
        self._scales.append(values)
        self.rows += len(part.keys)

    def take_keys(self) -> I32:
        """Conversation << 1 | sent by the upper end, of each packet; once only. Shape (rows,)."""
        keys: I32 = self._key.rows()
        self._key = Growing(np.int32)
        return keys

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column in file order. Shape (rows,)."""
        return self._columns[name].rows()

    def take_column(self, name: str) -> npt.NDArray[Any]:
        """One column in file order, given away: once only. Shape (rows,)."""
        return self._columns.pop(name).rows()

    def scales(self) -> tuple[I64, I8]:
        """Rows whose segment carried a window scale option, and the option's value."""
        if not self._scale_rows:
            return np.empty(0, np.int64), np.empty(0, np.int8)
        return np.concatenate(self._scale_rows), np.concatenate(self._scales)
