"""Wireshark's analysis of connections with losses and repetitions, all segments at once.

The same rules as walking.py, which it must agree with. Two cases depend on what the rules themselves decided before,
and are left to walking: window probes, which do not advance their direction, and duplicate ACKs beside
acknowledgements of segments that the capture lacks.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from capture.flows.streams import Streams
from capture.flows.table import Tag
from capture.flows.walking import FAST_RETRANSMISSION_NS, OUT_OF_ORDER_NS
from capture.model import TcpFlags
from capture.wire.arrays import distinct
from capture.wire.columns import I8, I64, U16, Bool

SYN, ACK, FIN, RST = int(TcpFlags.SYN), int(TcpFlags.ACK), int(TcpFlags.FIN), int(TcpFlags.RST)
CONTROL = SYN | FIN | RST


class Tagged(Struct, frozen=True):
    """Tags of each segment, and the connections for which they are not exact."""

    tags: U16  # (rows,)
    probing: I64  # connections with window probes
    tangled: I64  # connections with duplicate ACKs beside acknowledgements of what the capture lacks


def tags_of(found: Streams, shifts: I8, patience: I64) -> Tagged:
    """The analysis of the rows of `found`.

    `shifts` has shape (connections, 2): each side's window shift, -1 unknown; `patience` is that of `patience_of`.
    """
    near = found.near
    n = len(found.seq)
    own, peer = near.own, near.peer
    has_own, has_peer = own >= 0, peer >= 0
    plain = (found.flags & CONTROL) == 0
    empty = found.payload == 0
    tags = np.zeros(n, np.uint16)
    own_ack = np.where(has_own, found.ack[own], 0)
    peer_ack = np.where(has_peer, found.ack[peer], 0)
    tags[plain & (found.window == 0)] |= int(Tag.ZERO_WINDOW)
    tags[has_own & (found.start > found.reached) & ((found.flags & RST) == 0)] |= int(Tag.LOST_SEGMENT)
    alive = has_own & plain & (found.payload <= 1) & (found.start == found.reached - 1)
    tags[alive] |= int(Tag.KEEP_ALIVE)
    same = plain & empty & has_own & (found.start == found.reached) & (found.ack == own_ack) & (found.window != 0)
    changed = found.window != found.window[own]
    tags[same & changed] |= int(Tag.WINDOW_UPDATE)
    answered = has_peer & alive[peer]
    tags[same & ~changed & answered] |= int(Tag.KEEP_ALIVE_ACK)
    duplicate = same & ~changed & ~answered
    tags[duplicate] |= int(Tag.DUPLICATE_ACK)
    count = _duplicates(found, duplicate, own_ack)
    tags[_full(found, shifts, plain)] |= int(Tag.WINDOW_FULL)
    ahead, walked = _ahead(found)
    tags[ahead] |= int(Tag.ACKED_UNSEEN)
    _tag_repeated(found, alive, count, peer_ack, patience, tags)
    suspicious = np.zeros(len(found.first) - 1, np.bool_)
    suspicious[near.connection[np.flatnonzero(count >= 2)]] = True
    lost_acks = np.zeros(len(suspicious), np.bool_)
    lost_acks[near.connection[walked]] = True
    probing = (found.payload == 1) & has_own & (~has_peer | (found.window[peer] == 0))
    probing &= found.start >= found.reached
    return Tagged(tags, distinct(near.connection[probing]), np.flatnonzero(suspicious & lost_acks))


def _duplicates(found: Streams, duplicate: Bool, own_ack: np.ndarray) -> I64:
    """How many duplicate ACKs in a row each segment's direction has sent, itself included."""
    order = np.argsort((found.near.connection.astype(np.int64) << 1) | found.side, kind="stable")
    resets = (found.opening | (found.ack != own_ack))[order]
    total = np.cumsum(duplicate[order])
    at_reset = np.maximum.accumulate(np.where(resets, np.arange(len(order)), 0))
    count = np.empty(len(order), np.int64)
    before: I64 = total - duplicate[order]
    count[order] = total - before[at_reset]
    return count


def _full(found: Streams, shifts: I8, plain: Bool) -> I64:
    """Rows whose payload ends exactly at the edge of the window that their receiver offered last."""
    rows = np.flatnonzero(plain & (found.payload > 0) & (found.near.peer >= 0))
    peer = found.near.peer[rows]
    shift = shifts[found.near.connection[rows], 1 - found.side[rows]]
    known = shift >= 0
    shift = np.where(found.flags[peer] & SYN, 0, np.maximum(shift, 0)).astype(np.uint32)
    edge = found.ack[peer] + (found.window[peer].astype(np.uint32) << shift)
    full: I64 = rows[known & (edge == found.seq[rows] + found.payload[rows].astype(np.uint32))]
    return full


