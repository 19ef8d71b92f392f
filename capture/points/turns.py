"""A connection as its turns: what one side asked, and what it was answered. A pipelined request belongs to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

if TYPE_CHECKING:
    import numpy.typing as npt

    from capture.points.compared import Point

    I64 = npt.NDArray[np.int64]
    Bool = npt.NDArray[np.bool_]

_SPACE = 34  # bits of a way's own stretch of numbers


class Turns(Struct, frozen=True):
    """Turns of some connections, by time; ns of one clock."""

    connection: I64
    asked: I64  # when the first byte came, or the connection opened
    answered: I64  # … of the answer; 0 without one
    bytes: I64  # (n, 2) new ones of each side
    last: Bool  # the connection had no other after it

    def shifted(self, ahead: int) -> Turns:
        """By a clock that shows so much less."""
        answered = np.where(self.answered > 0, self.answered - ahead, 0)
        return Turns(self.connection, self.asked - ahead, answered, self.bytes, self.last)

    def until(self, most: int) -> Turns:
        """The first of them."""
        return Turns(*(getattr(self, name)[:most] for name in Turns.__struct_fields__))


def turns_of(point: Point, ids: list[int], times: I64) -> Turns:
    """The turns of these connections; `times` are those of the point's rows."""
    rows, flows = point.rows, point.triage.decoded.flows
    wanted = np.zeros(len(flows), np.bool_)
    wanted[ids] = True
    at = np.flatnonzero((rows["payload"] > 0) & wanted[rows["connection"]])
    at = at[np.argsort(rows["connection"][at], kind="stable")]
    grown = _growth(
        rows["connection"][at].astype(np.int64) * 2 + rows["side"][at], rows["seq"][at], rows["payload"][at]
    )
    at, grown = at[grown > 0], grown[grown > 0]
    conn, side = rows["connection"][at].astype(np.int64), rows["side"][at].astype(np.int64)
    fresh = np.r_[True, conn[1:] != conn[:-1]] if len(conn) else np.zeros(0, np.bool_)
    begins = np.flatnonzero(fresh | ((side == 0) & (np.r_[0, side[:-1]] == 1)))
    turn = np.cumsum(np.isin(np.arange(len(at)), begins)) - 1
    size = np.zeros((len(begins), 2), np.int64)
    np.add.at(size, (turn, side), grown)
    answered = np.zeros(len(begins), np.int64)
    answers = np.flatnonzero(side == 1)[::-1]
    answered[turn[answers]] = times[at[answers]]
    last = np.r_[conn[begins][1:] != conn[begins][:-1], True] if len(begins) else np.zeros(0, np.bool_)
    silent = np.setdiff1d(np.asarray(ids, np.int64), conn)
    opened = flows.first_time[silent] + _clock_step(point, times)
    none = np.zeros(len(silent), np.int64)
    found = Turns(
        np.concatenate([conn[begins], silent]), np.concatenate([times[at[begins]], opened]),
        np.concatenate([answered, none]), np.concatenate([size, np.zeros((len(silent), 2), np.int64)]),
        np.concatenate([last, np.ones(len(silent), np.bool_)]),
    )  # fmt: skip
    order = np.argsort(found.asked, kind="stable")
    return Turns(*(getattr(found, name)[order] for name in Turns.__struct_fields__))


def _growth(way: I64, seq: I64, payload: I64) -> I64:
    """Bytes of each segment that no earlier one of its way had: `way` is a connection and sender. Shapes (n,)."""
    if not len(way):
        return np.zeros(0, np.int64)
    order = np.argsort(way, kind="stable")
    ways, begins = way[order], seq[order].astype(np.int64)
    first = np.flatnonzero(np.r_[True, ways[1:] != ways[:-1]])
    base = np.repeat(begins[first], np.diff(np.r_[first, len(ways)]))
    end = ((begins - base + (1 << 31)) & 0xFFFFFFFF) - (1 << 31) + payload[order]
    group = np.cumsum(np.isin(np.arange(len(ways)), first)) << _SPACE
    reach = np.maximum.accumulate(end + group)
    grown = np.diff(np.r_[0, reach])
    grown[first] = end[first]
    found = np.zeros(len(way), np.int64)
    found[order] = grown
    return found


def _clock_step(point: Point, times: I64) -> int:
    """What `times` are more than the point's own, at its first row."""
    return int(times[0]) - int(point.rows["time"][0]) if len(times) else 0
