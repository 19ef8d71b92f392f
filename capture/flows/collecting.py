"""Blocks of packets gathered by conversation: what grouping holds of each packet while a capture is read.

Addresses and ports go into the conversation's number at once, so that a packet costs about 45 bytes. Each column is one
array with room for more: nothing is held twice, and no small pieces stay behind. Room that is never written costs no
memory, so it is taken for all packets at once where their number can be guessed: a page that is touched once more, or
copied, costs more than what is computed for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from capture.flows.conversations import Conversations
from capture.wire.columns import I32, PacketColumns

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
    "wscale": np.int8,
    "offset": np.int64,
    "content": np.uint8,
}
LEAST_ROOM = 1 << 18  # rows that a growing column has at least from its second block on
MOST_ROOM = 1 << 31  # rows that are reserved at most


class Column:
    """An array that rows are appended to."""

    def __init__(self, dtype: type[np.generic]) -> None:
        self._array: npt.NDArray[Any] = np.empty(0, dtype)
        self.stop = 0  # the row after the last one

    def extend(self, values: npt.NDArray[Any]) -> None:
        """Append rows."""
        stop = self.stop + len(values)
        if stop > len(self._array):
            self.reserve(len(values) if not self.stop else max(LEAST_ROOM, 2 * stop))
        self._array[self.stop : stop] = values
        self.stop = stop

    def reserve(self, room: int) -> None:
        """Have room for so many rows in all."""
        larger = np.empty(room, self._array.dtype)
        larger[: self.stop] = self._array[: self.stop]
        self._array = larger

    def rows(self) -> npt.NDArray[Any]:
        """What was appended."""
        return self._array[: self.stop]


class Collected:
    """Packets in file order with their conversation; columns are taken out one by one, so that each is held once."""

    def __init__(self) -> None:
        self.conversations = Conversations()
        self.rows = 0  # how many packets there are
        self._key = Column(np.int32)
        self._columns = {name: Column(dtype) for name, dtype in KEPT.items()}

    def add(self, block: PacketColumns) -> None:
        """Take a block."""
        if not len(block):
            return
        self._key.extend(self.conversations.keys(block))
        for name, column in self._columns.items():
            column.extend(getattr(block, name))
        self.rows += len(block)

    def expect(self, rows: int) -> None:
        """Reserve room for so many packets in all, where there is that much."""
        if self.rows < rows < MOST_ROOM:
            try:
                for column in (self._key, *self._columns.values()):
                    column.reserve(rows)
            except MemoryError:  # a system that promises no more than it has: the columns grow as they need to
                return

    def take_keys(self) -> I32:
        """Conversation << 1 | sent by the upper end, by row; once only."""
        keys: I32 = self._key.rows()
        self._key = Column(np.int32)
        return keys

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column, by row."""
        return self._columns[name].rows()

    def take_column(self, name: str) -> npt.NDArray[Any]:
        """One column, by row, given away: once only."""
        return self._columns.pop(name).rows()
