"""Pair two captures: connections, their packets, their places on the way, and the clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.model import TcpFlags
from capture.points.assigning import assigned
from capture.points.clocks import EXACT, LARGEST_DRIFT, clock_of_one_place, joined_clock
from capture.points.compared import NOWHERE, Clock, Point
from capture.points.openings import pair_openings
from capture.points.pairing import Pairs, mixed, named_addresses, packet_keys, pair_connections, pair_packets
from capture.points.renumbering import fitted, pair_renumbered

if TYPE_CHECKING:
    import numpy.typing as npt

    from capture.points.segment_columns import Rows

    I8 = npt.NDArray[np.int8]
    I64 = npt.NDArray[np.int64]
    U64 = npt.NDArray[np.uint64]
    Bool = npt.NDArray[np.bool_]

_SYN, _ACK = int(TcpFlags.SYN), int(TcpFlags.ACK)
SAMPLE = np.uint64(4)
PLACED, MANY = 4, 200_000  # of so many packets each so-manieth tells where the points are
NUMBERED = 3  # packets of one way whose IP identification is the same at both points: then it always is


class Matched(Struct, frozen=True):
    """Two captures, paired. Rows are those of Point.rows; sides of b's rows are a's roles."""

    a: Point
    b: Point
    pairs: Pairs
    shift: I64  # (pairs, 2) b's numbers minus a's
    pair_a: I64  # of each row its pair, or NOWHERE
    pair_b: I64
    side_a: I8
    side_b: I8
    same_a: I64  # rows that are the same packet: same_a[i] and same_b[i]
    same_b: I64
    near_a: I8  # of each pair: 1 where a is nearer to the originator, -1 where b is, 0 unknown
    clock: Clock

    def rows(self, name: str) -> Rows:
        """The rows of a point."""
        return (self.a if name == "a" else self.b).rows

    def pair(self, name: str) -> I64:
        """The pair of each row of a point."""
        return self.pair_a if name == "a" else self.pair_b

    def rows_of(self, name: str, wanted: Bool) -> I64:
        """The places of a point's rows of some pairs, in file order; `wanted`: of each pair, whether it is one."""
        return np.flatnonzero(np.append(wanted, False)[self.pair(name)])  # NOWHERE is the last place

    def side(self, name: str) -> I8:
        """The sender of each row of a point, by a's roles."""
        return self.side_a if name == "a" else self.side_b


def match(a: Point, b: Point) -> Matched:
    """Pair two captures."""
    rows_a, rows_b = a.rows, b.rows
    keys_a, keys_b = packet_keys(rows_a), packet_keys(rows_b)
    pairs, exact = _connections(a, b, keys_a, keys_b)
    flows_a, flows_b = a.triage.decoded.flows, b.triage.decoded.flows
    pair_a, pair_b = (
        pairs.of(len(flows_a), "a")[rows_a["connection"]],
        pairs.of(len(flows_b), "b")[rows_b["connection"]],
    )
    side_a, side_b = rows_a["side"].astype(np.int8), rows_b["side"].astype(np.int8)
    if pairs.flipped.any():
        side_b ^= pairs.flipped[pair_b].astype(np.int8) & (pair_b != NOWHERE)
    shift, unknown = _shifts(rows_a, rows_b, pair_a, pair_b, side_a, side_b, len(pairs.a))
    unknown[:exact] = False
    shift = fitted(a, b, (pair_a, pair_b), (side_a, side_b), shift, unknown)
    keys_a, keys_b = _exact(rows_a, rows_b, pair_a, pair_b, side_b, shift, exact, keys_a, keys_b)
    same_a, same_b, open_groups = _packets(rows_a, rows_b, pair_a, pair_b, side_a, side_b, keys_a, keys_b)
    met_a, met_b = (np.concatenate([same, *(g[k] for g in open_groups)]) for same, k in ((same_a, 0), (same_b, 2)))
    syn_a, syn_b, group = pair_openings((rows_a, pair_a, side_a, met_a), (rows_b, pair_b, side_b, met_b), shift)
    same_a, same_b = np.concatenate([same_a, syn_a]), np.concatenate([same_b, syn_b])
    open_groups += [group] if len(group[0]) else []
    near = _nearer(rows_a, rows_b, same_a, same_b, pair_a, side_a, len(pairs.a))
    timed = ~(shift[pair_a[same_a]].any(axis=1) & ((rows_a["flags"][same_a] & _SYN) != 0))  # not what a SYN proxy sent
    clock = _clock(rows_a, rows_b, same_a[timed], same_b[timed], pair_a, side_a, near)
    if open_groups:
        expected = rows_a["time"] + np.rint(clock.ahead(rows_a["time"])).astype(np.int64)
        more = [assigned(group, expected, rows_b["time"]) for group in open_groups]
        same_a = np.concatenate([same_a, *(each[0] for each in more)])
        same_b = np.concatenate([same_b, *(each[1] for each in more)])
    order = np.argsort(same_a, kind="stable")
    return Matched(a, b, pairs, shift, pair_a, pair_b, side_a, side_b, same_a[order], same_b[order], near, clock)


