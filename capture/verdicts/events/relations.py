"""Connections of one capture that belong together: seen again after NAT, answered from elsewhere, two hops of one.

- The same connection: its initial sequence numbers are those of another, at the same time, under other addresses
  (before and after NAT on a router, a container host) or in another scope (a VLAN, a tunnel). Judged once.
- Answered from elsewhere: another host answers, with the ports and the numbers of this connection: a NAT that is not
  undone, or a conntrack entry that is gone. Judged apart, both verdicts are wrong; judged together, one is right.
- Chains of a proxy: see proxy_chains.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.model import TcpFlags
from capture.verdicts.events.context import listeners_of
from capture.verdicts.events.proxy_chains import Chain, chains_of
from capture.wire.numpy_sets import repeats

if TYPE_CHECKING:
    from capture.flows.connection_table import FlowTable
    from capture.wire.column_types import I64, Bool

SOON_NS = 1_000_000_000  # between the two copies of a connection
NEAR = 1 << 20  # sequence numbers this close belong to the same stream
_SYN, _ACK = int(TcpFlags.SYN), int(TcpFlags.ACK)


class Relations(Struct, frozen=True, dict=True):
    """By connection: of which it is a second copy; which other host answered it; and its chain."""

    same_as: dict[int, int]
    elsewhere: dict[int, int]
    chains: dict[int, Chain]


def relations_of(flows: FlowTable, listeners: I64 | None = None) -> Relations:
    """What belongs together in a capture; `listeners`: those of context.listeners_of, where they are known already."""
    if len(flows) < 2:
        return Relations({}, {}, {})
    listeners = listeners_of(flows) if listeners is None else listeners
    same_as = _seen_again(flows)
    elsewhere = _answered_elsewhere(flows, same_as)
    return Relations(same_as, elsewhere, chains_of(flows, same_as, listeners))


def _opening(flows: FlowTable) -> tuple[Bool, I64, Bool, I64]:
    """Of each connection: whether its first packet is the originator's SYN, the number, and the same of a SYN,ACK."""
    opening, numbers = flows.opening, flows.numbers
    syn = ((opening.flags[:, 0] & (_SYN | _ACK)) == _SYN) & (opening.side[:, 0] == 0)
    answered = numbers.opened[:, 1] & (flows.packet_count[:, 1] > 0)
    return syn, numbers.first[:, 0].astype(np.int64), answered, numbers.first[:, 1].astype(np.int64)


def _seen_again(flows: FlowTable) -> dict[int, int]:
    syn, isn, answered, theirs = _opening(flows)
    whole = np.flatnonzero(syn & answered)
    if len(whole) < 2:
        return {}
    key = isn[whole] << 32 | theirs[whole]
    if not repeats(key):
        return {}
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(key[order[1:]] == key[order[:-1]])
    time = flows.first_time
    found: dict[int, int] = {}
    for at in same.tolist():
        one, two = int(whole[order[at]]), int(whole[order[at + 1]])
        if abs(int(time[two]) - int(time[one])) <= SOON_NS and not _same_place(flows, one, two):
            found[two] = found.get(one, one)
    return found


def _same_place(flows: FlowTable, one: int, two: int) -> bool:
    """Between the same hosts, on the same network: NAT changes an address, and a stack may choose numbers badly."""
    return bool((flows.address[one] == flows.address[two]).all() and flows.scope[one] == flows.scope[two])


def _answered_elsewhere(flows: FlowTable, same_as: dict[int, int]) -> dict[int, int]:
    """Both ways: the connection that was asked for, and the one in which another host answered."""
    flags, side = flows.opening.flags[:, 0], flows.opening.side[:, 0]
    begun = np.flatnonzero((side == 1) | (flags & _SYN == 0))
    if not len(begun):
        return {}
    client = flows.address[:, 0] << 16 | flows.port[:, 0]
    strays = np.concatenate([flows.address[begun, end] << 16 | flows.port[begun, end] for end in (0, 1)])
    opened = (side == 0) & ((flags & (_SYN | _ACK)) == _SYN) & np.isin(client, strays)
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
    flags, numbers = int(flows.opening.flags[stray, 0]), flows.numbers
    if int(flows.opening.side[stray, 0]) != server or not flags & _ACK:
        return False
    since = int(flows.first_time[stray]) - int(flows.first_time[asked])
    if flows.address[asked, 1] == flows.address[stray, server] or not 0 <= since <= 3_600_000_000_000:
        return False
    ack, begin, sent = (
        int(number) for number in (numbers.first_ack[stray], numbers.first[asked, 0], numbers.after[asked, 0])
    )
    acknowledged = 0 < _after(ack, begin) <= _after(sent, begin)
    if not flows.packet_count[asked, 1]:
        return acknowledged and bool(flags & _SYN)
    begin, sent = int(numbers.first[asked, 1]), int(numbers.after[asked, 1])
    ahead = _after(int(numbers.first[stray, server]), begin)
    return acknowledged and ahead < _after(sent, begin) + NEAR


def _after(number: int, begin: int) -> int:
    """How far a sequence number lies after another; they wrap."""
    return (number - begin) & 0xFFFFFFFF
