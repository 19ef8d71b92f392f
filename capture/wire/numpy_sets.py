"""What numpy's set functions do, without the masked arrays that they import (10 ms of a small report)."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from capture.engine.library import distinct_keys

N = TypeVar("N", bound=np.generic)


def distinct(*parts: npt.NDArray[N]) -> npt.NDArray[N]:
    """The values that occur in any of these arrays, once each, in order."""
    values: npt.NDArray[Any] = np.sort(np.concatenate(parts))
    if len(values) < 2:
        return values
    new = np.empty(len(values), np.bool_)
    new[0] = True
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return values[new]


def repeats(values: npt.NDArray[N]) -> bool:
    """Whether any value occurs twice: known sooner than which ones, which takes a sort that keeps their order."""
    ordered = np.sort(values)
    return bool((ordered[1:] == ordered[:-1]).any())


def among(values: npt.NDArray[N], ordered: npt.NDArray[N]) -> npt.NDArray[np.bool_]:
    """Which values occur in an array that is in order: looked up, where `np.isin` would sort all of it again."""
    if not len(ordered):
        return np.zeros(len(values), np.bool_)
    found: npt.NDArray[np.bool_] = ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values
    return found


def either(pairs: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Where one of both is, (n,): what `pairs.any(axis=1)` says of shape (n, 2), which looks at each pair by itself."""
    found: npt.NDArray[np.bool_] = pairs[:, 0] | pairs[:, 1]
    return found


def largest(counts: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    """Where the `most` largest counts are, the largest first; among equals the first. Of many, without sorting all."""
    if len(counts) <= most:
        return np.argsort(-counts, kind="stable")
    as_large = np.cumsum(np.bincount(counts)[::-1])[::-1]  # how many are so large, or larger
    least = np.flatnonzero(as_large >= most)[-1]
    above = np.flatnonzero(counts > least)
    above = above[np.argsort(-counts[above], kind="stable")]
    return np.concatenate([above, np.flatnonzero(counts == least)[: most - len(above)]])


def numbered(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A number for each distinct key, in order of first sight: an address's key itself says nothing. Shape (n,)."""
    return np.asarray(distinct_keys(keys)[0], np.int64)


def in_groups(number: npt.NDArray[np.integer[Any]], below: int) -> npt.NDArray[np.int64]:
    """Where each number is, those of the lowest first, in their order: a stable argsort, which is faster of small ones.

    All are `below`, and none is below 0.
    """
    small = np.uint8 if below <= 1 << 8 else np.uint16 if below <= 1 << 16 else np.int64
    return np.argsort(number.astype(small), kind="stable")
