"""A proxy between the points ends TCP: what comes in on one connection goes out on another, with other numbers.

Only time and bytes tell: a request behind the proxy begins soon after the one before it, and both, and their answers,
are about as long; a proxy's own headers make most of them longer or shorter by the same. So it is likely, never more.
Proxies keep connections: one before it may be served by several behind it, and one behind serve several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.points.turns import turns_of
from capture.points.windows import times_by_a

if TYPE_CHECKING:
    import numpy.typing as npt

    from capture.points.match_captures import Matched
    from capture.points.turns import Turns

    I64 = npt.NDArray[np.int64]
    Bool = npt.NDArray[np.bool_]

SOON_NS = 300_000_000  # from a request to the one behind
SLACK_NS = 2_000_000  # clocks that are kept by NTP
HEADERS = 4096  # bytes by which a proxy's own headers make a message longer or shorter
PART = 0.05  # … and part of the message: chunks
FIGURES = 8  # bytes by which its headers differ from one message to the next: numbers with more or fewer digits
MOST = 20_000  # turns of each capture that are weighed
MOST_GUESSED = 1000  # … to find how far the clocks are apart
MOST_NEAR = 64  # requests before one behind that may be its own
BUCKET_NS = 20_000_000
GUESSES = 12  # differences of the clocks that are tried
FEWEST = 3  # pairs that agree on how far the clocks are apart


class Chained(Struct, frozen=True):
    """Connections before and behind a proxy: a[i] and b[i]. `ahead_ns`: what B's clock was taken to show more.
    `shared`: those of a[i], b[i] where the one behind went on to serve others.
    """

    a: tuple[int, ...] = ()
    b: tuple[int, ...] = ()
    front: str = "a"
    ahead_ns: int = 0
    shared: frozenset[tuple[int, int]] = frozenset()
    votes: tuple[int, int] = (0, 0)  # turns that the proxy changed as most, and all that were paired


class _Sides(Struct, frozen=True):
    """Turns before (f) and behind (k) a proxy, k by f's clock, and who answers each connection."""

    f: Turns
    k: Turns
    f_asks: npt.NDArray[np.str_]
    k_asks: npt.NDArray[np.str_]

    def until(self, most: int) -> _Sides:
        """The first turns of both."""
        return _Sides(self.f.until(most), self.k.until(most), self.f_asks[:most], self.k_asks[:most])


def chained(matched: Matched, alone: dict[str, list[int]]) -> Chained:
    """The connections without a counterpart that a proxy likely joins."""
    if not alone["a"] or not alone["b"]:
        return Chained()
    points = {"a": matched.a, "b": matched.b}
    turns = {name: turns_of(points[name], ids, times_by_a(matched, name)).until(MOST) for name, ids in alone.items()}
    asks = {name: _asks(matched, name, turns[name]) for name in ("a", "b")}
    ways = {
        front: _Sides(turns[front], turns[back], asks[front], asks[back]) for front, back in (("a", "b"), ("b", "a"))
    }
    found = max((_joined(sides, front, 0) for front, sides in ways.items()), key=lambda chain: chain.votes)
    enough = min(len(np.unique(each.connection)) for each in turns.values())
    if matched.clock.offset_ns is None and len(set(found.b)) * 2 < enough:
        guesses = [(front, ahead) for front, sides in ways.items() for ahead in _guesses(sides)]
        score = lambda guess: _joined(ways[guess[0]].until(MOST_GUESSED), *guess).votes  # noqa: E731
        if guesses:
            front, ahead = max(guesses, key=score)
            found = max(found, _joined(ways[front], front, ahead), key=lambda chain: chain.votes)
    return found


def _asks(matched: Matched, name: str, turns: Turns) -> npt.NDArray[np.str_]:
    triage = (matched.a if name == "a" else matched.b).triage
    known = {one: str(triage.endpoint(one, 1)) for one in np.unique(turns.connection).tolist()}
    return np.array([known[one] for one in turns.connection.tolist()], np.str_)


def _alike(f: Turns, k: Turns, i: I64, j: I64) -> Bool:
    """Whether pairs of turns have messages of about the same length. One that never answered, or was never asked, does
    not contradict, nor a client that left before the answer was whole.
    """
    found = np.ones(len(i), np.bool_)
    for side in (0, 1):
        of_f, of_k = f.bytes[i, side], k.bytes[j, side]
        near = np.abs(of_f - of_k) <= HEADERS + PART * np.maximum(of_f, of_k)
        found &= near | (of_k == 0) | ((side == 1) & f.last[i] & (of_f < of_k))
    asked: Bool = found & (f.bytes[i, 0] > 0)
    return asked


