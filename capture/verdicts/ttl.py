"""The usual TTL of each sender: a RST with another one was sent by somebody else.

Within a connection its own packets tell. Where the claimed sender sent nothing but the RST (a refused connect), the
host's other connections do. A TTL of 0 is one that a printed packet does not say.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from capture.model import TcpFlags
from capture.wire.arrays import among, distinct

if TYPE_CHECKING:
    from capture.flows.table import FlowTable, Stretch
    from capture.wire.columns import I64, U8, Bool

RST = int(TcpFlags.RST)


class HostTtls:
    """Which TTLs each host of a capture opens its connections with; looked up when first asked for."""

    def __init__(self, flows: FlowTable) -> None:
        self._flows = flows

    def unlike(self, hosts: I64, ttl: U8) -> Bool:
        """Whether a TTL is none of its host's, for hosts (address keys) that are known. Shapes (n,)."""
        known, pairs = self._opening
        unlike: Bool = (ttl != 0) & among(hosts, known) & ~among(hosts * 256 + ttl, pairs)
        return unlike

    @cached_property
    def _opening(self) -> tuple[I64, I64]:
        """Of the first two packets of each connection (nearly always one of each side), RSTs left out: hosts, pairs."""
        flows = self._flows
        first = flows.first[:-1]
        conn = np.tile(np.arange(len(flows)), 2)
        rows = np.concatenate([first, np.minimum(first + 1, flows.first[1:] - 1)])
        plain = ((flows.packets.flags[rows] & RST) == 0) & (flows.packets.ttl[rows] != 0)
        conn, rows = conn[plain], rows[plain]
        hosts = flows.address[conn, flows.packets.side[rows]]
        return distinct(hosts), distinct(hosts * 256 + flows.packets.ttl[rows])


class UsualTtl(Struct, frozen=True):
    """TTLs by lane (connection * 2 + side): of the first and the last packet that is not a RST; 0 unknown."""

    flows: Stretch
    hosts: HostTtls
    first: U8  # (2n,)
    last: U8

    @classmethod
    def of(cls, flows: Stretch, hosts: HostTtls, lane: npt.NDArray[np.int32], rows: I64) -> UsualTtl:
        """From the given rows (none of them a RST), which are in file order."""
        first = np.zeros(2 * len(flows), np.uint8)
        last = np.zeros(2 * len(flows), np.uint8)
        last[lane[rows]] = flows.packets.ttl[rows]  # of equal lanes the last assignment stays
        rows = rows[::-1]
        first[lane[rows]] = flows.packets.ttl[rows]
        return cls(flows, hosts, first, last)

    def foreign(self, rows: I64, lanes: npt.NDArray[np.int32]) -> Bool:
        """Whether each RST's TTL differs from what its claimed sender uses."""
        ttl = self.flows.packets.ttl[rows]
        first, last = self.first[lanes], self.last[lanes]
        differs: Bool = (first != 0) & (ttl != 0) & (ttl != first) & (ttl != last)
        lonely = np.flatnonzero(first == 0)
        if len(lonely):
            address = self.flows.address.reshape(-1)
            differs[lonely] = self.hosts.unlike(address[lanes[lonely]], ttl[lonely])
        return differs
