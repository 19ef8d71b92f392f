"""Wireshark's analysis of all packets: in bulk where segments simply follow each other, exactly where they do not.

In a direction whose every segment starts where the one before it ended, the rules come down to comparisons with the
last segment of either side, done for all packets at once. The other connections are walked (walking.py).
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from capture import kernels
from capture.flows import bulk, measures
from capture.flows.giants import giant
from capture.flows.openings import late_openings, stale_openings
from capture.flows.resets import unacceptable_resets
from capture.flows.rows import Neighbours
from capture.flows.streams import spans, streams
from capture.flows.table import FlowPackets, Tag
from capture.flows.twins import second_sights
from capture.flows.walking import Walk
from capture.model import TcpFlags
from capture.wire.arrays import distinct
from capture.wire.columns import I8, I64, U8, U16, U32, Bool

SYN, ACK, FIN, RST = int(TcpFlags.SYN), int(TcpFlags.ACK), int(TcpFlags.FIN), int(TcpFlags.RST)
CONTROL = SYN | FIN | RST
BROKEN, LOOSE, SAME_AGAIN = 1, 2, 4  # does not follow its side's last segment; what else is not plain; repeats it
PIECE = 1 << 16  # packets walked at once
GIANT = 1 << 20  # packets of a connection that is analysed in windows
WINDOW = 1 << 18  # packets of such a window


class Analysed(Struct, frozen=True):
    """Tags of each packet, and what was learnt of each connection's sequence numbers."""

    tags: U16  # (packets,)
    in_order: Bool  # (n,) every segment followed the one before it
    unique: I64  # (n, 2) sequence span of each side
    repeats: Bool  # (packets,) payload that had all been seen before, second sights included


def analyse(packets: FlowPackets, first: I64, near: Neighbours, wscale: I8, payload: I64) -> Analysed:
    """Tag every packet. `wscale` and `payload` (bytes) have shape (n, 2)."""
    n = len(first) - 1
    after, irregular, tags, shifts = _looked_at(packets, first, near, wscale)
    odd = np.flatnonzero(irregular & (BROKEN | LOOSE))
    twins = second_sights(packets, first, near, np.flatnonzero(irregular & (BROKEN | SAME_AGAIN)))
    loose = distinct(near.connection[odd], near.connection[twins]).astype(np.int64)
    in_order = np.ones(n, np.bool_)
    in_order[loose] = False
    rst_rows = np.flatnonzero(packets.flags & RST)
    stale = stale_openings(packets, first, near)
    after[stale] = after[near.own[stale]]  # what their side sent is what it had sent before
    refused = unacceptable_resets(packets, first, near, rst_rows, after)
    unique = payload - _rst_payload(packets, near, rst_rows, n)
    repeats = np.zeros(len(tags), np.bool_)
    if len(loose):
        # What was no part of the stream must not make what follows look like a repetition.
        alien = stale[~late_openings(packets, first, near, stale)]
        foreign = distinct(alien, refused[~near.last_of_side[refused]])
        skipped = np.zeros(len(tags), np.bool_)
        skipped[twins] = skipped[foreign] = True
        giants = loose[np.diff(first)[loose] > GIANT]
        for connection in giants.tolist():
            low, high = int(first[connection]), int(first[connection + 1])
            one = giant(packets, low, high, skipped, shifts[connection], WINDOW)
            tags[low:high], repeats[low:high], unique[connection] = one.tags, one.repeats, one.span
            if one.probing:
                _walk_all(packets, first, np.array([connection]), shifts, skipped, tags)
        loose = np.setdiff1d(loose, giants, assume_unique=True)
        found = streams(packets, first, loose, skipped)
        unique[loose] = spans(found)
        repeats[found.row] = found.repeats
        repeats[twins] = packets.payload[twins] > 0
        told = bulk.tags_of(found, shifts[loose], bulk.patience_of(found))
        tags[found.row] = told.tags
        _walk_all(packets, first, loose[distinct(told.probing, told.tangled)], shifts, skipped, tags)
        tags[foreign] = 0
        tags[twins] = int(Tag.SECOND_SIGHT)
    tags[refused] |= int(Tag.RST_UNACCEPTABLE)
    return Analysed(tags, in_order, unique, repeats)


def _rst_payload(packets: FlowPackets, near: Neighbours, rst_rows: I64, connections: int) -> I64:
    """Payload of RSTs, which is no part of the stream."""
    rows = rst_rows[packets.payload[rst_rows] > 0]
    key = (near.connection[rows].astype(np.int64) << 1) | packets.side[rows]
    return measures.by_side(key, connections, packets.payload[rows])


def effective_scales(packets: FlowPackets, first: I64, near: Neighbours, wscale: I8) -> I8:
    """The shift that applies to each side's windows: both sides' option or none; -1 unknown. Shape (n, 2)."""
    n = len(first) - 1
    synced = np.zeros((n, 2), np.bool_)
    rows = np.flatnonzero(packets.flags & SYN)
    synced[near.connection[rows], packets.side[rows]] = True
    refused = np.asarray((synced & (wscale < 0)).any(axis=1))
    return np.where(refused[:, None], np.int8(0), np.minimum(wscale, 14)).astype(np.int8)


