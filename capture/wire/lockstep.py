"""Chains of records: each says how long it is, so the next is found only by walking. Walk many pieces at once.

Guess a record start in each piece of a window, let all cursors step together with numpy, and believe a cursor only
where the one before it lands exactly on its start; every other piece is walked record by record. So the result is
exact by induction from the first start, which is true.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from capture.wire.arrays import distinct
from capture.wire.columns import I64, Bool
from capture.wire.feed import Buffer

MOST_CURSORS = 1024
STEPS = 128  # of each cursor, about: fewer cost more guessing, more cost more stepping
PIECE = 4096  # bytes at least between two cursors
FEW = 8  # cursors that are slower together than one by one
ROUNDS = 6  # guesses at one start before its piece goes to the cursor before


class Chain(Struct, frozen=True):
    """How to step in a window: `next = pos + extra + length field at pos`, at least `least` bytes on."""

    buffer: Buffer
    lengths: npt.NDArray[np.unsignedinteger]  # lengths[i] is the length field of a record that starts at i
    extra: int
    least: int
    length_at: Callable[[int], int]  # the same length field, for one record
    pattern: bytes  # bytes that a record start shows
    shift: int  # of the pattern within a record
    plausible: Callable[[I64], Bool]  # is this a record start, by all that a header says?
    typical: int = 800  # bytes of a record, as far as is known

    def after(self, positions: I64) -> I64:
        """The positions of the records that follow."""
        step: I64 = self.lengths[positions] + np.int64(self.extra)
        return positions + np.maximum(step, self.least)


def walk(chain: Chain, start: int, end: int) -> I64:
    """The starts of all records that begin in [start, end), in order. Lengths that lead beyond `end` end the walk."""
    if end - start < 4 * PIECE:
        return np.array(_one_by_one(chain, start, end)[0], dtype=np.int64)
    starts = _guesses(chain, start, end)
    if len(starts) < FEW:
        return np.array(_one_by_one(chain, start, end)[0], dtype=np.int64)
    return _joined(chain, starts, end)


def _one_by_one(chain: Chain, at: int, limit: int) -> tuple[list[int], int]:
    found = []
    length_at, extra, least = chain.length_at, chain.extra, chain.least
    while at < limit:
        found.append(at)
        step = length_at(at) + extra
        at += step if step > least else least
    return found, at


def _guesses(chain: Chain, start: int, end: int) -> I64:
    count = min(MOST_CURSORS, (end - start) // max(PIECE, STEPS * chain.typical))
    if count < FEW:
        return np.array([start], dtype=np.int64)
    borders = np.linspace(start, end, count, endpoint=False).astype(np.int64)
    span = 2 * (end - start) // count
    find, pattern, shift = chain.buffer.find, chain.pattern, chain.shift
    good: list[I64] = [borders[:1]]
    seeking = borders[1:].tolist()
    limits = [min(border + span, end - 64) for border in seeking]
    for _ in range(ROUNDS):
        hits = [find(pattern, at + shift, limit) for at, limit in zip(seeking, limits, strict=True)]
        pairs = [(hit - shift, limit) for hit, limit in zip(hits, limits, strict=True) if hit >= 0]
        if not pairs:
            break
        here = np.array([pair[0] for pair in pairs], dtype=np.int64)
        right = _chained(chain, here, end)
        good.append(here[right])
        wrong = (~right).tolist()
        seeking = [pair[0] + 1 for pair, again in zip(pairs, wrong, strict=True) if again]
        limits = [pair[1] for pair, again in zip(pairs, wrong, strict=True) if again]
    return distinct(*good)


def _chained(chain: Chain, here: I64, end: int) -> Bool:
    """Is this a plausible start, and are the two records after it (as far as the window reaches)?"""
    right = chain.plausible(here)
    for _ in range(2):
        here = np.where(right, chain.after(here), end)
        inside = here < end - 64
        right &= ~inside | chain.plausible(np.where(inside, here, 0))
        here = np.minimum(here, end - 64)
    return right


def _joined(chain: Chain, starts: I64, end: int) -> I64:
    limits = np.append(starts[1:], end)
    steps, landing = _together(chain, starts, limits, end)
    inside = steps < limits[:, None]
    if (landing[:-1] == starts[1:]).all() and (landing >= limits).all():
        return steps[inside]
    counts = inside.sum(axis=1)
    pieces: list[I64] = []
    at, cursor = int(starts[0]), 0
    while cursor < len(starts):
        # here `at` is a true record start, and that of this cursor
        pieces.append(steps[cursor, : counts[cursor]])
        at = int(landing[cursor])
        cursor += 1
        while at < end and not (cursor < len(starts) and at == starts[cursor]):
            if cursor < len(starts) and at > starts[cursor]:
                cursor += 1  # guessed wrong
                continue
            found, at = _one_by_one(chain, at, int(starts[cursor]) if cursor < len(starts) else end)
            pieces.append(np.array(found, dtype=np.int64))
        if at >= end:
            break
    return np.concatenate(pieces)


def _together(chain: Chain, starts: I64, limits: I64, end: int) -> tuple[I64, I64]:
    """Step all cursors until they pass their limits, or too few have not. Shapes (cursors, steps) and (cursors,)."""
    lengths, extra, least = chain.lengths, np.int64(chain.extra), chain.least
    rows: list[I64] = []
    at = starts
    behind = len(starts)
    while behind > FEW or (behind and len(rows) < 64):
        for _ in range(16):
            rows.append(at)
            step = lengths[at] + extra
            if least > extra:
                np.maximum(step, least, out=step)
            step += at
            at = np.minimum(step, end, out=step)
        behind = int(np.count_nonzero(at < limits))
    steps = np.ascontiguousarray(np.array(rows).T)
    past = steps >= limits[:, None]
    first = np.where(past.any(axis=1), past.argmax(axis=1), steps.shape[1] - 1)
    landing = np.where(at < limits, at, np.where(past.any(axis=1), steps[np.arange(len(steps)), first], at))
    return steps, landing
