"""Segments that cards and kernels join or cut on the way (TSO, GRO): the same bytes in other pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    I64 = npt.NDArray[np.int64]
    U32 = npt.NDArray[np.uint32]

_SPACE = 33  # bits of a group's own stretch of numbers


def bytes_covered(group: I64, begin: I64, size: I64, by_group: I64, by_begin: I64, by_size: I64) -> I64:
    """How many bytes of each range lie in the ranges of the same group of the others. Numbers are mod 2**32; a group
    spans less than half of that. Shapes (n,) and (m,).
    """
    if not len(begin) or not len(by_begin):
        return np.zeros(len(begin), np.int64)
    groups, number = np.unique(np.concatenate([group, by_group]), return_inverse=True)
    every = np.concatenate([begin, by_begin])
    base = np.zeros(len(groups), np.int64)
    base[number[::-1]] = every[::-1]
    line = ((every - base[number] + (1 << 31)) & 0xFFFFFFFF) + (number.astype(np.int64) << _SPACE)
    own, other = line[: len(begin)], line[len(begin) :]
    order = np.argsort(other, kind="stable")
    start, end = other[order], other[order] + by_size[order]
    reach = np.maximum.accumulate(end)
    fresh = np.r_[True, start[1:] > reach[:-1]]
    first, last = start[fresh], reach[np.r_[np.flatnonzero(fresh)[1:] - 1, len(reach) - 1]]
    before = np.r_[0, np.cumsum(last - first)]

    def below(x: I64) -> I64:
        at = np.searchsorted(first, x, "right") - 1
        inside = np.clip(x - first[at], 0, (last - first)[at])
        return np.where(at < 0, 0, before[at] + inside)

    covered: I64 = below(own + size) - below(own)
    return covered
