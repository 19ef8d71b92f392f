"""Which of several equal packets is which: by time, where one point saw more of them than the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    I64 = npt.NDArray[np.int64]

MOST_WEIGHED = 200_000  # pairs of one group that are weighed against each other; more are taken in order


def assigned(group: tuple[I64, I64, I64, I64], expected: I64, seen: I64) -> tuple[I64, I64]:
    """Pairs of rows of all groups: in order, with the least sum of differences between the `expected` time of a's rows
    and the time that b's rows were `seen`. `group` is rows of a and their group numbers, then b's.
    """
    rows_a, of_a, rows_b, of_b = group
    cut_a, cut_b = (np.flatnonzero(np.diff(of)) + 1 for of in (of_a, of_b))
    found_a: list[I64] = []
    found_b: list[I64] = []
    for a, b in zip(np.split(rows_a, cut_a), np.split(rows_b, cut_b), strict=True):
        few, many, turned = (a, b, False) if len(a) <= len(b) else (b, a, True)
        times = (expected[few], seen[many]) if not turned else (seen[few], expected[many])
        chosen = many[_least(*times)]
        found_a.append(chosen if turned else few)
        found_b.append(few if turned else chosen)
    return np.concatenate(found_a), np.concatenate(found_b)


def _least(few: I64, many: I64) -> I64:
    """For each of the few the place of one of the many, in ascending order, with the least sum of differences."""
    n, m = len(few), len(many)
    if n * m > MOST_WEIGHED:
        return np.arange(n)
    slack = m - n
    cost = np.zeros(slack + 1)
    taken = np.zeros((n, slack + 1), np.int64)
    for i in range(n):  # cost[k]: the first i + 1 placed, the last of them at most at place i + k
        here = cost + np.abs(many[i : i + slack + 1] - few[i])
        best = np.minimum.accumulate(here)
        taken[i] = np.maximum.accumulate(np.where(here <= best, np.arange(slack + 1), 0))
        cost = best
    places = np.empty(n, np.int64)
    at = slack
    for i in range(n - 1, -1, -1):
        at = int(taken[i, at])
        places[i] = i + at
    return places
