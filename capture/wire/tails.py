"""The back of a capture, read by itself: what is handed over with its packets, and how they fit in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from capture.model import Notice
from capture.wire.columns import I32, I64, AddressTable, Bool, PacketColumns, QuotedTcp, ScopeTable
from capture.wire.cuts import Cut


@dataclass(frozen=True, slots=True)
class TailRead:
    """What a reader of the back of a file found beside its packets; numbers count from that reader's first packet."""

    packets: int
    first_time: int | None
    last_time: int | None
    addresses: AddressTable
    scopes: ScopeTable
    quoted: list[QuotedTcp]
    headers: Cut
    options: Cut
    notices: list[Notice]  # of the end of the file
    opening: PacketColumns | None  # its first packets, which may be second sights of those before
    upto: int  # file offset up to which it read


@dataclass(frozen=True, slots=True)
class Adopted:
    """How the rows of a tail fit in with those before them."""

    packets_before: int  # to be added to packet numbers
    addresses: Callable[[I64], I64]  # the tail's address keys to the reader's
    scopes: I32  # the reader's scope for each of the tail's
    again: Bool  # which of the tail's first rows are second sights of the last ones before
