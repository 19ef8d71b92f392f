"""Kernel events kept as bytes: as objects they are ten times as large, and a storm is a hundred thousand of them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from capture.kernel.event import KernelEvent

FASTEST: Final = 1
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(list[KernelEvent])


class PackedEvents:
    """The events of one reading; iterating takes them out anew."""

    __slots__ = ("_count", "_packed")

    def __init__(self, events: Sequence[KernelEvent]) -> None:
        self._count = len(events)
        self._packed = zlib.compress(_ENCODER.encode(events), FASTEST)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[KernelEvent]:
        yield from _DECODER.decode(zlib.decompress(self._packed))
