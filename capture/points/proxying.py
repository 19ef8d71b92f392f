"""A proxy between the points ends TCP: what comes in on one connection goes out on another, with other numbers.

Only time and bytes tell: the connection behind opens or speaks soon after the request before it, and requests and
answers are about as long. So it is likely, never more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

if TYPE_CHECKING:
    import numpy.typing as npt

    from capture.flows.connection_table import FlowTable
    from capture.points.match_captures import Matched

    I64 = npt.NDArray[np.int64]
    Bool = npt.NDArray[np.bool_]

SOON_NS = 300_000_000  # from a request to the one behind
SLACK_NS = 2_000_000  # clocks that are kept by NTP
HEADERS = 4096  # bytes by which a proxy's own headers make a message longer or shorter
LINES = 256  # … each of many
PART = 0.05  # … and part of the message: chunks
MOST = 2000  # connections of each capture that are weighed against each other
BUCKET_NS = 20_000_000
FEWEST = 3  # pairs that agree on how far the clocks are apart


class Chained(Struct, frozen=True):
    """Connections before and behind a proxy: a[i] and b[i]. `ahead_ns`: what B's clock was taken to show more."""

    a: tuple[int, ...] = ()
    b: tuple[int, ...] = ()
    front: str = "a"
    ahead_ns: int = 0


class _Talk(Struct, frozen=True):
    """What is weighed of some connections: when they first spoke (or opened), until when they were, their bytes."""

    ids: I64
    spoke: I64
    end: I64
    bytes: I64  # (n, 2)
    asks: tuple[str, ...]  # the responder of each


def chained(matched: Matched, alone: dict[str, list[int]]) -> Chained:
    """The connections without a counterpart that a proxy likely joins."""
    if not alone["a"] or not alone["b"]:
        return Chained()
    known = matched.clock.offset_ns
    talks = {name: _talk(matched, name, ids[:MOST]) for name, ids in alone.items()}
    if known is not None:
        shifted = matched.clock.as_a(talks["b"].spoke), matched.clock.as_a(talks["b"].end)
        talks["b"] = _Talk(talks["b"].ids, *shifted, talks["b"].bytes, talks["b"].asks)
    found = max((_joined(talks, front, 0) for front in ("a", "b")), key=lambda chain: len(chain.a))
    if known is None and len(found.a) * 2 < min(len(talk.ids) for talk in talks.values()):
        guesses = (_guess(talks, front) for front in ("a", "b"))
        more = [_joined(talks, front, ahead) for front, ahead in zip(("a", "b"), guesses, strict=True) if ahead]
        found = max([found, *more], key=lambda chain: len(chain.a))
    return found


def _flows(matched: Matched, name: str) -> FlowTable:
    return (matched.a if name == "a" else matched.b).triage.decoded.flows


def _talk(matched: Matched, name: str, ids: list[int]) -> _Talk:
    flows = _flows(matched, name)
    triage = (matched.a if name == "a" else matched.b).triage
    asks = tuple(str(triage.endpoint(one, 1)) for one in ids)
    at = np.asarray(ids, np.int64)
    spoke = flows.numbers.word_time[at, 0]
    return _Talk(at, np.where(spoke > 0, spoke, flows.first_time[at]), flows.last_time[at], flows.bytes[at], asks)


def _alike(front: _Talk, back: _Talk) -> Bool:
    """Which of both have messages of about the same length; shape (fronts, backs). One that never answered, or was
    never asked, does not contradict, nor a client that left before the answer was whole.
    """
    alike = np.ones((len(front.ids), len(back.ids)), np.bool_)
    for side in (0, 1):
        of_front, of_back = front.bytes[:, side][:, None], back.bytes[:, side][None, :]
        near = np.abs(of_front - of_back) <= HEADERS + PART * np.maximum(of_front, of_back)
        alike &= near | (of_back == 0) | ((side == 1) & (of_front < of_back) & (front.end[:, None] < back.end[None, :]))
    return alike


def _joined(talks: dict[str, _Talk], front: str, ahead: int) -> Chained:
    """Each connection behind with the one before it whose request came last; one each first, then several to one."""
    back = "b" if front == "a" else "a"
    f, k = talks[front], talks[back]
    shift = ahead if front == "a" else -ahead  # of the back's clock
    later = (k.spoke - shift)[None, :] - f.spoke[:, None]
    asked = f.bytes[:, 0] > 0
    same = np.array(f.asks)[:, None] == np.array(k.asks)[None, :]  # other clients of one server are no proxy's
    within = ~same & (later >= -SLACK_NS) & ((k.spoke - shift)[None, :] <= f.end[:, None] + SLACK_NS) & asked[:, None]
    close = within & (later <= SOON_NS) & _alike(f, k)
    pairs: list[tuple[int, int]] = []
    free_f, free_k = np.ones(len(f.ids), np.bool_), np.ones(len(k.ids), np.bool_)
    places = np.argwhere(close)
    for i, j in places[np.lexsort((f.spoke[places[:, 0]], k.spoke[places[:, 1]]))].tolist():
        if free_f[i] and free_k[j]:  # first come, first served
            free_f[i] = free_k[j] = False
            pairs.append((i, j))
    pairs += _several(f, k, within & free_k[None, :], dict(pairs))
    pairs.sort()
    fronts, backs = tuple(int(f.ids[i]) for i, _ in pairs), tuple(int(k.ids[j]) for _, j in pairs)
    return Chained(fronts, backs, front, ahead) if front == "a" else Chained(backs, fronts, front, ahead)


def _several(f: _Talk, k: _Talk, within: Bool, first: dict[int, int]) -> list[tuple[int, int]]:
    """More connections behind one front, where nobody else was served then and their answers together are its own."""
    found: list[tuple[int, int]] = []
    served = np.argmax(within, axis=0)
    only = (within.sum(axis=0) == 1) & (k.bytes[:, 0] > 0)
    for i in np.unique(served[only]).tolist():
        more = np.flatnonzero(only & (served == i)).tolist()
        all_of_it = [*more, *([first[i]] if i in first else [])]
        own, theirs = int(f.bytes[i, 1]), int(k.bytes[all_of_it, 1].sum())
        if abs(own - theirs) <= LINES * len(all_of_it) + PART * own:
            found += [(i, j) for j in more]
    return found


def _guess(talks: dict[str, _Talk], front: str) -> int:
    """How far B's clock is ahead, by the difference that most pairs of like messages share; 0 where few do."""
    f, k = talks[front], talks["b" if front == "a" else "a"]
    apart = (k.spoke[None, :] - f.spoke[:, None])[_alike(f, k) & (f.bytes[:, 0] > 0)[:, None]]
    if not len(apart):
        return 0
    buckets, many = np.unique(apart // BUCKET_NS, return_counts=True)
    if many.max() < max(FEWEST, min(len(f.ids), len(k.ids)) // 2):
        return 0
    ahead = int(buckets[np.argmax(many)]) * BUCKET_NS
    return ahead if front == "a" else -ahead
