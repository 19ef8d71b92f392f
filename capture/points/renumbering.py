"""Boxes that rewrite sequence numbers, where the opening that would tell by how much is not in both captures.

What such a box leaves as it is: timestamps with length and flags; without those the IP identification, or the bytes
between the same two ends. Packets that agree in those differ by one constant per connection and sender; two packets do
not do so by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from capture.points.pairing import COMPARED_FLAGS, Pairs, joined, mixed, named_addresses

if TYPE_CHECKING:
    import numpy.typing as npt

    from capture.points.compared import Point

    I8 = npt.NDArray[np.int8]
    I64 = npt.NDArray[np.int64]
    Bool = npt.NDArray[np.bool_]
    U64 = npt.NDArray[np.uint64]

_ACK = 0x10
LEAST_VOTES = 2  # packets of a connection with the same differences
_MASK = np.int64(0xFFFFFFFF)


def pair_renumbered(a: Point, b: Point, left_a: I64, left_b: I64) -> Pairs:
    """Connections of which several packets differ by the same number."""
    at_a, at_b = joined(_looks(a, left_a), _looks(b, left_b))
    at_a, at_b = left_a[at_a], left_b[at_b]
    acks = (a.rows["flags"][at_a] & b.rows["flags"][at_b] & _ACK) != 0
    at_a, at_b = at_a[acks], at_b[acks]
    turned = a.rows["side"][at_a] != b.rows["side"][at_b]
    conn_a, conn_b = (p.rows["connection"][at].astype(np.int64) for p, at in ((a, at_a), (b, at_b)))
    seq, ack = (_apart(a, b, at_a, at_b, name) for name in ("seq", "ack"))
    sent = a.rows["side"][at_a] == 0
    columns = [conn_a, conn_b, turned.astype(np.int64), np.where(sent, seq, ack), np.where(sent, ack, seq)]
    kinds, votes = np.unique(np.stack(columns), axis=1, return_counts=True)
    order = np.argsort(-votes, kind="stable")
    order = order[votes[order] >= LEAST_VOTES]
    chosen: list[int] = []
    taken: tuple[set[int], set[int]] = (set(), set())
    for at in order.tolist():
        ids = int(kinds[0, at]), int(kinds[1, at])
        if ids[0] not in taken[0] and ids[1] not in taken[1]:
            chosen.append(at)
            taken[0].add(ids[0])
            taken[1].add(ids[1])
    which = np.array(sorted(chosen, key=lambda at: int(kinds[0, at])), np.int64)
    return Pairs(kinds[0, which], kinds[1, which], kinds[2, which].astype(np.bool_), votes[which].astype(np.int64))


def _looks(point: Point, rows: I64) -> U64:
    """Keys without any number that a box counts by: of rows with timestamps those; of others content and the IP
    identification, which a translation of addresses keeps, and where there is none content and ends.
    """
    table = point.rows
    tsval, payload, head, ip_id = (table[name][rows] for name in ("tsval", "payload", "head", "ip_id"))
    flows, conn, side = point.triage.decoded.flows, table["connection"][rows], table["side"][rows].astype(np.int64)
    ends = mixed(
        named_addresses(point, flows.address[conn, side]),
        named_addresses(point, flows.address[conn, 1 - side]),
        flows.port[conn, side].astype(np.uint64) << np.uint64(16) | flows.port[conn, 1 - side],
    )
    known = np.where(tsval != 0, mixed(tsval), mixed(np.where(ip_id != 0, ip_id.astype(np.uint64), ends), head))
    keys = mixed(known, payload, table["flags"][rows] & COMPARED_FLAGS)
    silent = (tsval == 0) & (ip_id == 0) & ((payload == 0) | (head == 0))
    keys[silent] = mixed(np.flatnonzero(silent), np.full(int(silent.sum()), 1 if point.name == "a" else 2))
    return keys


def fitted(a: Point, b: Point, pairs: tuple[I64, I64], sides: tuple[I8, I8], shift: I64, unknown: Bool) -> I64:
    """`shift` with what packets that look alike tell of the pairs `unknown` by openings. Shape (pairs, 2)."""
    if not unknown.any():
        return shift
    wanted = np.any(unknown, axis=1)
    rows = [np.flatnonzero(wanted[pair] & (pair >= 0)) for pair in pairs]
    at_a, at_b = (
        rows[k][at]
        for k, at in enumerate(
            joined(*(mixed(_looks(p, r), q[r]) for p, r, q in zip((a, b), rows, pairs, strict=True)))
        )
    )
    same = (pairs[0][at_a] == pairs[1][at_b]) & (sides[0][at_a] == sides[1][at_b])
    at_a, at_b = at_a[same], at_b[same]
    pair, side = pairs[0][at_a], sides[0][at_a].astype(np.int64)
    votes: list[tuple[Any, Any]] = [(pair * 2 + side, _apart(a, b, at_a, at_b, "seq"))]
    acks = (a.rows["flags"][at_a] & b.rows["flags"][at_b] & _ACK) != 0
    votes.append(((pair * 2 + 1 - side)[acks], _apart(a, b, at_a[acks], at_b[acks], "ack")))
    ways, apart = (np.concatenate(column) for column in zip(*votes, strict=True))
    kinds, many = np.unique(np.stack([ways, apart]), axis=1, return_counts=True)
    found = shift.copy()
    order = np.argsort(many, kind="stable")  # the most voted last: it stays
    order = order[(many[order] >= LEAST_VOTES) & unknown.reshape(-1)[kinds[0, order]]]
    found.reshape(-1)[kinds[0, order]] = kinds[1, order]
    return found


def _apart(a: Point, b: Point, at_a: I64, at_b: I64, name: str) -> I64:
    """How far a number of b's rows is ahead of a's, from -2**31 on."""
    half = np.int64(1 << 31)
    found: I64 = (b.rows[name][at_b].astype(np.int64) - a.rows[name][at_a] + half & _MASK) - half
    return found