def _looked_at(packets: FlowPackets, first: I64, near: Neighbours, wscale: I8) -> tuple[U32, U8, U16, I8]:
    """The sequence number after each segment, what is irregular about it, and its tags if nothing is; (packets,).

    And each side's effective window scale, (n, 2).
    """
    n = len(packets.seq)
    if kernels.KERNELS is None:
        after, tags = measures.next_sequence(packets), np.zeros(n, np.uint16)
        shifts = effective_scales(packets, first, near, wscale)
        irregular = measures.broken_chains(packets, near, after).astype(np.uint8) * np.uint8(BROKEN)
        irregular[_acked_ahead(packets, near, after) | _probes(packets, near)] |= np.uint8(LOOSE)
        irregular[_same_again(packets, near)] |= np.uint8(SAME_AGAIN)
        _local_tags(packets, near, shifts, tags)
        return after, irregular, tags, shifts
    shifts = np.empty_like(wscale)
    after, irregular, tags = np.empty(n, np.uint32), np.empty(n, np.uint8), np.empty(n, np.uint16)
    p = packets
    kernels.KERNELS.segments(
        len(first) - 1,
        n,
        (first,),
        (p.side, p.flags, p.seq, p.ack, p.window, p.payload, near.own, near.peer, near.last_of_side),
        (wscale,),
        (after, irregular, tags),
        (shifts,),
        (),
    )
    return after, irregular, tags, shifts


def _same_again(packets: FlowPackets, near: Neighbours) -> I64:
    """Rows without payload that repeat sequence and acknowledgement number of their side's last segment."""
    same = (packets.payload == 0) & (packets.ack == packets.ack[near.own]) & (packets.seq == packets.seq[near.own])
    same &= near.own >= 0
    return np.flatnonzero(same)


def _acked_ahead(packets: FlowPackets, near: Neighbours, after: U32) -> Bool:
    """Rows that acknowledge more than the other side was seen to send."""
    ahead: Bool = (packets.ack - after[near.peer]).astype(np.int32) > 0
    ahead &= (near.peer >= 0) & ((packets.flags & ACK) != 0)
    return ahead


def _probes(packets: FlowPackets, near: Neighbours) -> Bool:
    """Single bytes sent into a closed window (or before the other side was seen)."""
    single: Bool = packets.payload == 1
    rows = np.flatnonzero(single)
    peer = near.peer[rows]
    single[rows] = (near.own[rows] >= 0) & ((peer < 0) | (packets.window[peer] == 0))
    return single


def _local_tags(packets: FlowPackets, near: Neighbours, shifts: I8, tags: U16) -> None:
    """Zero window, window update, duplicate ACK and window full, for connections in order."""
    closed = np.flatnonzero(packets.window == 0)
    tags[closed[(packets.flags[closed] & CONTROL) == 0]] |= int(Tag.ZERO_WINDOW)
    plain = np.flatnonzero((packets.payload == 0) & (packets.ack == packets.ack[near.own]) & (near.own >= 0))
    plain = plain[((packets.flags[plain] & CONTROL) == 0) & (packets.window[plain] != 0)]
    changed = packets.window[plain] != packets.window[near.own[plain]]
    tags[plain[changed]] |= int(Tag.WINDOW_UPDATE)
    tags[plain[~changed]] |= int(Tag.DUPLICATE_ACK)
    data = np.flatnonzero((packets.payload > 0) & (near.peer >= 0))
    data = data[(packets.flags[data] & CONTROL) == 0]
    peer = near.peer[data]
    shift = shifts[near.connection[data], 1 - packets.side[data]]
    known = shift >= 0
    shift = np.where(packets.flags[peer] & SYN, 0, np.maximum(shift, 0)).astype(np.uint32)
    edge = packets.ack[peer] + (packets.window[peer].astype(np.uint32) << shift)
    reached = packets.seq[data] + packets.payload[data].astype(np.uint32)
    tags[data[known & (edge == reached)]] |= int(Tag.WINDOW_FULL)


def _walk_all(packets: FlowPackets, first: I64, connections: I64, shifts: I8, skipped: Bool, tags: U16) -> None:
    for connection in connections.tolist():
        walk = Walk((int(shifts[connection, 0]), int(shifts[connection, 1])))
        stop = int(first[connection + 1])
        for start in range(int(first[connection]), stop, PIECE):
            rows = slice(start, min(start + PIECE, stop))
            tags[rows] = walk.tags(
                packets.side[rows].tolist(),
                packets.seq[rows].tolist(),
                packets.ack[rows].tolist(),
                packets.flags[rows].tolist(),
                packets.window[rows].tolist(),
                packets.payload[rows].tolist(),
                packets.time[rows].tolist(),
                skipped[rows].tolist(),
            )
