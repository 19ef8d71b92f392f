"""What is counted and measured of each connection: packets, bytes, flags, handshake, silences."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from capture import kernels
from capture.flows.rows import Neighbours
from capture.flows.table import FlowPackets
from capture.model import TcpFlags
from capture.wire.columns import I64, Bool

SYN, ACK, FIN, RST = int(TcpFlags.SYN), int(TcpFlags.ACK), int(TcpFlags.FIN), int(TcpFlags.RST)


def by_side(key: I64, connections: int, weights: np.ndarray | None = None) -> I64:
    """How many rows (or the sum of their weights) each connection and side has. Shape (connections, 2)."""
    counted = np.bincount(key, weights=weights, minlength=2 * connections)
    return counted.astype(np.int64).reshape(-1, 2)


class Totals(Struct, frozen=True):
    """What each side sent, and the longest silence. Shapes (n, 2) and (n,)."""

    packets: I64
    payload: I64  # bytes
    flags: dict[str, I64]  # segments with SYN, FIN and RST
    longest_gap: I64  # ns; -1 with a single packet


def totals(packets: FlowPackets, first: I64, key: I64) -> Totals:
    """Totals of all connections; `key` is that of `rows.sides_key`."""
    n = len(first) - 1
    if kernels.KERNELS is None:
        counted, payload = by_side(key, n), by_side(key, n, packets.payload)
        return Totals(counted, payload, flag_counts(packets, key, n), longest_gaps(packets, first))
    counts, gap = np.empty((5, n, 2), np.int64), np.empty(n, np.int64)
    columns = (packets.side, packets.flags, packets.payload, packets.time)
    kernels.KERNELS.totals(n, len(packets.time), (first,), columns, (), (), tuple(counts), (gap,))
    return Totals(counts[0], counts[1], {"syn": counts[2], "fin": counts[3], "rst": counts[4]}, gap)


def flag_counts(packets: FlowPackets, key: I64, connections: int) -> dict[str, I64]:
    """Segments with SYN, FIN and RST, by connection and side."""
    return {
        name: by_side(key[(packets.flags & flag) != 0], connections)
        for name, flag in (("syn", SYN), ("fin", FIN), ("rst", RST))
    }


def longest_gaps(packets: FlowPackets, first: I64) -> I64:
    """The longest silence between two packets of each connection, ns; -1 with a single packet. Shape (n,)."""
    gaps = np.empty(len(packets.time), np.int64)
    if not len(gaps):
        return np.empty(0, np.int64)
    gaps[0] = 0
    np.subtract(packets.time[1:], packets.time[:-1], out=gaps[1:])
    gaps[first[:-1]] = -1
    longest: I64 = np.maximum.reduceat(gaps, first[:-1])
    longest[(longest < 0) & (np.diff(first) > 1)] = 0
    return longest


def handshakes(packets: FlowPackets, first: I64) -> tuple[Bool, I64]:
    """Whether SYN, SYN,ACK and its ACK were all seen, and the time from the last SYN to that ACK (ns; -1 unknown).

    SYN to ACK is the whole round trip wherever between the two ends the capture was made. Shapes (n,).
    """
    n = len(first) - 1
    if kernels.KERNELS is not None:
        complete, rtt = np.empty(n, np.bool_), np.empty(n, np.int64)
        columns = (packets.side, packets.flags, packets.seq, packets.ack, packets.time)
        kernels.KERNELS.handshakes(n, len(packets.time), (first,), columns, (), (), (), (complete, rtt))
        return complete, rtt
    complete, rtt = np.zeros(n, np.bool_), np.full(n, -1, np.int64)
    kind = packets.flags & (SYN | ACK | RST | FIN)
    syn = np.flatnonzero((kind == SYN) & (packets.side == 0))
    answer = np.flatnonzero((kind == SYN | ACK) & (packets.side == 1))
    acks = np.flatnonzero(((packets.flags & (SYN | ACK | RST)) == ACK) & (packets.side == 0))
    if not (len(syn) and len(answer) and len(acks)):
        return complete, rtt
    # Every SYN,ACK with the SYN before it and the ACK after it; a connection's first good one counts.
    owner = np.searchsorted(first, answer, "right") - 1
    opening = np.searchsorted(syn, answer) - 1
    acking = np.searchsorted(acks, answer)
    inside = (opening >= 0) & (acking < len(acks))
    answer, owner, opening, acking = answer[inside], owner[inside], syn[opening[inside]], acks[acking[inside]]
    inside = (opening >= first[owner]) & (acking < first[owner + 1])
    answer, owner, opening, acking = answer[inside], owner[inside], opening[inside], acking[inside]
    acked = (packets.ack[acking] - packets.seq[answer]).astype(np.int32) > 0
    good = acked & ((packets.ack[answer] - packets.seq[opening]).astype(np.int32) > 0)
    answer, owner, acking = answer[good][::-1], owner[good][::-1], acking[good][::-1]
    complete[owner] = True
    latest = syn[np.searchsorted(syn, acking) - 1]  # a SYN repeated after the SYN,ACK is the one that was answered
    rtt[owner] = packets.time[acking] - packets.time[latest]
    return complete, np.where(rtt < 0, -1, rtt)


def next_sequence(packets: FlowPackets) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """The sequence number after each segment, SYN and FIN counted. Shape (packets,)."""
    after = packets.seq + packets.payload.astype(np.uint32)
    after += ((packets.flags & (SYN | FIN)) != 0).astype(np.uint32)  # both at once count once, as Wireshark has it
    return after


def broken_chains(packets: FlowPackets, near: Neighbours, after: np.ndarray) -> Bool:
    """Rows that do not start exactly where the segment before them of the same side ended.

    A RST that is the last of its side breaks nothing. Shape (packets,).
    """
    broken: Bool = (packets.seq != after[near.own]) & (near.own >= 0)
    final_rst = np.flatnonzero(broken & near.last_of_side & ((packets.flags & RST) != 0))
    broken[final_rst] = False
    return broken