def _connections(a: Point, b: Point, keys_a: U64, keys_b: U64) -> tuple[Pairs, int]:
    """By exact keys; those left over by keys without timestamps, which some boxes rewrite; then by their ends. The
    number is how many are of the first kind.
    """
    none = np.empty(0, np.int64)
    pairs, exact = Pairs(none, none, none.astype(np.bool_), none), 0
    for way in (_by_some, _by_all, _by_numbers, _by_ends, _by_looks):
        left_a, left_b = _unpaired(a, pairs.a), _unpaired(b, pairs.b)
        if left_a.any() and left_b.any():
            more = _sensible(way(a, b, np.flatnonzero(left_a), np.flatnonzero(left_b), keys_a, keys_b), a, b)
            pairs = Pairs(*(np.concatenate([getattr(pairs, n), getattr(more, n)]) for n in Pairs.__struct_fields__))
        if way in (_by_some, _by_all):
            exact = len(pairs.a)
    return pairs, exact


def _unpaired(point: Point, connections: I64) -> Bool:
    left = np.ones(len(point.triage.decoded.flows), np.bool_)
    left[connections] = False
    rows: Bool = left[point.rows["connection"]]
    return rows


def _by_some(a: Point, b: Point, left_a: I64, left_b: I64, keys_a: U64, keys_b: U64) -> Pairs:
    """By a sample of the packets, the same in both, as their keys choose it: it speaks for nearly all connections."""
    some_a, some_b = left_a[keys_a[left_a] % SAMPLE == 0], left_b[keys_b[left_b] % SAMPLE == 0]
    pairs = _by_all(a, b, some_a, some_b, keys_a, keys_b)
    sure = pairs.votes > 1
    return Pairs(pairs.a[sure], pairs.b[sure], pairs.flipped[sure], pairs.votes[sure])


def _by_all(a: Point, b: Point, left_a: I64, left_b: I64, keys_a: U64, keys_b: U64) -> Pairs:
    return pair_connections(a.rows[left_a], b.rows[left_b], keys_a[left_a], keys_b[left_b])


def _by_numbers(a: Point, b: Point, left_a: I64, left_b: I64, keys_a: U64, keys_b: U64) -> Pairs:
    rows_a, rows_b = a.rows[left_a], b.rows[left_b]
    keys = (packet_keys(rows, timestamps=False) for rows in (rows_a, rows_b))
    return pair_connections(rows_a, rows_b, *keys)


def _by_ends(a: Point, b: Point, left_a: I64, left_b: I64, keys_a: U64, keys_b: U64) -> Pairs:
    """Connections whose openings have the same ends: only their numbers were changed on the way."""
    keys = []
    for point, left in ((a, left_a), (b, left_b)):
        rows = point.rows[left]
        opening = left[(rows["flags"] & (_SYN | _ACK)) == _SYN]
        flows = point.triage.decoded.flows
        conn = point.rows["connection"][opening]
        ends = mixed(named_addresses(point, flows.address[conn, 0]), named_addresses(point, flows.address[conn, 1]),
                     flows.port[conn, 0].astype(np.uint64) << np.uint64(16) | flows.port[conn, 1])  # fmt: skip
        keys.append((point.rows[opening], ends))
    return pair_connections(keys[0][0], keys[1][0], keys[0][1], keys[1][1])


def _by_looks(a: Point, b: Point, left_a: I64, left_b: I64, keys_a: U64, keys_b: U64) -> Pairs:
    """Connections that began before a capture did, and whose numbers were changed on the way."""
    return pair_renumbered(a, b, left_a, left_b)


