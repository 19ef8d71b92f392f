"""Connections of one capture that belong together: seen again after NAT, answered from elsewhere, two hops of one.

- The same connection: its initial sequence numbers are those of another, at the same time, under other addresses
  (before and after NAT on a router, a container host) or in another scope (a VLAN, a tunnel). Judged once.
- Answered from elsewhere: another host answers, with the ports and the numbers of this connection: a NAT that is not
  undone, or a conntrack entry that is gone. Two false stories alone; one together.
- Chains of a proxy: see chains.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.model import TcpFlags
from capture.verdicts.chains import Chain, chains_of

if TYPE_CHECKING:
    from capture.flows.table import FlowTable
    from capture.wire.columns import I64, Bool

SOON_NS = 1_000_000_000  # between the two sights of a connection
NEAR = 1 << 20  # sequence numbers this close belong to the same stream
_SYN, _ACK = int(TcpFlags.SYN), int(TcpFlags.ACK)


class Relations(Struct, frozen=True, dict=True):
    """By connection: of which it is a second sight; which other host answered it; and its chain."""

    same_as: dict[int, int]
    elsewhere: dict[int, int]
    chains: dict[int, Chain]


def relations_of(flows: FlowTable) -> Relations:
    """What belongs together in a capture."""
    if len(flows) < 2:
        return Relations({}, {}, {})
    same_as = _seen_again(flows)
    elsewhere = _answered_elsewhere(flows, same_as)
    return Relations(same_as, elsewhere, chains_of(flows, same_as))


def _opening(flows: FlowTable) -> tuple[Bool, I64, Bool, I64]:
    """Of each connection: whether its first packet is the originator's SYN, the number, and the same of a SYN,ACK."""
    p, first = flows.packets, flows.first[:-1]
    syn = ((p.flags[first] & (_SYN | _ACK)) == _SYN) & (p.side[first] == 0)
    answered = np.zeros(len(flows), np.bool_)
    number = np.zeros(len(flows), np.int64)
    for step in (1, 2, 3, 0):
        row = np.minimum(first + step, flows.first[1:] - 1)
        hit = ((p.flags[row] & (_SYN | _ACK)) == _SYN | _ACK) & (p.side[row] == 1) & ~answered
        number[hit] = p.seq[row[hit]]
        answered |= hit
    return syn, p.seq[first].astype(np.int64), answered, number


def _seen_again(flows: FlowTable) -> dict[int, int]:
    syn, isn, answered, theirs = _opening(flows)
    whole = np.flatnonzero(syn & answered)
    if len(whole) < 2:
        return {}
    key = isn[whole] << 32 | theirs[whole]
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(key[order[1:]] == key[order[:-1]])
    time = flows.packets.time[flows.first[:-1]]
    found: dict[int, int] = {}
    for at in same.tolist():
        one, two = int(whole[order[at]]), int(whole[order[at + 1]])
        if abs(int(time[two]) - int(time[one])) <= SOON_NS and not _same_place(flows, one, two):
            found[two] = found.get(one, one)
    return found


def _same_place(flows: FlowTable, one: int, two: int) -> bool:
    ends = (flows.address[one] == flows.address[two]).all() and (flows.port[one] == flows.port[two]).all()
    return bool(ends and flows.scope[one] == flows.scope[two])


def _answered_elsewhere(flows: FlowTable, same_as: dict[int, int]) -> dict[int, int]:
    """Both ways: the connection that was asked for, and the one in which another host answered."""
    p = flows.packets
    first = flows.first[:-1]
    begun = np.flatnonzero((p.side[first] == 1) | (p.flags[first] & _SYN == 0))
    if not len(begun):
        return {}
    client = flows.address[:, 0] << 16 | flows.port[:, 0]
    strays = np.concatenate([flows.address[begun, side] << 16 | flows.port[begun, side] for side in (0, 1)])
    opened = (p.side[first] == 0) & ((p.flags[first] & (_SYN | _ACK)) == _SYN) & np.isin(client, strays)
    asked: dict[tuple[int, int, int], list[int]] = {}
    for i in np.flatnonzero(opened).tolist():
        asked.setdefault((int(flows.address[i, 0]), int(flows.port[i, 0]), int(flows.port[i, 1])), []).append(i)
    found: dict[int, int] = {}
    for stray in begun.tolist():
        if stray in same_as:
            continue
        for near, server in ((0, 1), (1, 0)):
            ends = int(flows.address[stray, near]), int(flows.port[stray, near]), int(flows.port[stray, server])
            match = [i for i in asked.get(ends, []) if i != stray and _continues(flows, i, stray, server)]
            if match:
                found[stray], found[match[-1]] = match[-1], stray
    return found


def _continues(flows: FlowTable, asked: int, stray: int, server: int) -> bool:
    """The stray packet acknowledges what the asking client had sent, at the time; and goes on where its server was."""
    p = flows.packets
    rows = slice(int(flows.first[asked]), int(flows.first[asked + 1]))
    row = int(flows.first[stray])
    if int(p.side[row]) != server or not p.flags[row] & _ACK or flows.address[asked, 1] == flows.address[stray, server]:
        return False
    before = np.flatnonzero(p.time[rows] <= p.time[row]) + rows.start
    mine, theirs = before[p.side[before] == 0], before[p.side[before] == 1]
    if not len(mine) or int(p.time[row]) - int(p.time[mine[0]]) > 3_600_000_000_000:
        return False
    span = p.payload[mine].astype(np.int64) + ((p.flags[mine] & _SYN) != 0)
    sent = (p.seq[mine].astype(np.int64) + span - int(p.ack[row])) % 2**32
    acknowledged = bool((sent == 0).any())
    if not len(theirs):
        return acknowledged and bool(p.flags[row] & _SYN)
    ahead = (int(p.seq[row]) - int(p.seq[theirs[-1]])) % 2**32
    return acknowledged and ahead < NEAR
