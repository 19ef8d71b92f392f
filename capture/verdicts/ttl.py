"""The usual TTL of each sender: a RST with another one was sent by somebody else.

Within a connection its own packets tell. Where the claimed sender sent nothing but the RST (a refused connect), the
host's other connections do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from capture.model import TcpFlags

if TYPE_CHECKING:
    from capture.flows.table import FlowTable
    from capture.wire.columns import I64, U8, Bool

RST = int(TcpFlags.RST)


@dataclass(frozen=True, slots=True)
class UsualTtl:
    """TTLs by lane (connection * 2 + side): of the first and the last packet that is not a RST; 0 unknown."""

    flows: FlowTable
    first: U8  # (2n,)
    last: U8

    @classmethod
    def of(cls, flows: FlowTable, lane: npt.NDArray[np.int32], rows: I64) -> UsualTtl:
        """From the given rows (none of them a RST), which are in file order."""
        first = np.zeros(2 * len(flows), np.uint8)
        last = np.zeros(2 * len(flows), np.uint8)
        last[lane[rows]] = flows.packets.ttl[rows]  # of equal lanes the last assignment stays
        rows = rows[::-1]
        first[lane[rows]] = flows.packets.ttl[rows]
        return cls(flows, first, last)

    def foreign(self, rows: I64, lanes: npt.NDArray[np.int32]) -> Bool:
        """Whether each RST's TTL differs from what its claimed sender uses."""
        ttl = self.flows.packets.ttl[rows]
        first, last = self.first[lanes], self.last[lanes]
        differs: Bool = (first != 0) & (ttl != first) & (ttl != last)
        lonely = np.flatnonzero(first == 0)
        if len(lonely):
            differs[lonely] = self._unlike_its_host(ttl[lonely], lanes[lonely])
        return differs

    def _unlike_its_host(self, ttl: U8, lanes: npt.NDArray[np.int32]) -> Bool:
        address = self.flows.address.reshape(-1)
        hosts, usual = _opening_ttls(self.flows)
        pairs = np.unique(hosts * 256 + usual)
        own = address[lanes] * 256 + ttl
        unlike: Bool = np.isin(address[lanes], hosts) & ~np.isin(own, pairs)
        return unlike


def _opening_ttls(flows: FlowTable) -> tuple[I64, U8]:
    """Sender and TTL of the first two packets of each connection, without RSTs: nearly always one of each side."""
    first = flows.first[:-1]
    conn = np.tile(np.arange(len(flows)), 2)
    rows = np.concatenate([first, np.minimum(first + 1, flows.first[1:] - 1)])
    plain = (flows.packets.flags[rows] & RST) == 0
    conn, rows = conn[plain], rows[plain]
    return flows.address[conn, flows.packets.side[rows]], flows.packets.ttl[rows]
