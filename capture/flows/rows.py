"""Packets of all connections in their final order, with what each packet's neighbours are."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from capture import kernels
from capture.flows.table import FlowPackets
from capture.wire.columns import I32, I64, Bool


class Neighbours(Struct, frozen=True):
    """For each packet row: its connection and the last row before it of either direction; -1 where there is none."""

    connection: I32  # (packets,)
    own: I32  # last row before this one, sent by the same side
    peer: I32  # last row before this one, sent by the other side
    last_of_side: Bool  # no later row of its side


def neighbours(side: np.ndarray[tuple[int], np.dtype[np.uint8]], first: I64) -> Neighbours:
    """Neighbours of rows sorted by connection and file order. `first` has shape (connections + 1,)."""
    n = len(side)
    if kernels.KERNELS is not None:
        connection, own, peer = np.empty((3, n), np.int32)
        last_of_side = np.empty(n, np.bool_)
        rows = (connection, own, peer, last_of_side)
        kernels.KERNELS.neighbours(len(first) - 1, n, (first,), (side,), (), rows, (), ())
        return Neighbours(connection, own, peer, last_of_side)
    return _in_columns(side, first)


def _in_columns(side: np.ndarray[tuple[int], np.dtype[np.uint8]], first: I64) -> Neighbours:
    n = len(side)
    sizes = np.diff(first)
    connection = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    start = np.repeat(first[:-1].astype(np.int32), sizes)
    index = np.arange(n, dtype=np.int32)
    responder = side.astype(np.bool_)
    last = [np.maximum.accumulate(np.where(sent, index, np.int32(-1))) for sent in (~responder, responder)]
    before = [np.empty(n, np.int32), np.empty(n, np.int32)]
    for here, inclusive in zip(before, last, strict=True):
        here[:1] = -1
        here[1:] = inclusive[:-1]
        here[here < start] = -1
    own = np.where(responder, before[1], before[0])
    peer = np.where(responder, before[0], before[1])
    last_of_side = np.ones(n, np.bool_)
    last_of_side[own[own >= 0]] = False
    return Neighbours(connection, own, peer, last_of_side)


def sides_key(connection: I32, packets: FlowPackets) -> I64:
    """connection * 2 + side, for counting by connection and side. Shape (packets,)."""
    return (connection.astype(np.int64) << 1) | packets.side
