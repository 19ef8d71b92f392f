"""Zeek's history and conn_state for all connections: one run of its rules for each distinct sequence of segments."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from capture.flows.analysis import Analysed
from capture.flows.rows import Neighbours
from capture.flows.table import FlowPackets
from capture.flows.zeekstate import ZeekConnection
from capture.model import TcpFlags
from capture.wire.columns import I64, U8, Bool, Mark

SYN, ACK, FIN, RST = int(TcpFlags.SYN), int(TcpFlags.ACK), int(TcpFlags.FIN), int(TcpFlags.RST)
KINDS = 8  # codes of a segment's kind: 1 … 7, see _kinds
FLAGS_OF_KIND = (0, ACK, ACK, SYN, SYN | ACK, FIN | ACK, RST | ACK, 0)
LENGTH_OF_KIND = (0, 0, 1, 0, 0, 0, 0, 0)
LONGEST = 15  # kinds a signature holds, 4 bits each


def histories(
    packets: FlowPackets, first: I64, near: Neighbours, flipped: Bool, analysed: Analysed, empty: Bool
) -> tuple[list[str], list[str]]:
    """(history, conn_state) of each connection.

    `empty`: connections without payload (n,).
    """
    n = len(first) - 1
    if not n:
        return [], []
    kinds, odd = _kinds(packets)
    irregular = ~analysed.in_order
    irregular[near.connection[odd]] = True
    irregular[_repeated_control(packets, near)] = True
    signature, length, earliest = _signatures(kinds, packets.side, near, first)
    irregular |= length > LONGEST
    signature = (signature << np.uint64(2)) | (flipped.astype(np.uint64) << np.uint64(1)) | empty.astype(np.uint64)
    distinct, inverse = np.unique(signature, return_inverse=True)
    told = [_tell(value) for value in distinct.tolist()]
    which = inverse.tolist()
    history = [told[i][0] for i in which]
    conn_state = [told[i][1] for i in which]
    telling = earliest | analysed.repeats | ((packets.flags & (SYN | FIN | RST)) != 0) | (packets.window == 0)
    telling |= (packets.marks & int(Mark.BAD_CHECKSUM)) != 0
    for connection in np.flatnonzero(irregular).tolist():
        low, high = int(first[connection]), int(first[connection + 1])
        rows = np.flatnonzero(telling[low:high]) + low
        history[connection], conn_state[connection] = _walk(
            packets, rows, analysed.repeats, flipped=bool(flipped[connection]), empty=bool(empty[connection])
        )
    return history, conn_state


def _kinds(packets: FlowPackets) -> tuple[U8, I64]:
    """Each segment's kind, and the rows that need the whole connection looked at.

    0 nothing, 1 ACK, 2 data, 3 SYN, 4 SYN,ACK, 5 FIN, 6 RST.
    """
    flags = packets.flags
    kinds = ((flags & ACK) != 0).astype(np.uint8)
    kinds[packets.payload > 0] = 2
    control = np.flatnonzero(flags & (SYN | FIN | RST))
    table = np.zeros(32, np.uint8)
    table[[SYN, SYN | ACK, FIN, FIN | ACK, RST, RST | ACK]] = (3, 4, 5, 5, 6, 6)
    kinds[control] = table[flags[control] & (SYN | FIN | RST | ACK)]
    several = control[kinds[control] == 0]
    closed = np.flatnonzero(packets.window == 0)
    closed = closed[(flags[closed] & RST) == 0]
    bad = np.flatnonzero(packets.marks & int(Mark.BAD_CHECKSUM))
    return kinds, np.concatenate((several, closed, bad))


def _repeated_control(packets: FlowPackets, near: Neighbours) -> I64:
    """Connections in which a side sent two SYNs, FINs or RSTs with different sequence numbers."""
    found = []
    for wanted in (SYN, FIN, RST):
        rows = np.flatnonzero((packets.flags & (SYN | FIN | RST)) == wanted)
        if len(rows) < 2:
            continue
        key = (near.connection[rows].astype(np.int64) << 1) | packets.side[rows]
        order = np.argsort(key, kind="stable")
        rows, key = rows[order], key[order]
        seq = packets.seq[rows]
        again = (key[1:] == key[:-1]) & (seq[1:] != seq[:-1])
        found.append(key[1:][again] >> 1)
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _signatures(kinds: U8, side: U8, near: Neighbours, first: I64) -> tuple[np.ndarray, I64, Bool]:
    """The kinds of each connection's segments, each kind of each side once, in order of its first: 4 bits each.

    Also how many that are, and whether each row is such a first one.
    """
    n = len(first) - 1
    code = kinds | (side << 3)
    slot = (near.connection << 4) | code
    index = np.arange(len(slot), dtype=np.int32)
    earliest = np.empty(n << 4, np.int32)
    earliest[slot[::-1]] = index[::-1]  # the last write wins: the first row
    is_first = earliest[slot] == index
    is_first &= kinds > 0
    rows = np.flatnonzero(is_first)
    owner = near.connection[rows]
    count = np.bincount(owner, minlength=n)
    begin = np.concatenate(([0], np.cumsum(count)[:-1]))
    ordinal = np.arange(len(rows)) - begin[owner]
    parts = code[rows].astype(np.uint64) << (4 * ordinal).astype(np.uint64)
    signature = np.zeros(n, np.uint64)
    told = count > 0
    if len(rows):
        signature[told] = np.bitwise_or.reduceat(parts, begin[told])
    return signature, count, is_first


@lru_cache(maxsize=4096)
def _tell(signature: int) -> tuple[str, str]:
    connection = ZeekConnection(flipped=bool(signature & 2))
    rest, number = signature >> 2, 1
    while rest:
        code = rest & 15
        kind, side = code & 7, code >> 3
        connection.segment(side, FLAGS_OF_KIND[kind], LENGTH_OF_KIND[kind], number, 1)
        rest, number = rest >> 4, number + 2
    return connection.history, connection.conn_state(empty=bool(signature & 1))


def _walk(packets: FlowPackets, rows: I64, repeats: Bool, *, flipped: bool, empty: bool) -> tuple[str, str]:
    connection = ZeekConnection(flipped=flipped)
    columns = (
        packets.side[rows].tolist(),
        packets.flags[rows].tolist(),
        packets.payload[rows].tolist(),
        packets.seq[rows].tolist(),
        packets.window[rows].tolist(),
        repeats[rows].tolist(),
        packets.marks[rows].tolist(),
    )
    for side, flags, length, seq, window, again, marks in zip(*columns, strict=True):
        if marks & Mark.BAD_CHECKSUM:
            connection.bad_checksum(side)
        else:
            connection.segment(side, flags, length, seq, window, again=again)
    return connection.history, connection.conn_state(empty=empty)
