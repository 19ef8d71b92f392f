"""Packets that both points have, and that are not the same there, or came late or out of order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture.model import Side, TcpFlags
from capture.points.compared import Altered, Changed, Moved, SeenPacket
from capture.points.differences import SIDES, letters
from capture.points.pairing import packet_keys
from capture.points.windows import downstream_a
from capture.wire.column_types import PacketMark

if TYPE_CHECKING:
    import numpy.typing as npt

    from capture.points.match_captures import Matched
    from capture.points.segment_columns import Rows

    I64 = npt.NDArray[np.int64]
    Bool = npt.NDArray[np.bool_]

LATE_NS = 100_000_000  # more than others of its way: a packet is late
LATE_TIMES = 10  # … and so many times more than half of them
_SYN = int(TcpFlags.SYN)
_ECN = int(TcpFlags.ECE | TcpFlags.CWR | TcpFlags.AE)
_OPTIONS = (("sack_permitted", PacketMark.SACK_PERMITTED), ("timestamps", PacketMark.TIMESTAMP))


def ways_of(matched: Matched) -> I64:
    """Of each common packet: its connection and sender as one number."""
    found: I64 = matched.pair_a[matched.same_a] * 2 + matched.side_a[matched.same_a]
    return found


def modified(matched: Matched) -> dict[int, list[Altered]]:
    """By pair: packets with another content, other options, or another number of hops than the rest."""
    a, b = matched.a.rows[matched.same_a], matched.b.rows[matched.same_b]
    found: dict[int, list[Altered]] = {}
    suspects = _other_content(a, b) | ((a["flags"] ^ b["flags"]) & _ECN != 0) | _other_hops(matched, a, b)
    syn = (a["flags"] & _SYN) != 0
    for name in ("mss", "wscale", "marks"):
        suspects |= syn & (a[name] != b[name])
    for at in np.flatnonzero(suspects).tolist():
        changed = _changes(a[at], b[at])
        if changed:
            row = int(matched.same_a[at])
            altered = Altered(SIDES[int(matched.side_a[row])], int(a[at]["number"]), int(b[at]["number"]), changed)
            found.setdefault(int(matched.pair_a[row]), []).append(altered)
    return found


def _other_content(a: Rows, b: Rows) -> Bool:
    head = (a["head"] != b["head"]) & (a["head"] != 0) & (b["head"] != 0)
    whole = (a["whole"] != b["whole"]) & (a["whole"] != 0) & (b["whole"] != 0)
    found: Bool = (a["payload"] > 0) & (head | whole)
    return found


def _other_hops(matched: Matched, a: Rows, b: Rows) -> Bool:
    """Another TTL step than most packets of its way."""
    step = a["ttl"].astype(np.int64) - b["ttl"]
    if not len(step) or (step == step[0]).all():
        return np.zeros(len(step), np.bool_)
    ways = ways_of(matched)
    kinds, kind, many = np.unique(ways * 512 + step + 256, return_inverse=True, return_counts=True)
    most = np.zeros(int(ways.max()) + 1, np.int64)
    np.maximum.at(most, kinds >> 9, many)
    found: Bool = many[kind] * 2 < most[ways]
    return found


def _changes(a: Rows, b: Rows) -> tuple[Changed, ...]:
    found: list[Changed] = []
    if _other_content(a, b):
        found.append(Changed("payload", None, None))
    if (int(a["flags"]) ^ int(b["flags"])) & _ECN:
        found.append(Changed("flags", letters(int(a["flags"])), letters(int(b["flags"]))))
    if int(a["flags"]) & _SYN and not (int(a["marks"]) | int(b["marks"])) & PacketMark.HEADER_CUT:
        found += [Changed(n, int(a[n]), int(b[n])) for n in ("mss", "wscale") if a[n] != b[n]]
        for name, mark in _OPTIONS:
            there = (int(bool(int(a["marks"]) & mark)), int(bool(int(b["marks"]) & mark)))
            if there[0] != there[1]:
                found.append(Changed(name, *there))
        if not any(c.what == "timestamps" for c in found) and a["tsval"] != b["tsval"]:
            found.append(Changed("tsval", int(a["tsval"]), int(b["tsval"])))
    elif not found and a["ttl"] != b["ttl"]:
        found.append(Changed("ttl", int(a["ttl"]), int(b["ttl"])))
    return tuple(found)


def reordered(matched: Matched) -> dict[int, list[Moved]]:
    """By pair: packets that came after one that had been sent later (RFC 4737)."""
    found: dict[int, list[Moved]] = {}
    to_a, ways = downstream_a(matched), ways_of(matched)
    sent = np.where(to_a, matched.same_b, matched.same_a)
    came = np.where(to_a, matched.same_a, matched.same_b)
    order = _of_ways_with_late_ones(ways, to_a, matched.same_b, came)
    ways, sent, came = ways[order], sent[order], came[order]
    stretch = ways * (int(sent.max(initial=0)) + 1) + sent
    latest = np.maximum.accumulate(stretch) if len(stretch) else stretch
    for at in np.flatnonzero(stretch < latest).tolist():
        row_a, row_b = int(matched.same_a[order[at]]), int(matched.same_b[order[at]])
        table = matched.a.rows if to_a[order[at]] else matched.b.rows
        before = at - int(np.argmax(stretch[:at][::-1] == latest[at])) - 1
        late = (int(table["time"][came[at]]) - int(table["time"][came[before]])) / 1e6
        found.setdefault(int(ways[at] >> 1), []).append(_moved(matched, row_a, row_b, late))
    return found


def _of_ways_with_late_ones(ways: I64, to_a: Bool, same_b: I64, came: I64) -> I64:
    """Rows by way and then by arrival, of those ways alone in which the order may differ: rows are in A's order, so
    that one is before the latest in B's of all that go its direction.
    """
    some = np.zeros(int(ways.max(initial=0)) + 1, np.bool_)
    for direction in (to_a, ~to_a):
        rows = np.flatnonzero(direction)
        places = same_b[rows]
        late = places < np.maximum.accumulate(places) if len(places) else places < 0
        some[ways[rows[late]]] = True
    rows = np.flatnonzero(some[ways])
    return rows[np.lexsort((came[rows], ways[rows]))]


def delayed(matched: Matched, took: npt.NDArray[np.float64]) -> dict[int, list[Moved]]:
    """By pair: packets that took much longer than the quickest of their way."""
    found: dict[int, list[Moved]] = {}
    to_a = downstream_a(matched)
    for way in (to_a, ~to_a):
        rows = np.flatnonzero(way)
        if not len(rows):
            continue
        over = took[rows] - took[rows].min()
        late = rows[over >= max(LATE_NS, LATE_TIMES * float(np.median(over)))]
        for at in late.tolist():
            row_a, row_b = int(matched.same_a[at]), int(matched.same_b[at])
            moved = _moved(matched, row_a, row_b, float(took[at] - took[rows].min()) / 1e6)
            found.setdefault(int(matched.pair_a[row_a]), []).append(moved)
    return found


def _moved(matched: Matched, row_a: int, row_b: int, late_ms: float) -> Moved:
    numbers = int(matched.a.rows["number"][row_a]), int(matched.b.rows["number"][row_b])
    return Moved(SIDES[int(matched.side_a[row_a])], *numbers, round(late_ms, 3))


def copied(matched: Matched) -> dict[int, list[SeenPacket]]:
    """By pair: packets that one point saw twice and the other once. Where a capture holds nearly everything twice it
    was taken at two places of one machine, which says nothing of the way.
    """
    found: dict[int, list[SeenPacket]] = {}
    for point, other in ((matched.a, matched.b), (matched.b, matched.a)):
        copies = point.copies
        if not len(copies) or len(copies) * 4 > len(point.rows):
            continue
        pair = matched.pairs.of(len(point.triage.decoded.flows), point.name)[copies["connection"]]
        alone = (pair >= 0) & ~np.isin(packet_keys(copies), packet_keys(other.copies))
        for at in np.flatnonzero(alone).tolist():
            row, flip = copies[at], bool(point.name == "b" and matched.pairs.flipped[pair[at]])
            sender: Side = SIDES[int(row["side"]) ^ int(flip)]
            copy = SeenPacket(sender, point.name, int(row["number"]), letters(int(row["flags"])), int(row["time"]),
                           int(row["payload"]))  # fmt: skip
            found.setdefault(int(pair[at]), []).append(copy)
    return found


def one_way(matched: Matched, took: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """By pair and sender the mean time between the points in ns; NaN where it is not known. Shape (pairs, 2)."""
    count = len(matched.pairs.a)
    if matched.clock.bound_ns is None or not len(took):
        return np.full((count, 2), np.nan)
    ways = ways_of(matched)
    sums, many = np.bincount(ways, took, 2 * count), np.bincount(ways, minlength=2 * count)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: npt.NDArray[np.float64] = (sums / many).reshape(-1, 2)
    return mean
