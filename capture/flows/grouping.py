"""Packets in file order to packets sorted by connection, with each connection's ends in their roles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capture.flows.collecting import Collected
from capture.flows.splitting import connection_starts
from capture.flows.table import FlowPackets
from capture.model import TcpFlags
from capture.wire.columns import I8, I32, I64, U8, U16, U32, Bool

SYN, ACK = int(TcpFlags.SYN), int(TcpFlags.ACK)
SERVER_PORTS = 1024  # midstream: a port below this one is the responder's


@dataclass(frozen=True, slots=True)
class Grouped:
    """Packets by connection, not yet analysed (`packets.tags` is zero)."""

    packets: FlowPackets
    first: I64  # (n + 1,)
    address: I64  # (n, 2)
    port: U16  # (n, 2)
    scope: I32  # (n,)
    flipped: Bool  # (n,) the first packet was the responder's
    scale_rows: I64  # rows that carried a window scale option
    scales: I8


def grouped(collected: Collected, *, by_time: bool = False) -> Grouped:
    """Sort by connection, split reused conversations, give roles.

    `by_time`: within a connection order by time rather than by file (captures of one network joined).
    """
    key = collected.keys()
    n = len(key)
    order = _sorted_rows(key >> 1, collected if by_time else None)
    sorted_key = key[order]
    flags: U16 = collected.column("flags")[order]  # type: ignore[assignment]
    seq: U32 = collected.column("seq")[order]  # type: ignore[assignment]

    def fetch(name: str, rows: slice) -> np.ndarray:
        return collected.column(name)[order[rows]]

    starts = connection_starts(sorted_key, flags, seq, fetch)
    first = np.flatnonzero(starts)
    opened = order[first]  # each connection's first packet in the file
    if len(opened) > 1 and (np.diff(opened) < 0).any():
        rank = np.argsort(opened, kind="stable")
        sizes = np.diff(np.append(first, n))
        moved = _blocks(first[rank], sizes[rank])
        order, sorted_key, flags, seq = order[moved], sorted_key[moved], flags[moved], seq[moved]
        first = np.concatenate(([0], np.cumsum(sizes[rank])[:-1]))
    first = np.append(first, n).astype(np.int64)
    conversation = sorted_key[first[:-1]] >> 1
    ends = np.stack((collected.conversations.lower[conversation], collected.conversations.upper[conversation]), axis=1)
    upper = (sorted_key & 1).astype(np.uint8)
    originator = _originators(upper, flags, first, ends)
    side: U8 = upper ^ np.repeat(originator, np.diff(first))
    for name in ("flags", "seq"):
        collected.column(name, last=True)
    columns = {
        name: collected.column(name, last=True)[order]
        for name in ("number", "time", "ack", "window", "payload", "ttl", "ip_id", "marks", "offset")
    }
    ends[originator == 1] = ends[originator == 1][:, ::-1]
    scale_rows, scales = collected.scales()
    if len(scale_rows):
        place = np.empty(n, np.int32)
        place[order] = np.arange(n, dtype=np.int32)
        scale_rows = place[scale_rows].astype(np.int64)
    return Grouped(
        packets=FlowPackets(side=side, flags=flags, seq=seq, tags=np.zeros(n, np.uint16), **columns),  # type: ignore[arg-type]
        first=first,
        address=ends >> 16,
        port=(ends & 0xFFFF).astype(np.uint16),
        scope=collected.conversations.scope[conversation],
        flipped=side[first[:-1]] == 1 if n else np.empty(0, np.bool_),
        scale_rows=scale_rows,
        scales=scales,
    )


def _sorted_rows(conversation: I32, timed: Collected | None) -> I64:
    """File rows by conversation, then file order (or time). Packing both in one integer sorts fastest."""
    if timed is not None:
        return np.lexsort((timed.column("time"), conversation))
    packed = conversation.astype(np.int64)
    packed <<= 32
    packed |= np.arange(len(conversation), dtype=np.int64)
    packed.sort()
    packed &= 0xFFFFFFFF
    return packed


def _blocks(starts: I64, sizes: I64) -> I64:
    """Row numbers of consecutive blocks: starts[0] … starts[0] + sizes[0] - 1, starts[1] …"""
    offsets = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    return np.repeat(starts - offsets, sizes) + np.arange(int(sizes.sum()))


def _originators(upper: U8, flags: U16, first: I64, ends: I64) -> U8:
    """Which end (0 lower, 1 upper) is the originator: the first SYN's sender, else the one a SYN,ACK went to,
    else the sender of the first packet, unless its port alone is a well-known one."""
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
    for wanted, flip in ((SYN | ACK, 1), (SYN, 0)):
        rows = np.flatnonzero(kind == wanted)[::-1]
        owner = np.searchsorted(first, rows, "right") - 1
        seen = np.full(len(opening), -1, np.int64)
        seen[owner] = rows  # reversed: the first one wins
        hit = rest[seen[rest] >= 0]
        originator[hit] = upper[seen[hit]] ^ flip
    return originator
