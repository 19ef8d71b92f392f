"""Each direction's segments in one line: sequence numbers across wraps, and how far each direction had come.

Shapes are (rows,): rows sorted by connection, in file order.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from capture.flows.rows import Neighbours, neighbours
from capture.flows.table import FlowPackets
from capture.model import TcpFlags
from capture.wire.columns import I32, I64, U8, U16, U32, Bool

SYN, ACK, FIN, RST = int(TcpFlags.SYN), int(TcpFlags.ACK), int(TcpFlags.FIN), int(TcpFlags.RST)
FAR = 1 << 20  # a SYN or RST whose number is this far off moves nothing
LARGEST = 1 << 61


class Streams(Struct, frozen=True):
    """The segments of some connections, one sight of each packet.

    Positions are relative to the first segment of their direction and do not wrap.
    """

    row: I64  # place among the packets they were taken from
    first: I64  # (connections + 1,) rows of each connection
    near: Neighbours
    side: U8
    seq: U32
    ack: U32
    flags: U16
    window: U16
    payload: I32
    time: I64
    start: I64  # position of the first byte
    end: I64  # position after the last byte; SYN and FIN count one
    reached: I64  # the highest `end` of the segments before it in its direction; 0 for the first
    opening: Bool  # first of its direction
    moved_at: I64  # time at which `reached` was set
    repeats: Bool  # payload that lies wholly before `reached`


def streams(packets: FlowPackets, first: I64, connections: I64, skipped: Bool) -> Streams:
    """The directions of some connections (sorted numbers); `skipped` rows (second sights) are left out."""
    sizes = np.diff(first)[connections]
    offsets = np.cumsum(sizes) - sizes
    row = np.repeat(first[connections] - offsets, sizes) + np.arange(int(sizes.sum()))
    owner = np.repeat(np.arange(len(connections)), sizes)
    kept = ~skipped[row]
    row, owner = row[kept], owner[kept]
    return lined_up(packets, row, np.searchsorted(owner, np.arange(len(connections) + 1)).astype(np.int64))


def lined_up(packets: FlowPackets, row: I64, own_first: I64) -> Streams:
    """The directions in some rows of packets; `own_first` says which of these begin a connection."""
    owner = np.repeat(np.arange(len(own_first) - 1), np.diff(own_first))
    side, seq, flags = packets.side[row], packets.seq[row], packets.flags[row]
    payload, time = packets.payload[row], packets.time[row]
    order = np.argsort((owner << 1) | side, kind="stable")
    key = ((owner << 1) | side)[order]
    opens = np.ones(len(row), np.bool_)
    opens[1:] = key[1:] != key[:-1]
    start = _positions(seq[order], opens)
    length = payload[order] + ((flags[order] & (SYN | FIN)) != 0)
    end = start + length
    reached, moved = _reached(start, end, opens)
    moved_at = time[order][moved]
    again = _repeats(start, end, reached, opens, payload[order], flags[order])
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return Streams(
        row=row,
        first=own_first,
        near=neighbours(side, own_first),
        side=side,
        seq=seq,
        ack=packets.ack[row],
        flags=flags,
        window=packets.window[row],
        payload=payload,
        time=time,
        start=start[back],
        end=end[back],
        reached=reached[back],
        opening=opens[back],
        moved_at=moved_at[back],
        repeats=again[back],
    )


def _positions(seq: U32, opens: Bool) -> I64:
    steps = np.zeros(len(seq), np.int64)
    steps[1:] = (seq[1:] - seq[:-1]).astype(np.int32)
    steps[opens] = 0
    return np.cumsum(steps) - _base(np.cumsum(steps), opens)


def _base(total: I64, opens: Bool) -> I64:
    """The running total at the start of each direction."""
    begins = np.flatnonzero(opens)
    sizes = np.diff(np.append(begins, len(total)))
    return np.repeat(total[begins], sizes)


def _reached(start: I64, end: I64, opens: Bool) -> tuple[I64, I64]:
    """Before each segment: the highest end so far in its direction, and the place of the segment that set it."""
    n = len(end)
    lanes = np.cumsum(opens)
    apart = min(int(end.max() - end.min()) + 1, LARGEST // int(lanes[-1])) if n else 1
    lane = lanes * apart  # each direction above all that came before it
    highest = np.maximum.accumulate(end + lane)
    reached = np.zeros(n, np.int64)
    reached[1:] = highest[:-1] - lane[1:]
    reached[opens] = 0
    moves = opens | (end > reached)
    place = np.maximum.accumulate(np.where(moves, np.arange(n), 0))
    before = np.zeros(n, np.int64)
    before[1:] = place[:-1]
    return reached, before


def _repeats(start: I64, end: I64, reached: I64, opens: Bool, payload: I32, flags: U16) -> Bool:
    far = (np.abs(end - reached) > FAR) & ((flags & (SYN | RST)) != 0)
    again: Bool = (payload > 0) & (end <= reached) & ~opens & ~far
    return again


def spans(found: Streams) -> I64:
    """Bytes between the lowest and the highest position of each side, without SYN and FIN. Shape (connections, 2).

    A RST's number proves no bytes.
    """
    count = len(found.first) - 1
    result = np.zeros((count, 2), np.int64)
    proof = np.flatnonzero((found.flags & RST) == 0)
    key = (found.near.connection[proof].astype(np.int64) << 1) | found.side[proof]
    order = np.argsort(key, kind="stable")
    proof, key = proof[order], key[order]
    if not len(proof):
        return result
    begins = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    span = np.maximum.reduceat(found.end[proof], begins) - np.minimum.reduceat(found.start[proof], begins)
    control = np.flatnonzero(found.flags[proof] & (SYN | FIN))
    if len(control):
        lane = np.searchsorted(begins, control, "right") - 1
        taken = np.unique(np.stack((lane, _taken(found, proof[control])), axis=1), axis=0)
        span = span - np.bincount(taken[:, 0], minlength=len(begins))
    result.reshape(-1)[key[begins]] = span
    return result


def lowest_and_highest(found: Streams, rows: I64) -> tuple[int, int]:
    """The lowest and the highest position among some rows of one side, SYN and FIN taken off; (0, 0) without proof."""
    proof = rows[(found.flags[rows] & RST) == 0]
    if not len(proof):
        return 0, 0
    low, high = int(found.start[proof].min()), int(found.end[proof].max())
    taken = np.unique(_taken(found, proof[(found.flags[proof] & (SYN | FIN)) != 0]))
    first = int(len(taken) > 0 and int(taken[0]) == low)
    return low + first, high - (len(taken) - first)


def _taken(found: Streams, rows: I64) -> I64:
    """The position that a SYN or FIN takes; both at once take the SYN's."""
    is_syn = (found.flags[rows] & SYN) != 0
    taken: I64 = np.where(is_syn, found.start[rows], found.end[rows] - 1)
    return taken
