"""SYNs and SYN,ACKs that do not belong to the stream that followed: rival answers, stray and forged SYNs.

Two SYN,ACKs with different ISNs (two hosts, or one that forgot), or a SYN thrown into a running connection: what the
side sends next tells which numbers are its own. The other opening must not make good data look like a repetition.
"""

from __future__ import annotations

import numpy as np

from capture.flows.rows import Neighbours
from capture.flows.table import FlowPackets
from capture.model import TcpFlags
from capture.wire.columns import I64, Bool

SYN, ACK, RST = int(TcpFlags.SYN), int(TcpFlags.ACK), int(TcpFlags.RST)
LOOK_AHEAD = 64  # segments after an opening in which its stream must show


def stale_openings(packets: FlowPackets, first: I64, near: Neighbours) -> I64:
    """Rows with SYN whose numbers their side did not go on with."""
    syn = np.flatnonzero(packets.flags & SYN)
    own = near.own[syn]
    suspects: I64 = syn[(own >= 0) & (packets.seq[syn] != packets.seq[own])]
    if not len(suspects):
        return suspects
    stale: set[int] = set()
    for suspect in suspects.tolist():
        stale.update(_stale_beside(packets, suspect, int(near.own[suspect]), int(first[near.connection[suspect] + 1])))
    return np.array(sorted(stale), dtype=np.int64)


def late_openings(packets: FlowPackets, first: I64, near: Neighbours, stale: I64) -> Bool:
    """Which of these rows repeat the opening of their own direction, late: a repetition like any other."""
    late = np.zeros(len(stale), np.bool_)
    for place, row in enumerate(stale.tolist()):
        begin = int(first[near.connection[row]])
        side = packets.side[begin : min(row, begin + LOOK_AHEAD)]
        own = np.flatnonzero(side == packets.side[row])
        if len(own):
            opened = begin + int(own[0])
            ahead = (int(packets.seq[opened]) - int(packets.seq[row])) & 0xFFFFFFFF
            late[place] = ahead == (0 if packets.flags[opened] & SYN else 1)
    return late


def _stale_beside(packets: FlowPackets, suspect: int, before: int, stop: int) -> list[int]:
    """Which of a SYN and the segment before it of the same side the stream left behind."""
    rows = slice(suspect + 1, min(stop, suspect + 1 + LOOK_AHEAD))
    side = packets.side[suspect]
    plain = (packets.flags[rows] & (SYN | RST)) == 0
    own = np.flatnonzero(plain & (packets.side[rows] == side))
    if len(own):
        then = int(packets.seq[rows][own[0]])
    else:
        acks = np.flatnonzero(plain & (packets.side[rows] != side) & ((packets.flags[rows] & ACK) != 0))
        if not len(acks):
            return []
        then = int(packets.ack[rows][acks[0]])
    to_suspect, to_before = _apart(then, int(packets.seq[suspect]) + 1), _apart(then, int(packets.seq[before]) + 1)
    if to_before < to_suspect:
        return [suspect]
    return [before] if to_suspect < to_before and packets.flags[before] & SYN else []


def _apart(a: int, b: int) -> int:
    ahead = (a - b) & 0xFFFFFFFF
    return min(ahead, (1 << 32) - ahead)
