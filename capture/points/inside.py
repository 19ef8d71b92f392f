"""Points inside one capture: interfaces of a router, a bridge or a node, and both sides of a mirrored router.

A packet that such a capture holds twice was seen at two points. They share its clock and its decoding; each has the
records that it saw, so that what is missing between them is found as between two files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture.decode import decode_traced
from capture.flows.connection_table import Tag
from capture.language import tr
from capture.points.compared import Point
from capture.points.segment_columns import Rows
from capture.triage import judged, packets_of
from capture.wire.capture_errors import CaptureUnreadable

if TYPE_CHECKING:
    import numpy.typing as npt

    from capture.engine.session import Records
    from capture.triage import Triage

    I64 = npt.NDArray[np.int64]
    Bool = npt.NDArray[np.bool_]

NO_INTERFACE = 0xFFFFFFFF
IN, OUT = 1, 2  # directions, as the link layer has them
MOST_POINTS = 12  # interfaces that are kept apart: those with most packets
LEAST_SHARE = 0.02  # of the packets that a capture must hold twice to show more than one point


def read_inside(path: str) -> list[Point]:
    """The points of one capture, at least two. Raises CaptureUnreadable."""
    decoded, rows = decode_traced(packets_of(path))
    triage = judged(decoded)
    again = _seen_again(rows, triage)
    if np.count_nonzero(again) < max(1, LEAST_SHARE * len(rows)):
        raise _one_point(path)
    interfaces = np.unique(rows["interface"][again])
    if len(interfaces) > 1 or len(np.unique(rows["interface"])) > 1:
        return _by_interface(rows, triage)
    first = _before(rows, triage, again)
    if first is None:
        raise _one_point(path)
    return [_point(rows, triage, first, tr("before")), _point(rows, triage, ~first, tr("behind"))]


def _one_point(path: str) -> CaptureUnreadable:
    return CaptureUnreadable(path, "it shows one point only: name a second capture, taken elsewhere on the path")


def _seen_again(rows: Records, triage: Triage) -> Bool:
    """Records of packets that were captured before, with the same addresses or translated ones."""
    again: Bool = (rows["tags"] & int(Tag.SECOND_COPY)) != 0
    same_as = triage.verdicts.relations.same_as
    if same_as:
        again |= np.isin(rows["connection"], np.fromiter(same_as, np.uint32, len(same_as)))
    return again


def _point(rows: Records, triage: Triage, which: Bool, place: str) -> Point:
    none = np.empty(0, np.int64)
    return Point("a", triage, Rows(rows, np.flatnonzero(which)), Rows(rows, none), place)


def _by_interface(rows: Records, triage: Triage) -> list[Point]:
    numbers, many = np.unique(rows["interface"], return_counts=True)
    chosen = numbers[np.argsort(-many, kind="stable")[:MOST_POINTS]]
    return [
        _point(rows, triage, rows["interface"] == number, tr("interface {number}", number=int(number)))
        for number in sorted(chosen.tolist())
        if number != NO_INTERFACE
    ]


def _before(rows: Records, triage: Triage, again: Bool) -> Bool | None:
    """Of each record whether it was seen on the originators' side; None where both sides are one place.

    Directions tell it, or, of a mirror port, the hop between both copies: what came first was nearer to its sender.
    """
    directed = np.isin(rows["direction"], (IN, OUT))
    if directed.all() and len(np.unique(rows["direction"][again])) and _hops(rows, triage, again).any():
        early = rows["direction"] == IN
    elif _hops(rows, triage, again).mean() > 0.5:
        early = _early_by_hops(rows, triage, again)
    else:
        return None
    found: Bool = early == (rows["side"] == 0)
    return found


def _ways(rows: Records, triage: Triage) -> I64:
    """Connection and sender of each record as one number; a translated connection has that of its first sight."""
    same_as = triage.verdicts.relations.same_as
    connection = rows["connection"].astype(np.int64)
    if same_as:
        known = np.arange(len(triage.decoded.flows) + 1)
        known[list(same_as)] = list(same_as.values())
        connection = known[np.minimum(connection, len(known) - 1)]
    ways: I64 = connection * 2 + rows["side"]
    return ways


def _usual(rows: Records, ways: I64, which: Bool, count: int) -> I64:
    """The TTL of some records of each way: of the last of them, for they seldom change; 0 without one."""
    found = np.zeros(count, np.int64)
    at = np.flatnonzero(which & (ways < count))
    found[ways[at]] = rows["ttl"][at]
    return found


def _ttls(rows: Records, triage: Triage, again: Bool) -> tuple[I64, I64, I64]:
    ways = _ways(rows, triage)
    count = 2 * len(triage.decoded.flows)
    later = _usual(rows, ways, again, count)
    # the TTL of what was seen first, of ways with both: the most hops left
    first = np.zeros(count, np.int64)
    at = np.flatnonzero(~again & (ways < count))
    np.maximum.at(first, ways[at], rows["ttl"][at])
    return np.minimum(ways, max(count - 1, 0)), first, later


def _hops(rows: Records, triage: Triage, again: Bool) -> Bool:
    """Of each second sight whether a router is before it."""
    ways, first, later = _ttls(rows, triage, again)
    found: Bool = (first[ways] > later[ways])[again]
    return found


def _early_by_hops(rows: Records, triage: Triage, again: Bool) -> Bool:
    """Seen before the router: with more hops left than second sights of its way have."""
    ways, _, later = _ttls(rows, triage, again)
    known = later[ways] > 0
    early: Bool = np.where(known, rows["ttl"] > later[ways], ~again)
    return early
