"""Second sights: the same packet captured twice (an "any" interface, a mirrored port), which is no retransmission.

A retransmission is a new IP packet: it gets a new IP identification. A second sight repeats everything, at once. Where
only a few packets of a direction come again, the network doubled them: their receiver got them twice, and they count as
what they are to it.
"""

from __future__ import annotations

import numpy as np

from capture.flows.rows import Neighbours
from capture.flows.table import FlowPackets
from capture.model import TcpFlags
from capture.wire.arrays import distinct
from capture.wire.columns import I64, Bool, Mark

AT_ONCE_NS = 1_000_000
SAME_ID_NS = 100_000_000  # the same IP identification this late is still the same packet (a routing loop at most)
SHARE = 4  # one packet in so many: where all were captured twice it is one in two
STEPS = 3  # how many packets of its side may lie between the two sights
OPENING = int(TcpFlags.SYN | TcpFlags.FIN)


def second_sights(packets: FlowPackets, first: I64, near: Neighbours, suspects: I64) -> I64:
    """Rows (among `suspects`, those that do not advance the stream) that show a packet seen before."""
    marked = np.flatnonzero(packets.marks & int(Mark.SAME_AS_BEFORE))
    suspects = distinct(suspects, marked)
    twin = np.full(len(suspects), -1, np.int64)
    earlier = near.own[suspects].astype(np.int64)
    for _ in range(STEPS):
        open_rows = np.flatnonzero((twin < 0) & (earlier >= 0))
        if not len(open_rows):
            break
        rows, other = suspects[open_rows], earlier[open_rows]
        same = _identical(packets, rows, other)
        twin[open_rows[same]] = other[same]
        earlier[open_rows] = near.own[other]
    found = twin >= 0
    rows, other = suspects[found], twin[found]
    if not len(rows):
        return _often(packets, first, near, marked)
    apart = np.abs(packets.time[rows] - packets.time[other])
    before = near.own[other].astype(np.int64)
    # Where a sender gives every packet the same identification, that says nothing.
    constant = (packets.ip_id[rows] != 0) & (before >= 0) & (packets.ip_id[before] == packets.ip_id[other])
    sure = (packets.ip_id[rows] != 0) & (before >= 0) & ~constant & (apart <= SAME_ID_NS)
    at_once = apart <= AT_ONCE_NS
    connection = near.connection[rows]
    speaks = (packets.payload[rows] > 0) | (packets.flags[rows] & OPENING != 0)
    connections = len(first) - 1
    twins = np.bincount(connection[at_once], minlength=connections)
    speaking = np.bincount(connection[at_once & speaks], minlength=connections)
    mirrored = (speaking > 1) & (twins * 3 >= np.diff(first))
    mirrored |= np.bincount(connection[sure & speaks], minlength=connections) > 1
    second = sure | (at_once & mirrored[connection])
    return _often(packets, first, near, distinct(marked[~np.isin(marked, rows[constant])], rows[second]))


def _often(packets: FlowPackets, first: I64, near: Neighbours, found: I64) -> I64:
    """Those rows in whose direction at least one packet in SHARE is a second sight."""
    if not len(found):
        return found
    connections = distinct(near.connection[found])
    sizes = np.diff(first)[connections]
    rows = np.repeat(first[connections] - (np.cumsum(sizes) - sizes), sizes) + np.arange(int(sizes.sum()))
    owner = np.repeat(np.arange(len(connections)), sizes)
    all_of = np.bincount((owner << 1) | packets.side[rows], minlength=2 * len(connections))
    direction = (np.searchsorted(connections, near.connection[found]) << 1) | packets.side[found]
    twice = np.bincount(direction, minlength=2 * len(connections))
    often: I64 = found[(twice * SHARE >= all_of)[direction]]
    return often


def _identical(packets: FlowPackets, rows: I64, other: I64) -> Bool:
    same = np.ones(len(rows), np.bool_)
    for column in (packets.seq, packets.ack, packets.payload, packets.flags, packets.window, packets.ip_id):
        same &= column[rows] == column[other]
    return same
