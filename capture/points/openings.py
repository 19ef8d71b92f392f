"""SYNs that no key pairs: a box took their timestamps out, or opened the connection itself (a SYN proxy)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture.model import TcpFlags
from capture.points.compared import NOWHERE
from capture.points.pairing import mixed, packet_keys, pair_packets

if TYPE_CHECKING:
    import numpy.typing as npt

    from capture.points.segment_columns import Rows

    I64 = npt.NDArray[np.int64]
    I8 = npt.NDArray[np.int8]
    Group = tuple[I64, I64, I64, I64]

_SYN = int(TcpFlags.SYN)
Seen = tuple["Rows", "I64", "I8", "I64"]  # of a point: rows, the pair of each, its sender, and what is met already


def pair_openings(a: Seen, b: Seen, shift: I64) -> tuple[I64, I64, Group]:
    """Rows of a and b that are the same SYN, and groups that only time can tell apart (pair_packets)."""
    left_a, left_b = _left(a), _left(b)
    if not len(left_a) or not len(left_b):
        return left_a[:0], left_b[:0], (left_a[:0],) * 4
    bare = (a[0]["tsval"][left_a] == 0), (b[0]["tsval"][left_b] == 0)
    found_a, found_b = [], []
    moved = tuple(shift[pair[at]].any(axis=1) for pair, at in ((a[1], left_a), (b[1], left_b)))
    kept = ~moved[0], ~moved[1]
    ways = (  # timestamps at one point and none at the other; numbers of the box's own
        (kept[0] & ~bare[0], kept[1] & bare[1]), (kept[0] & bare[0], kept[1] & ~bare[1]), moved,
    )  # fmt: skip
    for mine, theirs in ways:
        rows = left_a[mine], left_b[theirs]
        keys = _keys(a, rows[0], np.zeros_like(shift)), _keys(b, rows[1], shift)
        numbered = (mixed(key, point[0]["ip_id"][at]) for key, point, at in zip(keys, (a, b), rows, strict=True))
        first = pair_packets(*numbered)
        rest = [np.ones(len(at), np.bool_) for at in rows]
        rest[0][first.a] = rest[1][first.b] = False
        of_a, of_b = rows[0][rest[0]], rows[1][rest[1]]
        more = pair_packets(keys[0][rest[0]], keys[1][rest[1]])
        found_a += [rows[0][first.a], of_a[more.a]]
        found_b += [rows[1][first.b], of_b[more.b]]
        if len(more.open_a):
            group = (of_a[more.open_a], more.group_a, of_b[more.open_b], more.group_b)
            return np.concatenate(found_a), np.concatenate(found_b), group
    return np.concatenate(found_a), np.concatenate(found_b), (left_a[:0],) * 4


def _left(point: Seen) -> I64:
    rows, pair, _, met = point
    opening = ((rows["flags"] & _SYN) != 0) & (pair != NOWHERE)
    opening[met] = False
    return np.flatnonzero(opening)


def _keys(point: Seen, at: I64, shift: I64) -> npt.NDArray[np.uint64]:
    rows, pair, side, _ = point
    own, other = shift[pair[at], side[at]], shift[pair[at], 1 - side[at]]
    return mixed(packet_keys(rows[at], timestamps=False, shift=(own, other)), pair[at] * 2 + side[at])
