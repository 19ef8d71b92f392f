"""More than two points: each compared with the next along the path, and one verdict of all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from capture.decode import decode_traced
from capture.engine.library import library
from capture.points.captured_pair import point
from capture.points.comparison import Comparison
from capture.points.inside import read_inside
from capture.points.match_captures import Matched, match
from capture.triage import packets_of
from capture.verdicts import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from capture.points.compared import Both, Point
    from capture.points.comparison import Entry

_SURE = ("possible", "likely", "certain")
MOST_CHAINS = 16  # ways on from one connection that are followed: proxies share connections


class Leg(Struct, frozen=True):
    """Two neighbours on the path: places in Path.points, the first nearer to the originators where that is known."""

    a: int
    b: int
    comparison: Comparison


class Along(Struct, frozen=True):
    """One connection along the path: its id at each point (None where it was not seen), what each leg says of it, and
    the verdict of the leg that proves most. `leg` is its place in Path.legs where the path itself is the cause.
    """

    ids: tuple[int | None, ...]
    seen: tuple[tuple[int, Both], ...]
    best: Both
    leg: int | None


class Path:
    """Points in their order, and the legs between them."""

    def __init__(self, points: Sequence[Point], *, named: bool = False) -> None:
        """`named`: they stay in the order in which they were named."""
        self._matches: dict[tuple[int, int], Matched] = {}
        self._compared: dict[tuple[int, int], Comparison] = {}
        self._given = list(points)
        self._order = list(range(len(points))) if named else self._ordered()
        self.points: list[Point] = [self._given[at] for at in self._order]
        self.legs = self._legs()

    def _legs(self) -> list[Leg]:
        """Each point with the next one that has a connection in common; one that has none with its neighbour."""
        count = len(self._order)
        ends = []
        for at in range(count):
            to = next((to for to in range(at + 1, count) if self._side(self._order[at], self._order[to])), None)
            ends += [] if to is None else [(at, to)]
        for at in range(count):
            if not any(at in both for both in ends):
                ends.append((at, at + 1) if at + 1 < count else (at - 1, at))
        return [Leg(a, b, self._comparison(self._order[a], self._order[b])) for a, b in sorted(ends)]

    @property
    def is_reordered(self) -> bool:
        """Whether the points were named in another order than that of the path."""
        return self._order != sorted(self._order)

    def _match(self, i: int, j: int) -> Matched:
        if (i, j) not in self._matches:
            a, b = replace(self._given[i], name="a"), replace(self._given[j], name="b")
            self._matches[i, j] = match(a, b)
        return self._matches[i, j]

    def _comparison(self, i: int, j: int) -> Comparison:
        if (i, j) not in self._compared:
            self._compared[i, j] = Comparison(self._match(i, j))
        return self._compared[i, j]

    def _side(self, i: int, j: int) -> int:
        """1 where point i is nearer to the originators than j, -1 where j is, 2 where they have connections in common
        and nothing tells, 0 where they have none. A proxy tells too.
        """
        matched = self._match(i, j)
        if len(matched.pairs.a):
            return int(np.sign(matched.near_a.astype(np.int64).sum())) or 2
        chain = self._comparison(i, j).chained
        return 0 if not chain.a else 1 if chain.front == "a" else -1

    def _ordered(self) -> list[int]:
        """As they were named, if that is along the path; else by how many points each is behind of."""
        count = len(self._given)
        if all(self._side(at, at + 1) == 1 for at in range(count - 1)):
            return list(range(count))
        behind = [0] * count
        for i in range(count):
            for j in range(i + 1, count):
                near = {1: 1, -1: -1}.get(self._side(i, j), 0)
                behind[i] -= near
                behind[j] += near
        return sorted(range(count), key=lambda at: behind[at])

    @cached_property
    def _onward(self) -> dict[tuple[int, int], list[tuple[int, Entry]]]:
        """From a connection at a point: the legs and entries that lead on from it."""
        found: dict[tuple[int, int], list[tuple[int, Entry]]] = {}
        for number, leg in enumerate(self.legs):
            for a, b in leg.comparison.entries:
                if a is not None and b is not None:
                    found.setdefault((leg.a, a), []).append((number, (a, b)))
        return found

    @cached_property
    def _led_to(self) -> set[tuple[int, int]]:
        return {
            (self.legs[n].b, entry[1]) for ways in self._onward.values() for n, entry in ways if entry[1] is not None
        }

    def __iter__(self) -> Iterator[Along]:
        for at, point_ in enumerate(self.points):
            for one in np.unique(point_.rows["connection"]).tolist():
                if one < len(point_.triage.decoded.flows) and (at, one) not in self._led_to:
                    yield from (self._along(way, at, one) for way in self._ways(at, one))

    def _ways(self, at: int, one: int) -> Iterator[list[tuple[int, Entry]]]:
        onward = self._onward.get((at, one), [])[:MOST_CHAINS]
        if not onward:
            yield []
        for number, entry in onward:
            to = entry[1]
            assert to is not None
            yield from ([(number, entry), *rest] for rest in self._ways(self.legs[number].b, to))

    def _along(self, way: list[tuple[int, Entry]], begin: int, first: int) -> Along:
        ids: list[int | None] = [None] * len(self.points)
        ids[begin] = first
        for number, (_, to) in way:
            ids[self.legs[number].b] = to
        seen = [(number, self.legs[number].comparison.connection(entry)) for number, entry in way]
        met = {number for number, _ in way}
        for number, leg in enumerate(self.legs):  # what one point of a leg has, and the other should have
            if number not in met and (ids[leg.a] is None) != (ids[leg.b] is None):
                both = leg.comparison.connection((ids[leg.a], ids[leg.b]))
                if both.lost or both.injected or not way:
                    seen.append((number, both))
        seen.sort(key=lambda one: one[0])
        if not seen:  # a point that no leg reaches
            raise AssertionError("each point is on a leg")
        causes = catalogue.causes()
        weight = lambda one: (proves(one[1]), _SURE.index(one[1].certainty.value), causes[one[1].cause].cost)  # noqa: E731
        number, best = max(seen, key=weight)
        if any(both.lost for _, both in seen):  # not on this leg, maybe, and yet on the path
            best = replace(best, sentence=best.sentence.replace(catalogue.nothing_lost(), ""))
        return Along(tuple(ids), tuple(seen), best, number if proves(best) else None)

    def worst(self, most: int) -> list[Along]:
        """The connections that cost users most, of those that something happened to."""
        causes = catalogue.causes()
        weight = lambda one: (-causes[one.best.cause].cost, -_happened(one))  # noqa: E731
        return sorted((one for one in self if _happened(one)), key=weight)[:most]


def proves(both: Both) -> bool:
    """Whether what happened on this leg is why the connection ended as it did."""
    resets = any("R" in packet.flags for packet in both.injected) and both.cause in (
        "middlebox_reset",
        "refused_by_firewall",
    )
    return resets or both.died or (both.cause == "syn_unanswered" and bool(both.lost))


def _happened(along: Along) -> int:
    kinds = ("lost", "injected", "modified", "reordered", "delayed", "duplicated", "missed", "undecided")
    return sum(len(getattr(both, kind)) for _, both in along.seen for kind in kinds) + sum(
        both.proxied for _, both in along.seen
    )


def compare_along(paths: Sequence[str]) -> Path:
    """Compare captures of several points; of one file, the points inside it. Raises CaptureUnreadable."""
    if len(paths) == 1:
        return Path(read_inside(paths[0]))
    library()  # loaded, and in a checkout compiled, once
    with ThreadPoolExecutor(2) as pool:
        read = list(pool.map(decode_traced, [packets_of(path) for path in paths]))
    points = [point("a", *one, index=at) for at, one in enumerate(read)]
    return Path(points, named=len(points) == 2)  # where two are swapped, a finding says so
