"""Two captures compared, connection by connection; the report of one is made when it is asked for."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from capture.model import TcpFlags
from capture.points.alone import Alone
from capture.points.briefs import Briefs
from capture.points.captured_pair import read_points
from capture.points.changes import copied, delayed, modified, one_way, reordered
from capture.points.compared import Both
from capture.points.differences import Fate, fates
from capture.points.joint_verdict import Ends, Joint, judged, judged_through_proxy
from capture.points.match_captures import Matched, match
from capture.points.proxying import chained
from capture.points.windows import delays
from capture.verdicts import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from capture.points.compared import Clock, Point

_SYN = int(TcpFlags.SYN)
MOST_KEPT = 20_000
Entry = tuple[int | None, int | None]  # ids at a and at b


class Comparison:
    """Two captures, compared."""

    def __init__(self, matched: Matched) -> None:
        self.matched = matched
        self._kept: dict[Entry, Both] = {}
        self._briefs = Briefs(matched.a.triage), Briefs(matched.b.triage)
        self._took = delays(matched)
        self.fates = fates(matched, (drops(matched.a), drops(matched.b)))
        for pair, copies in copied(matched).items():
            self.fates.setdefault(pair, Fate()).duplicated.extend(copies)
        self.modified = modified(matched)
        self.reordered = reordered(matched)
        self.delayed = delayed(matched, self._took) if matched.clock.bound_ns is not None else {}
        self.alone = Alone(matched)
        self.chained = chained(matched, self.alone.ids)
        self._one_way = one_way(matched, self._took)

    @property
    def points(self) -> tuple[Point, Point]:
        """Both captures."""
        return self.matched.a, self.matched.b

    @property
    def clock(self) -> Clock:
        """How their clocks relate to each other."""
        return self.matched.clock

    @cached_property
    def near(self) -> str | None:
        """The point that is nearer to most originators."""
        balance = int(self.matched.near_a.astype(np.int64).sum())
        return None if not balance else "a" if balance > 0 else "b"

    @cached_property
    def is_one_capture(self) -> bool:
        """Whether both files are copies of one: the same packets at the same times. A pair of points would differ."""
        m = self.matched
        a, b = m.a.rows, m.b.rows
        return (
            0 < len(a) == len(b) == len(m.same_a)
            and bool((m.same_a == m.same_b).all())
            and all(bool((a[name] == b[name]).all()) for name in ("time", "ttl", "ip_id"))
        )

    @cached_property
    def _pair_of(self) -> dict[Entry, int]:
        return {
            (int(a), int(b)): i for i, (a, b) in enumerate(zip(self.matched.pairs.a, self.matched.pairs.b, strict=True))
        }

    @cached_property
    def entries(self) -> list[Entry]:
        """All connections: those of A in order, then those that B alone has."""
        known: list[Entry] = [*self._pair_of, *self._chains]
        in_chain = {"a": set(self.chained.a), "b": set(self.chained.b)}
        known += [(a, None) for a in self.alone.ids["a"] if a not in in_chain["a"]]
        left = [(None, b) for b in self.alone.ids["b"] if b not in in_chain["b"]]
        return sorted(known, key=lambda entry: entry[0] or 0) + left

    @cached_property
    def _chains(self) -> dict[Entry, None]:
        return dict.fromkeys(zip(self.chained.a, self.chained.b, strict=True))

    def __iter__(self) -> Iterator[Both]:
        return map(self.connection, self.entries)

    @cached_property
    def readdressed(self) -> npt.NDArray[np.bool_]:
        """By pair: whether an address or a port is another one at b. Shape (pairs, 2)."""
        of_a, of_b = (point.triage.decoded.flows for point in self.points)
        pairs = self.matched.pairs
        other = np.zeros((len(pairs.a), 2), np.bool_)
        flip = pairs.flipped.astype(np.int64)
        for side in (0, 1):
            there = side ^ flip
            other[:, side] = of_a.port[pairs.a, side] != of_b.port[pairs.b, there]
            left, right = of_a.address[pairs.a, side], of_b.address[pairs.b, there]
            v4 = (left < 1 << 32) & (right < 1 << 32)
            other[v4, side] |= left[v4] != right[v4]
            for at in np.flatnonzero(~v4).tolist():
                texts = of_a.addresses.text(int(left[at])), of_b.addresses.text(int(right[at]))
                other[at, side] |= texts[0] != texts[1]
        return other

    def noteworthy(self) -> list[Entry]:
        """Connections with a difference, or that one point should have seen and did not."""
        pairs = self.matched.pairs
        different = {*self.fates, *self.modified, *self.reordered, *self.delayed}
        found: list[Entry] = [(int(pairs.a[i]), int(pairs.b[i])) for i in sorted(different)]
        return (
            found
            + [(a, None) for a, fate in self.alone_fates["a"].items() if fate]
            + [(None, b) for b, fate in self.alone_fates["b"].items() if fate]
        )

    @cached_property
    def alone_fates(self) -> dict[str, dict[int, Fate | None]]:
        """By point and connection: what became of those that the other point has not."""
        chains = {"a": set(self.chained.a), "b": set(self.chained.b)}
        return {
            name: {one: None if one in chains[name] else self.alone.fate(name, one) for one in ids}
            for name, ids in self.alone.ids.items()
        }

    @cached_property
    def plain(self) -> npt.NDArray[np.bool_]:
        """By pair: whether nothing happened between the points, so that its verdict is one of the captures'."""
        plain: npt.NDArray[np.bool_] = np.logical_not(self.matched.shift.any(axis=1))
        plain[[*self.fates, *self.modified, *self.reordered, *self.delayed]] = False
        for point, ids in zip(self.points, (self.matched.pairs.a, self.matched.pairs.b), strict=True):
            if point.triage.kernel_events:
                plain &= ~np.isin(ids, list(point.triage.kernel_events))
        return plain

    def pair_of(self, entry: Entry) -> int | None:
        """The number of a pair that both points saw packet by packet."""
        return self._pair_of.get(entry)

    @property
    def common(self) -> npt.NDArray[np.int64]:
        """By pair: how many packets both points saw."""
        return self._common

    @property
    def one_way(self) -> npt.NDArray[np.float64]:
        """By pair and sender: the mean time between the points in ns, or NaN. Shape (pairs, 2)."""
        return self._one_way

    def prepare(self, entries: Sequence[Entry]) -> None:
        """Have the verdicts of these at hand, which will be asked for next."""
        new = [entry for entry in entries if entry not in self._kept]
        for at, briefs in enumerate(self._briefs):
            briefs.prepare({one for entry in new if (one := entry[at]) is not None})

    def connection(self, entry: Entry) -> Both:
        """Everything about one connection. Those that something happened to are asked for more than once, and kept."""
        if entry not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[entry] = self._connection(entry)
        return self._kept[entry]

    def _connection(self, entry: Entry) -> Both:
        a, b = entry
        if a is None or b is None:
            return self._alone("a" if b is None else "b", a if b is None else b)  # type: ignore[arg-type]
        if entry in self._chains:
            return self._proxied(a, b)
        pair = self._pair_of[entry]
        fate = self.fates.get(pair)
        joint = self.joint(pair)
        points, flip = self.points, bool(self.matched.pairs.flipped[pair])
        ends = points[0].triage.endpoint(a, 0), points[0].triage.endpoint(a, 1)
        there = points[1].triage.endpoint(b, int(flip)), points[1].triage.endpoint(b, 1 - int(flip))
        shift = self.matched.shift[pair]
        way = [None if math.isnan(value) else float(value) for value in self._one_way[pair].tolist()]
        near = int(self.matched.near_a[pair])
        f = fate or Fate()
        return Both(
            a, b, ends[0], ends[1],
            readdressed=ends != there,
            readdressed_as=there if ends != there else None,
            shifted=(int(shift[0]), int(shift[1])) if shift.any() else None,
            matched=int(self._common[pair]),
            near=None if not near else "a" if near > 0 else "b",
            lost=tuple(f.lost), injected=tuple(f.injected), modified=tuple(self.modified.get(pair, ())),
            reordered=tuple(self.reordered.get(pair, ())), delayed=tuple(self.delayed.get(pair, ())),
            duplicated=tuple(f.duplicated), missed=tuple(f.missed),
            undecided=tuple(f.undecided),
            one_way_ns=(way[0], way[1]), cause=joint.cause, certainty=joint.certainty, sentence=joint.sentence,
            died=joint.died,
        )  # fmt: skip

    def _alone(self, name: str, connection: int) -> Both:
        point = self.points[name == "b"]
        fate = self.alone_fates[name].get(connection)
        joint = self.alone.judged(name, self._briefs[name == "b"].of(connection), fate)
        f = fate or Fate()
        return Both(
            connection if name == "a" else None,
            connection if name == "b" else None,
            point.triage.endpoint(connection, 0), point.triage.endpoint(connection, 1),
            readdressed=False, readdressed_as=None, shifted=None, matched=0, near=None,
            lost=tuple(f.lost), injected=tuple(f.injected), modified=(), reordered=(), delayed=(), duplicated=(),
            missed=(), one_way_ns=(None, None), cause=joint.cause, certainty=joint.certainty, sentence=joint.sentence,
        )  # fmt: skip

    def _proxied(self, a: int, b: int) -> Both:
        first, second = (point.triage for point in self.points)
        front, back = self._briefs[0].of(a), self._briefs[1].of(b)
        if self.chained.front == "b":
            front, back = back, front
        joint = judged_through_proxy(front, back, self.chained.front, shared=(a, b) in self.chained.shared)
        return Both(
            a, b, first.endpoint(a, 0), first.endpoint(a, 1),
            readdressed=True, readdressed_as=(second.endpoint(b, 0), second.endpoint(b, 1)), shifted=None, matched=0,
            near=self.chained.front, lost=(), injected=(), modified=(), reordered=(), delayed=(), duplicated=(),
            missed=(), one_way_ns=(None, None), cause=joint.cause, certainty=joint.certainty, sentence=joint.sentence,
            proxied=True,
        )  # fmt: skip

    def same_packets(self, a: int | None, b: int | None) -> dict[int, int]:
        """The packets of a connection that both points saw: numbers in A's file to those in B's."""
        pair = None if a is None or b is None else self._pair_of.get((a, b))
        if pair is None:
            return {}
        matched = self.matched
        here = np.flatnonzero(matched.pair_a[matched.same_a] == pair)
        numbers = (
            point.rows["number"][same[here]].tolist()
            for point, same in zip(self.points, (matched.same_a, matched.same_b), strict=True)
        )
        return dict(zip(*numbers, strict=True))

    def is_flipped(self, a: int | None, b: int | None) -> bool:
        """Whether B calls that end the responder which is A's originator."""
        pair = None if a is None or b is None else self._pair_of.get((a, b))
        return pair is not None and bool(self.matched.pairs.flipped[pair])

    def joint(self, pair: int) -> Joint:
        """The verdict of both captures on a pair."""
        a, b = int(self.matched.pairs.a[pair]), int(self.matched.pairs.b[pair])
        fate = self.fates.get(pair)
        ends = self._ends.get(pair, Ends((True, True), (True, True)))
        return judged(self._briefs[0].of(a), self._briefs[1].of(b), fate, ends)

    @cached_property
    def _common(self) -> npt.NDArray[np.int64]:
        pairs = self.matched.pair_a[self.matched.same_a]
        return np.bincount(pairs, minlength=len(self.matched.pairs.a))

    @cached_property
    def _ends(self) -> dict[int, Ends]:
        """Of the pairs of which one point has packets alone: how far each side's got, as its own point shows."""
        m = self.matched
        wanted = np.zeros(len(m.pairs.a), np.bool_)
        wanted[list(self.fates)] = True
        opened, opened_there, last_met = (np.full((len(wanted), 2), first) for first in (False, False, True))
        for name, same in (("a", m.same_a), ("b", m.same_b)):
            met = np.zeros(len(m.rows(name)), np.bool_)
            met[same] = True
            rows = m.rows_of(name, wanted)
            own = ((m.near_a[m.pair(name)[rows]] >= 0) == (m.side(name)[rows] == 0)) == (name == "a")
            rows = rows[own]
            way = m.pair(name)[rows], m.side(name)[rows]
            syn = (m.rows(name)["flags"][rows] & _SYN) != 0
            np.logical_or.at(opened, way, syn)
            np.logical_or.at(opened_there, way, syn & met[rows])
            last_met[way] = met[rows]  # in order: the last one stays
        syn_met = ~opened | opened_there
        return {pair: Ends(tuple(syn_met[pair].tolist()), tuple(last_met[pair].tolist())) for pair in self.fates}

    def worst(self, most: int) -> Sequence[Both]:
        """The connections that cost users most, of those with a difference or with a proxy between."""
        causes = catalogue.causes()
        chosen = [*self.noteworthy(), *self._chains][: most * 50]
        self.prepare(chosen)
        shown = [self.connection(entry) for entry in chosen]
        weight = lambda c: (-causes[c.cause].cost, -len(c.injected), -len(c.lost))  # noqa: E731
        return sorted(shown, key=weight)[:most]


def drops(point: Point) -> bool:
    """Whether a capture itself says that it dropped packets."""
    return any(notice.code == "dropped_by_capture" for notice in point.triage.decoded.notices)


def compare(a: str, b: str) -> Comparison:
    """Compare two captures. Raises CaptureUnreadable."""
    return Comparison(match(*read_points(a, b)))
