"""Rows of two captures with equal keys: as many at both are paired in order, the rest is open."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from capture.engine.equal_keys import NONE, SEVERAL, rows_with_equal_keys
from capture.points.pairing import pair_packets


@pytest.mark.parametrize("span", [3, 40, 5000, 1 << 63])
def test_rows_with_equal_keys(span: int) -> None:
    """Against a count of each key: few keys that are held often, and many that are held once; 0 is a key too."""
    random = np.random.default_rng(span % 1000)
    a, b = (random.integers(0, span, size, np.uint64) for size in (900, 1100))
    b[::3] = random.permutation(a)[: len(b[::3])]
    to = rows_with_equal_keys(a, b)
    of_a, of_b = Counter(a.tolist()), Counter(b.tolist())
    for key, row in zip(a.tolist(), to.tolist(), strict=True):
        if not of_b[key]:
            assert row == NONE
        elif of_a[key] > 1 or of_b[key] > 1:
            assert row == SEVERAL
        else:
            assert b[row] == key


def test_no_rows() -> None:
    none = np.empty(0, np.uint64)
    some = np.array([0, 1], np.uint64)
    assert rows_with_equal_keys(none, some).tolist() == []
    assert rows_with_equal_keys(some, none).tolist() == [NONE, NONE]


def test_several_with_one_key_are_paired_where_both_have_as_many() -> None:
    a = np.array([7, 5, 9, 5, 4, 9], np.uint64)
    b = np.array([5, 9, 8, 5, 7], np.uint64)
    found = pair_packets(a, b)
    assert sorted(zip(found.a.tolist(), found.b.tolist(), strict=True)) == [(0, 4), (1, 0), (3, 3)]
    assert (found.open_a.tolist(), found.open_b.tolist()) == ([2, 5], [1])
    assert found.group_a.tolist() == [found.group_b[0]] * 2