def _usual(f: Turns, k: Turns, i: I64, j: I64) -> Bool:
    """Whether both messages differ by what most pairs differ by: the headers that this proxy adds or takes away. Of
    what was not answered behind, the request tells.
    """
    apart = k.bytes[j] - f.bytes[i]
    answered = k.bytes[j, 1] > 0
    kinds, many = np.unique(apart[answered], axis=0, return_counts=True)
    if not len(kinds):
        return np.zeros(len(i), np.bool_)
    near = np.abs(apart - kinds[np.argmax(many)]) <= FIGURES
    usual: Bool = near[:, 0] & (near[:, 1] | ~answered)
    return usual


def _joined(sides: _Sides, front: str, ahead: int) -> Chained:
    """Each turn behind with one before it: first those that the proxy changed as most, and passed on soonest."""
    f, k = sides.f, sides.k.shifted(ahead)
    first = np.maximum(np.searchsorted(f.asked, k.asked - SOON_NS, "left"), 0)
    beyond = np.searchsorted(f.asked, k.asked + SLACK_NS, "right")
    first = np.maximum(first, beyond - MOST_NEAR)
    many = beyond - first
    j = np.repeat(np.arange(len(k.asked)), many)
    i = np.arange(len(j)) - np.repeat(np.cumsum(many) - many, many) + np.repeat(first, many)
    other = sides.f_asks[i] != sides.k_asks[j]  # other clients of one server are no proxy's
    kept = other & _alike(f, k, i, j)
    i, j = i[kept], j[kept]
    both = (f.answered[i] > 0) & (k.answered[j] > 0)
    early = both & (f.answered[i] + SLACK_NS < k.answered[j])
    took = np.abs(k.asked[j] - f.asked[i]) + np.where(both, np.abs(f.answered[i] - k.answered[j]), 0)
    odd = ~_usual(f, k, i, j)
    pairs: list[tuple[int, int]] = []
    votes = 0
    free_f, free_k = np.ones(len(f.asked), np.bool_), np.ones(len(k.asked), np.bool_)
    for at in np.lexsort((took, ~both, odd)).tolist():
        if free_f[i[at]] and free_k[j[at]] and not early[at]:
            free_f[i[at]] = free_k[j[at]] = False
            pairs.append((int(i[at]), int(j[at])))
            votes += not odd[at]
    return _by_connection(f, k, pairs, front, ahead, (votes, len(pairs)))


def _by_connection(
    f: Turns, k: Turns, pairs: list[tuple[int, int]], front: str, ahead: int, votes: tuple[int, int]
) -> Chained:
    """Pairs of turns as pairs of connections."""
    turns: dict[tuple[int, int], bool] = {}
    for i, j in pairs:
        both = int(f.connection[i]), int(k.connection[j])
        turns[both] = turns.get(both, False) or bool(k.last[j])
    ordered = sorted(turns)
    fronts, backs = tuple(one for one, _ in ordered), tuple(other for _, other in ordered)
    a, b = (fronts, backs) if front == "a" else (backs, fronts)
    shared = frozenset(both if front == "a" else both[::-1] for both, last in turns.items() if not last)
    return Chained(a, b, front, ahead if front == "a" else -ahead, shared, votes)


def _guesses(sides: _Sides) -> list[int]:
    """How far the clock behind may be ahead, by the differences that most pairs of like messages share."""
    f, k = sides.f.until(MOST_GUESSED), sides.k.until(MOST_GUESSED)
    i, j = (each.ravel() for each in np.indices((len(f.asked), len(k.asked))))
    alike = _alike(f, k, i, j)
    i, j = i[alike], j[alike]
    if not len(i):
        return []
    apart = k.asked[j] - f.asked[i]
    buckets, many = np.unique(apart // BUCKET_NS, return_counts=True)
    enough = np.flatnonzero(many >= max(FEWEST, min(len(f.asked), len(k.asked)) // 2))
    best = enough[np.argsort(-many[enough], kind="stable")][:GUESSES]
    return [_quickest(f, k, i, j, apart, int(bucket)) for bucket in buckets[best].tolist()]


def _quickest(f: Turns, k: Turns, i: I64, j: I64, apart: I64, bucket: int) -> int:
    """A difference to the millisecond: proxies pass a request on within that, so the densest such time is theirs."""
    near = np.flatnonzero(np.abs(apart // BUCKET_NS - bucket) <= 1)
    usual = near[_usual(f, k, i[near], j[near])]
    times = np.sort(apart[usual if len(usual) >= FEWEST else near])
    dense = np.searchsorted(times, times + SLACK_NS // 2, "right") - np.arange(len(times))
    return int(times[np.argmax(dense)]) - SLACK_NS // 4
