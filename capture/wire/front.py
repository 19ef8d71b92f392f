"""Packets that stand at the same header, and the bytes they stand on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from capture.wire.columns import I32, I64, U8, U16, Bool
from capture.wire.feed import Buffer


@dataclass(frozen=True)
class Network:
    """What the innermost IP header said. Shapes (n,)."""

    src: I64  # address keys
    dst: I64
    ttl: U8
    ip_id: U16
    marks: U8
    protocol: U8 | None = None

    def where(self, keep: Any) -> Network:
        """Some of the packets, by mask or index."""
        return Network(self.src[keep], self.dst[keep], self.ttl[keep], self.ip_id[keep], self.marks[keep])


@dataclass(frozen=True)
class Front:
    """n packets whose next header begins at `at`. Positions are indices into the window; shapes (n,)."""

    row: I64  # which records of the window
    at: I64
    captured: I64  # where captured bytes end
    limit: I64  # where the packet ends by its headers: padding cut off, bytes not captured counted
    scope: I32
    network: Network | None = None

    def __len__(self) -> int:
        return len(self.row)

    def where(self, keep: Bool) -> Front:
        """The packets for which `keep` is true."""
        if keep.all():
            return self
        index = np.flatnonzero(keep)
        network = self.network.where(index) if self.network is not None else None
        return Front(
            self.row[index], self.at[index], self.captured[index], self.limit[index], self.scope[index], network
        )

    def moved(self, by: int | I64, **changes: Any) -> Front:
        """The same packets, `by` bytes on."""
        return replace(self, at=self.at + by, **changes)

    def having(self, size: int) -> Front:
        """The packets with `size` bytes captured from here."""
        return self.where(self.at + size <= self.captured)


class Bytes:
    """A window as overlapping integers and structures; one may look up to PAD bytes beyond its end."""

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer
        self._views: dict[str, npt.NDArray[Any]] = {}

    def _view(self, dtype: str) -> npt.NDArray[Any]:
        view = self._views.get(dtype)
        if view is None:
            size = np.dtype(dtype).itemsize
            view = np.ndarray((max(len(self.buffer) - size + 1, 0),), dtype, self.buffer, 0, (1,))
            self._views[dtype] = view
        return view

    def u8(self, at: I64) -> U8:
        """One byte of each packet."""
        return self._view("u1")[at]

    def u16(self, at: I64) -> U16:
        """Two bytes in network order."""
        return self._view(">u2")[at]

    def u32(self, at: I64) -> npt.NDArray[np.uint32]:
        """Four bytes in network order."""
        return self._view(">u4")[at]

    def u32_little(self, at: I64) -> npt.NDArray[np.uint32]:
        """Four bytes in little-endian order."""
        return self._view("<u4")[at]

    def cut(self, at: I64, layout: np.dtype[np.void]) -> npt.NDArray[Any]:
        """A structure of each packet: shape (n,), fields by name."""
        return self._view(f"V{layout.itemsize}")[at].view(layout)
