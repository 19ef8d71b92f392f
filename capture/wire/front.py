"""Packets that stand at the same header, and the bytes they stand on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from msgspec.structs import replace

from capture.wire.columns import I32, I64, U8, U16, Bool
from capture.wire.feed import Buffer


class Network(Struct, frozen=True):
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


class Front(Struct, frozen=True):
    """n packets whose next header begins at `at`. Positions are indices into the window; shapes (n,)."""

    row: I64  # which records of the window
    at: I64
    captured: I64  # where captured bytes end
    limit: I64  # where the packet ends by its headers: padding cut off, bytes not captured counted
    scope: I32
    network: Network | None = None
    aligned: tuple[I64, int] | None = None  # `at`, and how far it is from where each of all records begins

    def __len__(self) -> int:
        return len(self.row)

    def where(self, keep: Bool) -> Front:
        """The packets for which `keep` is true."""
        return self if keep.all() else self.at_rows(np.flatnonzero(keep))

    def at_rows(self, index: I64) -> Front:
        """The packets at these indices."""
        network = self.network.where(index) if self.network is not None else None
        return Front(
            self.row[index], self.at[index], self.captured[index], self.limit[index], self.scope[index], network
        )

    def moved(self, by: int | I64, **changes: Any) -> Front:
        """The same packets, `by` bytes on."""
        at = self.at + by
        skip, step = self.skip, 0
        if skip is not None:
            step = by if isinstance(by, int) else int(by[0]) if len(by) else 0
            if not isinstance(by, int) and (by != step).any():
                skip = None
        return replace(self, at=at, aligned=None if skip is None else (at, skip + step), **changes)

    @property
    def skip(self) -> int | None:
        """How many bytes all records of the window have before `at`; None where they differ, or some are missing."""
        return self.aligned[1] if self.aligned is not None and self.aligned[0] is self.at else None

    def having(self, size: int) -> Front:
        """The packets with `size` bytes captured from here."""
        return self.where(self.at + size <= self.captured)


class Bytes:
    """A window as overlapping integers and structures; one may look up to PAD bytes beyond its end."""

    def __init__(self, buffer: Buffer, heads: U8 | None = None) -> None:
        self.buffer = buffer
        self._heads = heads
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

    def header(self, front: Front, layout: np.dtype[Any], by: int = 0) -> npt.NDArray[Any]:
        """A structure or number `by` bytes after where each packet stands: shape (n,); do not write to it.

        From the heads where these were gathered: that spares the way to a packet's place in the window.
        """
        skip, size = front.skip, layout.itemsize
        if self._heads is not None and skip is not None and len(front) == len(self._heads):
            begin = skip + by
            if begin + size <= self._heads.shape[1]:
                return self._heads[:, begin : begin + size].view(layout)[:, 0]
        return self._view(f"V{size}")[front.at + by if by else front.at].view(layout)
