"""Which connections of two captures are the same, and which packets: by numbers that no address translation changes.

A key is made of sequence number, acknowledgement, flags, length and timestamp. Packets vote for pairs of connections by
their keys; within a pair, equal keys are paired by IP identification, and what is left by order where both points saw
as many. All of it is sorting: captures of millions of packets take a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.engine.equal_keys import SEVERAL, rows_with_equal_keys
from capture.points.compared import NOWHERE

if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt

    from capture.points.compared import Point
    from capture.points.segment_columns import Rows

    I64 = npt.NDArray[np.int64]
    U64 = npt.NDArray[np.uint64]
    Bool = npt.NDArray[np.bool_]

COMPARED_FLAGS = 0x17  # FIN, SYN, RST, ACK; PSH is set anew by cards and kernels that cut segments
_ACK = 0x10
MOST_LIKE = 4  # connections of one capture that hold the same packet: more tell nothing
_MIX = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))


class Pairs(Struct, frozen=True):
    """Connections that are the same: a[i] and b[i]; `flipped`: they have each other's roles; `votes`: packets."""

    a: I64
    b: I64
    flipped: Bool
    votes: I64

    def of(self, connections: int, point: str) -> I64:
        """By connection of a point: the index of its pair, or NOWHERE."""
        found = np.full(connections, NOWHERE, np.int64)
        found[self.a if point == "a" else self.b] = np.arange(len(self.a))
        return found


def mixed(*parts: npt.NDArray[Any]) -> U64:
    """One number of several columns; different ones meet by chance alone."""
    whole = np.zeros(len(parts[0]), np.uint64)
    for part in parts:
        whole ^= part.astype(np.uint64)
        whole *= _MIX[0]
        whole ^= whole >> np.uint64(32)
        whole *= _MIX[1]
        whole ^= whole >> np.uint64(29)
    return whole


def packet_keys(rows: Rows, *, timestamps: bool = True, shift: tuple[I64, I64] | None = None) -> U64:
    """The key of each segment. `shift`: what is taken off sequence number and acknowledgement, mod 2**32."""
    acks = (rows["flags"] & _ACK) != 0
    seq, ack = rows["seq"], np.where(acks, rows["ack"], np.uint32(0))
    if shift is not None:
        seq = (seq.astype(np.int64) - shift[0]).astype(np.uint32)
        ack = np.where(acks, (ack.astype(np.int64) - shift[1]).astype(np.uint32), np.uint32(0))
    numbers = seq.astype(np.uint64) << np.uint64(32) | ack
    form = rows["payload"].astype(np.uint64) << np.uint64(16) | (rows["flags"] & COMPARED_FLAGS)
    return mixed(numbers, form, rows["tsval"]) if timestamps else mixed(numbers, form)


def named_addresses(point: Point, keys: I64) -> U64:
    """Address keys that mean the same in both captures: IPv6 ones are numbered apart in each."""
    v6 = keys >= 1 << 32
    named = keys.astype(np.uint64)
    if v6.any():
        addresses = point.triage.decoded.flows.addresses
        parts = {int(k): int.from_bytes(addresses.v6[int(k) - (1 << 32)], "big") for k in np.unique(keys[v6])}
        named[v6] = [(value ^ value >> 64) & 0xFFFFFFFFFFFFFFFF for value in (parts[int(k)] for k in keys[v6])]
    return named


def joined(a: U64, b: U64) -> tuple[I64, I64]:
    """Rows of both that have the same key, each with each; not keys that many of b's rows share."""
    by_a, by_b = np.argsort(a), np.argsort(b)
    sorted_a, sorted_b = a[by_a], b[by_b]
    begin = np.searchsorted(sorted_b, sorted_a, "left")
    many = np.searchsorted(sorted_b, sorted_a, "right") - begin
    many[many > MOST_LIKE] = 0
    rows = np.repeat(np.arange(len(a)), many)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(many) - many, many)
    return by_a[rows], by_b[begin[rows] + within]


