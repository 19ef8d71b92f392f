"""numpy's set functions, as we have them, against numpy's own."""

from __future__ import annotations

import numpy as np
import pytest

from capture.wire.numpy_sets import among, distinct, either, largest

SETS = [[], [7], [3, 3, 3], [5, -1, 5, 1 << 40, 0], list(range(50, 0, -1))]


@pytest.mark.parametrize("first", SETS)
@pytest.mark.parametrize("second", SETS)
def test_as_numpy_has_them(first: list[int], second: list[int]) -> None:
    one, two = np.array(first, np.int64), np.array(second, np.int64)
    assert distinct(one, two).tolist() == np.union1d(one, two).tolist()
    assert among(one, distinct(two)).tolist() == np.isin(one, two).tolist()


@pytest.mark.parametrize("counts", [[], [4], [0, 0, 0, 0], [2, 9, 2, 9, 1, 2], list(range(40)), [1] * 30 + [3, 2, 3]])
@pytest.mark.parametrize("most", [1, 2, 5])
def test_the_largest_come_first_and_equals_in_their_order(counts: list[int], most: int) -> None:
    values = np.array(counts, np.int64)
    assert largest(values, most).tolist() == np.argsort(-values, kind="stable")[:most].tolist()


def test_either_of_two() -> None:
    pairs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.bool_)
    assert either(pairs).tolist() == pairs.any(axis=1).tolist()