def _sensible(pairs: Pairs, a: Point, b: Point) -> Pairs:
    """Without those that one packet alone speaks for, unless an end is the same too: numbers meet by chance."""
    weak = np.flatnonzero(pairs.votes < 2)
    if not len(weak):
        return pairs
    of_a, of_b = a.triage.decoded.flows, b.triage.decoded.flows
    at_a, at_b = pairs.a[weak], pairs.b[weak]
    flip = pairs.flipped[weak].astype(np.int64)
    shared = np.zeros(len(weak), np.bool_)
    for side in (0, 1):
        other = side ^ flip
        shared |= of_a.port[at_a, side] == of_b.port[at_b, other]
        shared |= named_addresses(a, of_a.address[at_a, side]) == named_addresses(b, of_b.address[at_b, other])
    keep = np.ones(len(pairs.a), np.bool_)
    keep[weak[~shared]] = False
    return Pairs(*(getattr(pairs, name)[keep] for name in Pairs.__struct_fields__))


def _shifts(
    rows_a: Rows, rows_b: Rows, pair_a: I64, pair_b: I64, side_a: I8, side_b: I8, count: int
) -> tuple[I64, Bool]:
    """What a box adds to the sequence numbers of each side, by those of the SYNs that both points saw; and of which
    sides no SYN tells.
    """
    shift = np.zeros((count, 2), np.int64)
    first = []
    for rows, pair, side in ((rows_a, pair_a, side_a), (rows_b, pair_b, side_b)):
        isn = np.full((count, 2), NOWHERE, np.int64)
        syn = np.flatnonzero(((rows["flags"] & _SYN) != 0) & (pair != NOWHERE))[::-1]
        isn[pair[syn], side[syn]] = rows["seq"][syn]
        first.append(isn)
    known = (first[0] != NOWHERE) & (first[1] != NOWHERE)
    shift[known] = (first[1] - first[0])[known]
    return shift, ~known


def _exact(
    rows_a: Rows,
    rows_b: Rows,
    pair_a: I64,
    pair_b: I64,
    side_b: I8,
    shift: I64,
    exact: int,
    keys_a: U64,
    keys_b: U64,
) -> tuple[U64, U64]:
    """The keys again for pairs whose numbers or timestamps a box rewrites: all but the first `exact` ones."""
    odd: Bool = np.any(shift != 0, axis=1)
    odd[exact:] = True
    if not odd.any():
        return keys_a, keys_b
    in_a, in_b = odd[pair_a] & (pair_a != NOWHERE), odd[pair_b] & (pair_b != NOWHERE)
    keys_a, keys_b = keys_a.copy(), keys_b.copy()
    keys_a[in_a] = packet_keys(rows_a[in_a], timestamps=False)
    own = shift[pair_b[in_b], side_b[in_b]]
    other = shift[pair_b[in_b], 1 - side_b[in_b]]
    keys_b[in_b] = packet_keys(rows_b[in_b], timestamps=False, shift=(own, other))
    return keys_a, keys_b


def _packets(
    rows_a: Rows, rows_b: Rows, pair_a: I64, pair_b: I64, side_a: I8, side_b: I8, keys_a: U64, keys_b: U64
) -> tuple[I64, I64, list[tuple[I64, I64, I64, I64]]]:
    """Rows that are the same packet; and groups that only time can tell apart: rows of a, their group; of b."""
    left_a, left_b = np.flatnonzero(pair_a != NOWHERE), np.flatnonzero(pair_b != NOWHERE)
    whole_a = mixed(keys_a[left_a], pair_a[left_a] * 2 + side_a[left_a])
    whole_b = mixed(keys_b[left_b], pair_b[left_b] * 2 + side_b[left_b])
    found = pair_packets(mixed(whole_a, rows_a["ip_id"][left_a]), mixed(whole_b, rows_b["ip_id"][left_b]))
    same_a, same_b = left_a[found.a], left_b[found.b]
    open_groups = [(left_a[found.open_a], found.group_a, left_b[found.open_b], found.group_b)]
    rest_a, rest_b = np.ones(len(left_a), np.bool_), np.ones(len(left_b), np.bool_)
    rest_a[found.a] = rest_a[found.open_a] = False
    rest_b[found.b] = rest_b[found.open_b] = False
    ways = 2 * int(max(pair_a.max(initial=0), pair_b.max(initial=0)) + 1)
    numbered = _numbered(rows_a, same_a, pair_a, side_a, ways)
    changed = (
        _numbered(rows_a, left_a[rest_a], pair_a, side_a, ways),
        _numbered(rows_b, left_b[rest_b], pair_b, side_b, ways),
    )
    kept_ids = _kept_ids(numbered, np.minimum(*changed))
    rest_a &= ~kept_ids[pair_a[left_a] * 2 + side_a[left_a]]
    rest_b &= ~kept_ids[pair_b[left_b] * 2 + side_b[left_b]]
    of_a, of_b = left_a[rest_a], left_b[rest_b]
    more = pair_packets(whole_a[rest_a], whole_b[rest_b])
    open_groups.append((of_a[more.open_a], more.group_a, of_b[more.open_b], more.group_b))
    kept = [group for group in open_groups if len(group[0])]
    return np.concatenate([same_a, of_a[more.a]]), np.concatenate([same_b, of_b[more.b]]), kept


