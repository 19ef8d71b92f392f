"""Blocks of packets gathered by conversation: what grouping holds of each packet while a capture is read.

Addresses and ports go into the conversation's number at once, so that a packet costs about 45 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from capture.flows.conversations import Conversations
from capture.wire.columns import I32, I64, PacketColumns

KEPT = ("number", "time", "seq", "ack", "flags", "window", "payload", "ttl", "ip_id", "marks", "offset")


@dataclass
class Collected:
    """Packets in file order with their conversation; columns are taken out one by one, so that each is held once."""

    conversations: Conversations = field(default_factory=Conversations)
    rows: int = 0
    _keys: list[I32] = field(default_factory=list)  # conversation << 1 | sent by the upper end
    _columns: dict[str, list[npt.NDArray[np.generic]]] = field(default_factory=lambda: {name: [] for name in KEPT})
    _scale_rows: list[I64] = field(default_factory=list)
    _scales: list[npt.NDArray[np.int8]] = field(default_factory=list)

    def add(self, block: PacketColumns) -> None:
        """Take a block."""
        if not len(block):
            return
        conversation, upper = self.conversations.number(block)
        self._keys.append((conversation << 1) | upper)
        for name in KEPT:
            column = getattr(block, name)
            self._columns[name].append(np.array(column) if column.base is not None else column)
        scaled = np.flatnonzero(block.wscale >= 0)
        if len(scaled):
            self._scale_rows.append(scaled + self.rows)
            self._scales.append(block.wscale[scaled])
        self.rows += len(block)

    def keys(self) -> I32:
        """Conversation << 1 | sent by the upper end, of each packet. Shape (rows,)."""
        joined = np.concatenate(self._keys) if self._keys else np.empty(0, np.int32)
        self._keys = [joined]
        return joined

    def column(self, name: str, *, last: bool = False) -> npt.NDArray[np.generic]:
        """One column in file order. Shape (rows,). `last`: it will not be asked for again."""
        parts = self._columns[name]
        joined = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else _empty(name)
        self._columns[name] = [] if last else [joined]
        return joined

    def scales(self) -> tuple[I64, npt.NDArray[np.int8]]:
        """Rows whose segment carried a window scale option, and the option's value."""
        if not self._scale_rows:
            return np.empty(0, np.int64), np.empty(0, np.int8)
        return np.concatenate(self._scale_rows), np.concatenate(self._scales)


def _empty(name: str) -> npt.NDArray[np.generic]:
    types = {"time": np.int64, "offset": np.int64, "payload": np.int32, "flags": np.uint16, "window": np.uint16}
    types |= {"ttl": np.uint8, "marks": np.uint8, "ip_id": np.uint16}
    return np.empty(0, types.get(name, np.uint32))
