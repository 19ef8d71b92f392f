"""Which RSTs their receiver would honour: RFC 9293 §3.10.7.4, judged by what the capture shows."""

from __future__ import annotations

import numpy as np

from capture.flows.rows import Neighbours
from capture.flows.table import FlowPackets
from capture.model import TcpFlags
from capture.wire.columns import I64, U32, Bool

LOOK_BACK = 16  # segments of the RST's side that are looked at
SYN, ACK, RST = int(TcpFlags.SYN), int(TcpFlags.ACK), int(TcpFlags.RST)


def unacceptable_resets(packets: FlowPackets, first: I64, near: Neighbours, rows: I64, after: U32) -> I64:
    """Of the RST rows, those that cannot have taken effect.

    The receiver wants exactly its next expected number. What it had received by then lies between its last ACK and
    the last byte its peer had sent, so a RST in that range may be right and one outside is not. A SYN is answered by a
    RST that acknowledges it, whatever its sequence number. A RST before the first SYN of its connection met no
    connection.
    """
    if not len(rows):
        return rows
    peer = near.peer[rows].astype(np.int64)
    own = near.own[rows].astype(np.int64)
    flags = packets.flags
    seen = peer >= 0
    opening = seen & ((flags[peer] & (SYN | ACK)) == SYN)
    acks_syn = ((flags[rows] & ACK) != 0) & (packets.ack[rows] == after[peer])
    acked = packets.ack[peer]
    ahead = (packets.seq[rows] - acked).astype(np.int32)
    in_range = (ahead >= 0) & (ahead <= _in_flight(near, own, after, acked))
    judged = seen & ((flags[peer] & ACK) != 0)
    refused = np.where(opening, ~acks_syn & ~((own >= 0) & _in_sequence(packets, rows, own, after)), judged & ~in_range)
    found: I64 = rows[refused | _before_the_syn(packets, first, rows)]
    return found


def _in_flight(near: Neighbours, own: I64, after: U32, acked: U32) -> I64:
    """Bytes sent beyond what the receiver had acknowledged; the last segment may repeat an older one."""
    most = np.zeros(len(own), np.int64)
    for _ in range(LOOK_BACK):
        sent = own >= 0
        if not sent.any():
            break
        most = np.maximum(most, np.where(sent, (after[own] - acked).astype(np.int32), 0))
        own = np.where(sent, near.own[own], -1)
    return most


def _in_sequence(packets: FlowPackets, rows: I64, own: I64, after: U32) -> Bool:
    """Rows that start where their side's last segment ended."""
    same: Bool = packets.seq[rows] == after[own]
    return same


def _before_the_syn(packets: FlowPackets, first: I64, rows: I64) -> Bool:
    syn = np.flatnonzero((packets.flags & (SYN | ACK | RST)) == SYN)
    if not len(syn):
        return np.zeros(len(rows), np.bool_)
    owner = np.searchsorted(first, rows, "right") - 1
    opening = np.minimum(np.searchsorted(syn, first[owner]), len(syn) - 1)
    first_syn = syn[opening]
    return (first_syn >= first[owner]) & (first_syn < first[owner + 1]) & (rows < first_syn)