def pair_connections(a: Rows, b: Rows, keys_a: U64, keys_b: U64) -> Pairs:
    """The connections whose packets vote for each other, most votes first; each is in one pair at most."""
    at_a, at_b = joined(keys_a, keys_b)
    both = a["connection"][at_a].astype(np.uint64) << np.uint64(32) | b["connection"][at_b]
    order = np.argsort(both, kind="stable")
    both = both[order]
    begins = np.flatnonzero(np.r_[True, both[1:] != both[:-1]]) if len(both) else np.empty(0, np.int64)
    votes = np.diff(np.r_[begins, len(both)])
    turned = (a["side"][at_a] != b["side"][at_b])[order].astype(np.int64)
    flips = np.add.reduceat(turned, begins) * 2 > votes if len(both) else np.empty(0, np.bool_)
    first, second = (
        (both[begins] >> np.uint64(32)).astype(np.int64),
        (both[begins] & np.uint64(0xFFFFFFFF)).astype(np.int64),
    )
    chosen = _one_to_one(first, second, votes)
    return Pairs(first[chosen], second[chosen], flips[chosen], votes[chosen])


def _one_to_one(a: I64, b: I64, votes: I64) -> I64:
    """Indexes of the pairs that stay: where both have no better one, again and again; in order of a."""
    left = np.argsort(-votes, kind="stable")
    kept: list[I64] = []
    while len(left):
        first_a, first_b = np.zeros(len(left), np.bool_), np.zeros(len(left), np.bool_)
        first_a[np.unique(a[left], return_index=True)[1]] = True
        first_b[np.unique(b[left], return_index=True)[1]] = True
        best = left[first_a & first_b]
        kept.append(best)
        left = left[~np.isin(a[left], a[best]) & ~np.isin(b[left], b[best])]
    return np.sort(np.concatenate(kept)) if kept else np.empty(0, np.int64)


class Matching(Struct, frozen=True):
    """Rows that are the same packet: a[i] and b[i]. `open_a`, `open_b`: rows of groups with too many on one side, the
    same group number for both; which is which is a matter of time.
    """

    a: I64
    b: I64
    open_a: I64
    open_b: I64
    group_a: I64
    group_b: I64


def pair_packets(keys_a: U64, keys_b: U64) -> Matching:
    """Rows with equal keys, in order, where both have as many; the rest of the keys that both have is open."""
    to = rows_with_equal_keys(keys_a, keys_b)
    once = np.flatnonzero(to >= 0)
    several = np.flatnonzero(to == SEVERAL)
    if not len(several):
        return Matching(once, to[once], *(several,) * 4)
    left = np.ones(len(keys_b), np.bool_)
    left[to[once]] = False
    rest = np.flatnonzero(left)
    more = _pair_sorted(keys_a[several], keys_b[rest])
    return Matching(
        np.concatenate([once, several[more.a]]),
        np.concatenate([to[once], rest[more.b]]),
        several[more.open_a],
        rest[more.open_b],
        more.group_a,
        more.group_b,
    )


def _pair_sorted(keys_a: U64, keys_b: U64) -> Matching:
    """The same for few of them, of which many are equal."""
    by_a, by_b = _in_order(keys_a), _in_order(keys_b)
    sorted_a, sorted_b = keys_a[by_a], keys_b[by_b]
    begin_a, size_a = _runs(sorted_a)
    begin_b, size_b = _runs(sorted_b)
    place = np.searchsorted(sorted_b[begin_b], sorted_a[begin_a])
    inside = place < len(begin_b)
    place[~inside] = 0
    same = inside & (sorted_b[begin_b][place] == sorted_a[begin_a]) if len(begin_b) else inside
    runs_a, runs_b = np.flatnonzero(same), place[same]
    even = size_a[runs_a] == size_b[runs_b]
    odd = np.arange(len(runs_a))[~even]
    return Matching(
        by_a[_members(begin_a, size_a, runs_a[even])],
        by_b[_members(begin_b, size_b, runs_b[even])],
        by_a[_members(begin_a, size_a, runs_a[~even])],
        by_b[_members(begin_b, size_b, runs_b[~even])],
        np.repeat(odd, size_a[runs_a[~even]]),
        np.repeat(odd, size_b[runs_b[~even]]),
    )


def _in_order(keys: U64) -> I64:
    """Rows by their keys, equal ones in their order: few are, and a stable sort of all takes three times as long."""
    order = np.argsort(keys)
    begin, size = _runs(keys[order])
    places = _members(begin, size, np.flatnonzero(size > 1))
    rows = order[places]
    order[places] = rows[np.lexsort((rows, keys[rows]))]
    return order


def _runs(ordered: U64) -> tuple[I64, I64]:
    if not len(ordered):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return begins, np.diff(np.r_[begins, len(ordered)])


def _members(begin: I64, size: I64, runs: I64) -> I64:
    """All places of some runs."""
    many = size[runs]
    within = np.arange(int(many.sum())) - np.repeat(np.cumsum(many) - many, many)
    return np.repeat(begin[runs], many) + within
