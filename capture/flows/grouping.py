"""Packets in file order to packets sorted by connection, with each connection's ends in their roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from capture import kernels
from capture.flows.collecting import Collected
from capture.flows.splitting import connection_starts
from capture.flows.table import FlowPackets
from capture.model import TcpFlags
from capture.wire.columns import I8, I32, I64, U8, U16, U32, Bool

SYN, ACK = int(TcpFlags.SYN), int(TcpFlags.ACK)
PIECE = 1 << 16  # rows gathered at once
MANY_PEERS = 3  # … and so is one with which so many talk
SERVER_PORTS = 1024  # midstream: a port below this one is the responder's


class Grouped(Struct, frozen=True):
    """Packets by connection, not yet analysed (`packets.tags` is zero)."""

    packets: FlowPackets
    first: I64  # (n + 1,)
    address: I64  # (n, 2)
    port: U16  # (n, 2)
    scope: I32  # (n,)
    flipped: Bool  # (n,) the first packet was the responder's
    wscale: I8  # (n, 2) window scale offered by each side's SYNs; -1 where none showed one


def grouped(collected: Collected, *, by_time: bool = False, check: Callable[[], None] = lambda: None) -> Grouped:
    """Sort by connection, split reused conversations, give roles; takes the columns out of `collected`.

    `by_time`: within a connection order by time rather than by file (captures of one network joined). `check` is called
    between the steps, and may raise to stop.
    """
    spare = _Spare()
    key, order = _sorted(collected, by_time, spare)
    n = len(key)
    check()
    seq: U32 = spare.gather(collected.take_column("seq"), order)
    flags: U16 = spare.gather(collected.take_column("flags"), order)

    def fetch(name: str, rows: slice) -> np.ndarray:
        return collected.column(name)[order[rows]]

    starts = connection_starts(key, flags, seq, fetch)
    first = np.flatnonzero(starts)
    opened = order[first].astype(np.int64)  # each connection's first packet in the file
    if len(opened) > 1 and (np.diff(opened) < 0).any():
        rank = np.argsort(opened, kind="stable")
        sizes = np.diff(np.append(first, n))
        moved = _blocks(first[rank], sizes[rank])
        order, key, flags, seq = order[moved], key[moved], flags[moved], seq[moved]
        first = np.concatenate(([0], np.cumsum(sizes[rank])[:-1]))
    first = np.append(first, n).astype(np.int64)
    check()
    conversation = key[first[:-1]] >> 1
    ends = np.stack((collected.conversations.lower[conversation], collected.conversations.upper[conversation]), axis=1)
    upper = (key & 1).astype(np.uint8)
    del key, starts
    originator = _originators(upper, flags, first, ends)
    side: U8 = upper ^ np.repeat(originator, np.diff(first))
    del upper
    ends[originator == 1] = ends[originator == 1][:, ::-1]
    wscale = _window_scales(spare.gather(collected.take_column("wscale"), order), side, flags, first)
    columns = {}
    for name in (
        "time",
        "offset",
        "number",
        "ack",
        "payload",
        "window",
        "ip_id",
        "ttl",
        "marks",
        "content",
    ):  # widest first
        check()
        columns[name] = spare.gather(collected.take_column(name), order)
    return Grouped(
        packets=FlowPackets(side=side, flags=flags, seq=seq, tags=np.zeros(n, np.uint16), **columns),
        first=first,
        address=ends >> 16,
        port=(ends & 0xFFFF).astype(np.uint16),
        scope=collected.conversations.scope[conversation],
        flipped=side[first[:-1]] == 1 if n else np.empty(0, np.bool_),
        wscale=wscale,
    )


def _sorted(collected: Collected, by_time: bool, spare: _Spare) -> tuple[I32, U32]:
    """Conversation << 1 | direction and file row, by conversation, then file order (or time).

    One integer that holds all three sorts fastest, and needs no look-up afterwards.
    """
    n, keys = collected.rows, collected.take_keys()
    if by_time:
        order = np.lexsort((collected.column("time"), keys >> 1))
        return keys[order], order.astype(np.uint32)
    sorted_keys, rows = np.empty(n, np.int32), np.empty(n, np.uint32)
    if kernels.KERNELS is not None:
        kernels.KERNELS.order_rows(n, len(collected.conversations), (keys,), (sorted_keys, rows))
        spare.give(keys)
        return sorted_keys, rows
    packed = np.empty(n, np.int64)
    for start in range(0, n, PIECE):
        upto = min(start + PIECE, n)
        key = keys[start:upto].astype(np.int64)
        packed[start:upto] = (key >> 1 << 33) | np.arange(start << 1, upto << 1, 2) | (key & 1)
    del keys
    packed.sort()
    for start in range(0, n, PIECE):
        part = slice(start, start + PIECE)
        rows[part] = packed[part] >> 1
        sorted_keys[part] = (packed[part] >> 33 << 1) | (packed[part] & 1)
    return sorted_keys, rows


class _Spare:
    """Memory of columns that are no longer needed: a page that was never touched costs more than what is put there."""

    def __init__(self) -> None:
        self._left: list[U8] = []

    def gather(self, column: npt.NDArray[Any], order: U32) -> npt.NDArray[Any]:
        """`column[order]`; the column itself is given away."""
        result = self._room(len(order), column.dtype)
        if kernels.KERNELS is not None:
            kernels.KERNELS.gather(column.itemsize, column, order, result)
        else:  # piece by piece: the wide row numbers that numpy wants exist for one piece only
            for start in range(0, len(order), PIECE):
                part = slice(start, start + PIECE)
                np.take(column, order[part], out=result[part], mode="clip")
        self.give(column)
        return result

    def give(self, column: npt.NDArray[Any]) -> None:
        """Take the memory of a column."""
        self._left.append(column.view(np.uint8))

    def _room(self, rows: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        size = rows * dtype.itemsize
        for i, left in enumerate(self._left):
            if len(left) >= size:
                self._left[i] = left[-(-size // 8) * 8 :]  # aligned for every width
                return left[:size].view(dtype)
        return np.empty(rows, dtype)


def _window_scales(scale: I8, side: U8, flags: U16, first: I64) -> I8:
    """Window scale offered by each side's first SYN that had one; -1 without. Shape (n, 2)."""
    n = len(first) - 1
    scales: I8 = np.full((n, 2), -1, np.int8)
    if kernels.KERNELS is not None:
        kernels.KERNELS.offered(n, len(flags), (first,), (side, flags, scale), (), (), (scales,), ())
        return scales
    syn = np.flatnonzero(((flags & SYN) != 0) & (scale >= 0))[::-1]  # backwards: the first one is written last
    scales[np.searchsorted(first, syn, "right") - 1, side[syn]] = scale[syn]
    return scales