def _numbered(rows: Rows, which: I64, pair: I64, side: I8, ways: int) -> I64:
    """Of each way (connection and sender) how many of some rows have an IP identification."""
    some = which[rows["ip_id"][which] != 0]
    return np.bincount(pair[some] * 2 + side[some], minlength=ways)


def _kept_ids(numbered: I64, changed: I64) -> Bool:
    """By way: whether its packets have the same identification at both points. Where those of several have, and those
    of none were changed, the path keeps all of them: also of a way that hardly any packet tells of.
    """
    kept: Bool = numbered >= NUMBERED
    if np.count_nonzero(kept) >= NUMBERED and not ((numbered == 0) & (changed >= NUMBERED)).any():
        kept[:] = True
    return kept


def _nearer(rows_a: Rows, rows_b: Rows, same_a: I64, same_b: I64, pair_a: I64, side_a: I8, count: int) -> I8:
    """Which point is nearer to the originator: TTLs fall on the way; else what the way adds to the times."""
    some = _some_of_each(pair_a[same_a], count)
    same_a, same_b = same_a[some], same_b[some]
    pair, side = pair_a[same_a], side_a[same_a].astype(np.int64)
    fallen = np.sign(rows_a["ttl"][same_a].astype(np.int64) - rows_b["ttl"][same_b])
    hops = np.bincount(pair, weights=np.where(side == 0, fallen, -fallen), minlength=count)
    near = np.sign(hops).astype(np.int8)
    later = (rows_b["time"][same_b] - rows_a["time"][same_a]).astype(np.float64)
    undecided = near == 0
    if undecided.any() and len(later):
        later = _without_drift(rows_a["time"][same_a], later - later[0])
        way = pair * 2 + side
        sums, many = np.bincount(way, weights=later, minlength=2 * count), np.bincount(way, minlength=2 * count)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (sums / many).reshape(-1, 2)
            apart = mean[:, 0] - mean[:, 1]  # the delays of both ways together, where a is nearer
        timed = undecided & (np.abs(apart) > EXACT / 2)  # less is rounding: they are at one place
        near[timed] = np.sign(apart[timed]).astype(np.int8)
        if (~undecided).any():  # routers tell more than times do
            near[undecided] = np.int8(np.sign(near[~undecided].astype(np.int64).sum()))
    if (near == 0).any() and (near != 0).any():
        near[near == 0] = np.int8(np.sign(near.astype(np.int64).sum()))
    return near


def _without_drift(time: I64, later: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Differences of the clocks without what one gains on the other: an answer comes after what it answers, so a gain
    would look like a delay.
    """
    since = (time - time[0]).astype(np.float64)
    since -= since.mean()
    spread = float(since @ since)
    if not spread:
        return later
    gain = float(since @ (later - later.mean())) / spread
    return later - gain * since if abs(gain) <= LARGEST_DRIFT else later


def _some_of_each(pair: I64, count: int) -> I64:
    """Of many packets one in PLACED, and all of the pairs that have none of those."""
    if len(pair) < MANY:
        return np.arange(len(pair))
    chosen = np.zeros(len(pair), np.bool_)
    chosen[::PLACED] = True
    met = np.zeros(count, np.bool_)
    met[pair[chosen]] = True
    chosen |= ~met[pair]
    return np.flatnonzero(chosen)


def _clock(rows_a: Rows, rows_b: Rows, same_a: I64, same_b: I64, pair_a: I64, side_a: I8, near: I8) -> Clock:
    placed = near[pair_a[same_a]]
    known = placed != 0
    if not known.any() and len(np.unique(side_a[same_a])) == 2:  # no way takes any time
        return clock_of_one_place(rows_a["time"][same_a], rows_b["time"][same_b])
    towards_b = (placed == 1) == (side_a[same_a] == 0)
    return joined_clock(rows_a["time"][same_a][known], rows_b["time"][same_b][known], towards_b[known])