def _ahead(found: Streams) -> tuple[I64, I64]:
    """Rows that acknowledge more than the other side was seen to send: the first to say so, and all of them."""
    peer = found.near.peer
    reached = np.maximum(found.reached[peer], found.end[peer])
    reached = np.where(found.opening[peer], found.end[peer], reached)
    last = found.seq[peer] + (reached - found.start[peer]).astype(np.uint32)  # the highest number seen of the peer
    rows = np.flatnonzero((peer >= 0) & ((found.flags & ACK) != 0) & ((found.ack - last).astype(np.int32) > 0))
    own = found.near.own[rows]
    new = (own < 0) | (found.ack[own] != found.ack[rows])
    return rows[new], rows


def _tag_repeated(found: Streams, alive: Bool, count: I64, peer_ack: np.ndarray, patience: I64, tags: U16) -> None:
    """Spurious, fast and plain retransmission, and out of order."""
    near = found.near
    speaks = np.flatnonzero(((found.payload > 0) | ((found.flags & (SYN | FIN)) != 0)) & ~alive & (near.own >= 0))
    behind = found.start[speaks] < found.reached[speaks]
    behind &= (found.payload[speaks] <= 1) | (found.start[speaks] != found.reached[speaks] - 1)
    past = found.seq[speaks] + found.payload[speaks].astype(np.uint32)
    known = (near.peer[speaks] >= 0) & (peer_ack[speaks] != 0) & (found.payload[speaks] > 0)
    spurious = known & ((peer_ack[speaks].astype(np.uint32) - past).astype(np.int32) >= 0)
    tags[speaks[spurious]] |= int(Tag.SPURIOUS_RETRANSMISSION)
    first_row = np.flatnonzero((found.payload > 0) & (near.own < 0) & (near.peer >= 0) & (peer_ack != 0))
    past_first = found.seq[first_row] + found.payload[first_row].astype(np.uint32)
    early = (peer_ack[first_row].astype(np.uint32) - past_first).astype(np.int32) >= 0
    tags[first_row[early]] |= int(Tag.SPURIOUS_RETRANSMISSION)
    rows = speaks[behind & ~spurious]
    peer = near.peer[rows]
    since_ack = found.time[rows] - found.time[peer]
    fast = (peer >= 0) & (count[peer] >= 2) & (peer_ack[rows] == found.seq[rows])
    fast &= (since_ack >= 0) & (since_ack < FAST_RETRANSMISSION_NS)
    since_moved = found.time[rows] - found.moved_at[rows]
    patience = patience[rows]
    disordered = ~fast & (since_moved >= 0) & (since_moved < patience) & (found.end[rows] != found.reached[rows])
    tags[rows[fast]] |= int(Tag.FAST_RETRANSMISSION)
    tags[rows[disordered]] |= int(Tag.OUT_OF_ORDER)
    tags[rows[~fast & ~disordered]] |= int(Tag.RETRANSMISSION)


def patience_of(found: Streams) -> I64:
    """How long after the stream moved a late segment counts as out of order (ns): the handshake's round trip if known.

    Shape (rows,).
    """
    n, connections = len(found.seq), len(found.first) - 1
    patience = np.full(n, OUT_OF_ORDER_NS, np.int64)
    kind = found.flags & (SYN | ACK)
    syn, acks = np.flatnonzero(kind == SYN), np.flatnonzero(kind == ACK)
    if not (len(syn) and len(acks)):
        return patience
    owner = found.near.connection[syn]
    opened = np.full(connections, -1, np.int64)
    opened[owner[::-1]] = syn[::-1]  # the last write wins: the first SYN
    synced = np.flatnonzero(opened >= 0)
    place = np.searchsorted(acks, opened[synced])
    inside = place < len(acks)
    synced, ack = synced[inside], acks[place[inside]]
    inside = ack < found.first[synced + 1]
    synced, ack = synced[inside], ack[inside]
    latest = syn[np.searchsorted(syn, ack) - 1]
    trip = found.time[ack] - found.time[latest]
    good = trip != 0
    since = np.full(connections, n, np.int64)
    since[synced[good]] = ack[good]
    value = np.full(connections, OUT_OF_ORDER_NS, np.int64)
    value[synced[good]] = trip[good]
    connection = found.near.connection
    return np.where(np.arange(n) > since[connection], value[connection], patience)