def _blocks(starts: I64, sizes: I64) -> I64:
    """Row numbers of consecutive blocks: starts[0] … starts[0] + sizes[0] - 1, starts[1] …"""
    offsets = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    return np.repeat(starts - offsets, sizes) + np.arange(int(sizes.sum()))


def _originators(upper: U8, flags: U16, first: I64, ends: I64) -> U8:
    """Which end (0 lower, 1 upper) is the originator: the first SYN's sender, else the one a SYN,ACK went to.

    Where the capture began later: the end that does not serve in other connections (see _begun_before), else the sender
    of the first packet, unless its port alone is a well-known one.
    """
    opening = first[:-1]
    originator = upper[opening].copy()
    kind = flags & (SYN | ACK)
    source = np.take_along_axis(ends, originator[:, None].astype(np.int64), axis=1)[:, 0] & 0xFFFF
    target = np.take_along_axis(ends, 1 - originator[:, None].astype(np.int64), axis=1)[:, 0] & 0xFFFF
    midstream = kind[opening] & SYN == 0
    originator[midstream & (source < SERVER_PORTS) & (target >= SERVER_PORTS)] ^= 1
    rest = np.flatnonzero(kind[opening] != SYN)
    if not len(rest):
        return originator
    unopened = np.ones(len(opening), np.bool_)
    unopened[kind[opening] == SYN] = False
    for wanted, flip in ((SYN | ACK, 1), (SYN, 0)):
        rows = np.flatnonzero(kind == wanted)[::-1]
        owner = np.searchsorted(first, rows, "right") - 1
        seen = np.full(len(opening), -1, np.int64)
        seen[owner] = rows  # reversed: the first one wins
        hit = rest[seen[rest] >= 0]
        originator[hit] = upper[seen[hit]] ^ flip
        unopened[hit] = False
    _begun_before(originator, unopened, ends)
    return originator


def _begun_before(originator: U8, unopened: Bool, ends: I64) -> None:
    """Give connections without a SYN their roles: who answers SYNs in others, or has many peers, is the responder."""
    if not unopened.any() or len(ends) < 2:
        return
    _, number = np.unique(ends, return_inverse=True)
    number = number.reshape(ends.shape)
    known = np.flatnonzero(~unopened)
    serves = np.zeros(int(number.max()) + 1, np.int64)
    np.add.at(serves, number[known, 1 - originator[known].astype(np.int64)], 1)
    peers = np.bincount(number.ravel(), minlength=len(serves))
    well_known = (ends & 0xFFFF) < SERVER_PORTS
    undecided = unopened & (well_known[:, 0] == well_known[:, 1])
    for count, asked, least in ((peers, undecided, MANY_PEERS), (serves, unopened, 1)):  # the second has the last word
        lower, upper = count[number[:, 0]], count[number[:, 1]]
        told = asked & (lower != upper) & (np.maximum(lower, upper) >= least)
        originator[told] = (lower > upper)[told]
