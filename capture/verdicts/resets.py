"""What a RST says of its sender: its shape, its TTL and IP-ID against the sender's other packets, life after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from capture.flows.table import Tag
from capture.model import TcpFlags
from capture.verdicts.codes import Mark
from capture.verdicts.ttl import HostTtls, UsualTtl
from capture.wire.columns import Mark as PacketMark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.flows.table import Stretch
    from capture.wire.columns import I64, Bool

Lanes = npt.NDArray[np.int32]

ACK = int(TcpFlags.ACK)
SECOND, UNACCEPTABLE = int(Tag.SECOND_SIGHT), int(Tag.RST_UNACCEPTABLE)
TIMESTAMP, HEADER_CUT, IPV6 = int(PacketMark.TIMESTAMP), int(PacketMark.HEADER_CUT), int(PacketMark.IPV6)

REGULAR_STEP = 64  # IP-IDs of one sender that grow by so little make a line
FAR = 2048  # from the line


def reset_marks(flows: Stretch, hosts: HostTtls, lane: Lanes, rst: Bool) -> Iterator[tuple[I64, Mark]]:
    """Rows of RSTs with a mark each. `lane` is connection * 2 + side of every packet, `rst` where the RSTs are."""
    rows = np.flatnonzero(rst)
    if not len(rows):
        return
    yield from _shapes(flows, rows)
    yield rows[(flows.packets.tags[rows] & UNACCEPTABLE) != 0], Mark.UNACCEPTABLE
    # only directions with a RST are looked at: they are few
    involved = np.zeros(2 * len(flows), np.bool_)
    involved[lane[rows]] = True
    others = np.flatnonzero(involved[lane])
    others = others[~rst[others]]
    usual = UsualTtl.of(flows, hosts, lane, others)
    yield rows[usual.foreign(rows, lane[rows])], Mark.FOREIGN
    yield rows[_off_the_line(flows, lane, rows, others)], Mark.ODD_ID
    others = others[(flows.packets.tags[others] & SECOND) == 0]
    yield rows[_goes_on(flows, lane, rows, others)], Mark.AFTERLIFE


def _shapes(flows: Stretch, rows: I64) -> Iterator[tuple[I64, Mark]]:
    p = flows.packets
    has_ack = (p.flags[rows] & ACK) != 0
    cut = (p.marks[rows] & HEADER_CUT) != 0
    live = ((p.marks[rows] & TIMESTAMP) != 0) | (p.window[rows] > 0)
    yield rows[~has_ack], Mark.BARE
    yield rows[has_ack & ~live & ~cut], Mark.ANSWER
    yield rows[has_ack & ~live & cut], Mark.CUT


def _goes_on(flows: Stretch, lane: Lanes, rows: I64, others: I64) -> Bool:
    """The claimed sender has a packet after the RST that the RST did not merely overtake on the way."""
    p = flows.packets
    last = np.full(2 * len(flows), -1, np.int64)
    last[lane[others]] = others
    later = last[lane[rows]]
    beyond = (p.seq[np.maximum(later, 0)] - p.seq[rows]).astype(np.int32) >= 0
    goes_on: Bool = (later > rows) & (beyond | ((p.tags[rows] & UNACCEPTABLE) != 0))
    return goes_on


def _off_the_line(flows: Stretch, lane: Lanes, rows: I64, others: I64) -> Bool:
    """A RST,ACK far from the IP-IDs of its sender's last two packets, which lie close together.

    Not asked of a bare RST: kernels number those apart from their sockets' packets.
    """
    if not len(others):
        return np.zeros(len(rows), np.bool_)
    p, n = flows.packets, np.int64(len(lane))
    keys = np.sort(lane[others].astype(np.int64) * n + others)
    at = np.searchsorted(keys, lane[rows].astype(np.int64) * n + rows) - 1
    a, b = keys[np.maximum(at - 1, 0)], keys[np.maximum(at, 0)]
    known = (at >= 1) & (a // n == lane[rows]) & (b // n == lane[rows])
    before, last = p.ip_id[a % n].astype(np.int32), p.ip_id[b % n].astype(np.int32)
    step, jump = (last - before) % 65536, (p.ip_id[rows].astype(np.int32) - last) % 65536
    regular = known & (step > 0) & (step <= REGULAR_STEP)
    asked = ((p.flags[rows] & ACK) != 0) & ((p.marks[rows] & IPV6) == 0) & (p.ip_id[rows] != 0)
    odd: Bool = regular & asked & (jump >= FAR) & (jump <= 65536 - FAR)
    return odd
