"""From when to when a point was recording: only then can it say that a packet did not come by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.model import TcpFlags
from capture.points.compared import NOWHERE

if TYPE_CHECKING:
    import numpy.typing as npt

    from capture.points.match_captures import Matched

    Bool = npt.NDArray[np.bool_]
    I64 = npt.NDArray[np.int64]

PATIENCE_NS = 200_000_000  # the least time-out of a retransmission: after it, silence is loss
MARGIN_NS = 1_000_000
LONGEST_WAY_NS = 2_000_000_000  # a packet that was held up longer makes nobody doubt when others came
HELD_UP = 0.005  # so many, at most, are a few
BUSY, BUSY_NS = 50, 1_000_000_000  # packets within the last second
_RST, _ACK = int(TcpFlags.RST), int(TcpFlags.ACK)


class Window(Struct, frozen=True):
    """When a point recorded, by A's clock: between its first and last packet, and how far beyond that is known."""

    first: int
    last: int
    begun: bool  # packets of its own side reached the other point before `first`: it was not recording yet
    stopped: bool  # … after `last`
    busy: bool  # packets came thick until its end: others may have followed
    other_last: int  # when the other point ended
    way: int  # what the slowest packets took between the points, ns


def times_by_a(matched: Matched, name: str) -> I64:
    """Times of a point's rows by A's clock."""
    times = matched.rows(name)["time"]
    return times if name == "a" else matched.clock.as_a(times)


def upstream_of(matched: Matched, name: str, rows: I64) -> Bool:
    """Whether a point is the one nearer to the sender of its rows (all of them in pairs)."""
    near = matched.near_a[matched.pair(name)[rows]]
    nearer = np.where(matched.side(name)[rows] == 0, near, -near)
    upstream: Bool = nearer == (1 if name == "a" else -1)
    return upstream


def window_of(matched: Matched, name: str) -> Window:
    """When a point recorded, as the other one shows."""
    point, other = (matched.a, matched.b) if name == "a" else (matched.b, matched.a)
    edges = np.array([point.triage.decoded.first_time or 0, point.triage.decoded.last_time or 0], np.int64)
    ends = np.array([other.triage.decoded.last_time or 0], np.int64)
    if name == "b":
        edges = matched.clock.as_a(edges)
    else:
        ends = matched.clock.as_a(ends)
    rows = np.flatnonzero(matched.pair(other.name) != NOWHERE)
    times = times_by_a(matched, other.name)[rows]
    margin = MARGIN_NS + 2 * int(matched.clock.bound_ns or 0)
    outside = rows[(times < edges[0] - margin) | (times > edges[1] + margin)]
    begun = stopped = False
    if len(outside):
        flags = other.rows["flags"][outside]
        came_by = ~upstream_of(matched, other.name, outside) & ((flags & _ACK) != 0) & ((flags & _RST) == 0)
        late = times_by_a(matched, other.name)[outside] > edges[1]
        begun, stopped = bool((came_by & ~late).any()), bool((came_by & late).any())
    own = times_by_a(matched, name)
    busy = int(np.count_nonzero(own > edges[1] - BUSY_NS)) >= BUSY
    return Window(int(edges[0]), int(edges[1]), begun, stopped, busy, int(ends[0]), _slowest(matched))


def _slowest(matched: Matched) -> int:
    """What the slowest common packet took, either way, in ns: what is held up may be held up the other way too. A few
    that were held up among many say nothing of others.
    """
    took = delays(matched)
    if not len(took):
        return 0
    last = len(took) - 1 - int(len(took) * HELD_UP)
    return min(LONGEST_WAY_NS, max(0, int(np.partition(took, last)[last])))


def downstream_a(matched: Matched) -> Bool:
    """Whether a common packet came to A last."""
    near, side = matched.near_a[matched.pair_a[matched.same_a]], matched.side_a[matched.same_a]
    found: Bool = (near == 1) == (side == 1)
    return found


def delays(matched: Matched) -> npt.NDArray[np.float64]:
    """Of each common packet its time between the points in ns, by the joined clocks."""
    a, b = matched.a.rows["time"][matched.same_a], matched.b.rows["time"][matched.same_b]
    later = (b - a).astype(np.float64) - matched.clock.ahead(a)
    found: npt.NDArray[np.float64] = np.where(downstream_a(matched), -later, later)
    return found
