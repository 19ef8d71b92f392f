"""Two clocks from the packets that both points saw (Moon, Skelly, Towsley 1999, doi:10.1109/INFCOM.1999.749287).

A packet on its way from A to B shows at B's clock offset + delay later, one from B to A offset - delay: the offset lies
between the lower hull of the former and the upper hull of the latter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from capture.points.compared import Clock

if TYPE_CHECKING:
    import numpy.typing as npt

    F64 = npt.NDArray[np.float64]
    I64 = npt.NDArray[np.int64]
    Bool = npt.NDArray[np.bool_]

LEAST_SPAN = 1e9  # ns: over less, jitter looks like drift
LEAST_PACKETS = 4  # of each way
LARGEST_DRIFT = 1e-3  # no clock of a machine is worse
QUICK = 5  # packets that many others are slower than
EXACT = 1_000.0  # ns: many captures have no finer times
_BINS = 4096


def joined_clock(a_time: I64, b_time: I64, towards_b: Bool) -> Clock:
    """The clock by packets at times of A and of B; `towards_b`: A saw it first. Shapes (n,)."""
    clock = _joined(a_time, b_time, towards_b)
    return clock if clock.bound_ns is None else replace(clock, bound_ns=max(0.0, clock.bound_ns))


def clock_of_one_place(a_time: I64, b_time: I64) -> Clock:
    """The clock by packets, of both ways, that were at both points at once: each tells of both ways. Shapes (n,)."""
    both_ways = np.repeat((True, False), len(a_time))
    clock = _joined(np.tile(a_time, 2), np.tile(b_time, 2), both_ways)
    return clock if clock.bound_ns is None else replace(clock, bound_ns=abs(clock.bound_ns))


def _joined(a_time: I64, b_time: I64, towards_b: Bool) -> Clock:
    if not len(a_time):
        return Clock(0, None, None, None)
    begin = int(a_time.min())
    since, ahead = (a_time - begin).astype(np.float64), (b_time - a_time).astype(np.int64)
    base = int(ahead[0])  # the numbers stay small: an hour in ns leaves no digits for a µs
    rest = (ahead - base).astype(np.float64)
    lower = _edge(since[towards_b], rest[towards_b])
    upper = _edge(since[~towards_b], -rest[~towards_b])
    if lower is None or upper is None:
        one = lower if lower is not None else upper
        sign = 1.0 if lower is not None else -1.0
        return Clock(begin, base + sign * one.height if one else None, None, None)
    drift, within = (lower.slope - upper.slope) / 2, 0.0
    if lower.loose is not None and upper.loose is not None:
        within = max(abs(lower.slope + upper.slope), 4 * (lower.loose + upper.loose))
    steady = 0 < within <= LARGEST_DRIFT and abs(drift) <= LARGEST_DRIFT
    if not steady:
        drift = 0.0
        lower, upper = (
            _Edge(0.0, float(rest[towards_b].min()), None),
            _Edge(0.0, float((-rest[~towards_b]).min()), None),
        )
    middle = float(since.max()) / 2
    bound = (lower.height + upper.height + (lower.slope + upper.slope) * middle) / 2
    offset = base + (lower.height - upper.height) / 2
    return Clock(begin, offset, drift if steady else None, bound, within if steady else None)


class _Edge(Struct, frozen=True):
    """The hull's edge below the middle: its height at 0, and how much other slopes the quickest packets allow."""

    slope: float
    height: float
    loose: float | None  # None: there is not enough for a slope


def _edge(x: F64, y: F64) -> _Edge | None:
    if not len(x):
        return None
    x, y = _least(x, y)
    if len(x) < LEAST_PACKETS or x[-1] - x[0] < LEAST_SPAN:
        return _Edge(0.0, float(y.min()), None)
    hull_x, hull_y = _lower_hull(x, y)
    middle = (x[0] + x[-1]) / 2
    at = min(max(int(np.searchsorted(hull_x, middle)) - 1, 0), len(hull_x) - 2)
    slope = (hull_y[at + 1] - hull_y[at]) / (hull_x[at + 1] - hull_x[at])
    height = hull_y[at] - slope * hull_x[at]
    return _Edge(slope, height, _loose(x, y - (height + slope * x), middle))


def _loose(x: F64, above: F64, middle: float) -> float:
    """How slow the quick packets are that the slope rests on, over the span: `above` the edge, in each half and of the
    first few. Tried on made clocks with jitter of 0.05 to 3 ms over 1 to 600 s: four times the sum of both ways, or
    what they differ by, held for all of 1,500.
    """
    halves = (above[x <= middle], above[x > middle])
    few = np.sort(above)[min(len(above), QUICK) - 1]
    return max(EXACT, float(few), *(float(half.min()) for half in halves if len(half))) / float(x[-1] - x[0])


def _least(x: F64, y: F64) -> tuple[F64, F64]:
    """The lowest of each short span of time, in order of time."""
    if (x[1:] < x[:-1]).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    span = x[-1] - x[0]
    cell = ((x - x[0]) * ((_BINS - 1) / span)).astype(np.int64) if span else np.zeros(len(x), np.int64)
    begins = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]])
    least = np.minimum.reduceat(y, begins)
    lowest = np.flatnonzero(y == np.repeat(least, np.diff(np.r_[begins, len(y)])))
    cells = cell[lowest]
    chosen = lowest[np.r_[True, cells[1:] != cells[:-1]]]
    return x[chosen], y[chosen]


def _lower_hull(x: F64, y: F64) -> tuple[list[float], list[float]]:
    """Andrew's monotone chain; x is in order."""
    hull_x: list[float] = []
    hull_y: list[float] = []
    for px, py in zip(x.tolist(), y.tolist(), strict=True):
        while len(hull_x) >= 2:
            across = (hull_x[-1] - hull_x[-2]) * (py - hull_y[-2]) - (hull_y[-1] - hull_y[-2]) * (px - hull_x[-2])
            if across > 0:
                break
            hull_x.pop()
            hull_y.pop()
        if hull_x and hull_x[-1] == px:
            hull_y[-1] = min(hull_y[-1], py)
            continue
        hull_x.append(px)
        hull_y.append(py)
    if len(hull_x) == 1:
        hull_x.append(hull_x[0] + 1)
        hull_y.append(hull_y[0])
    return hull_x, hull_y
