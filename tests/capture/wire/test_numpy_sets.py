"""numpy's set functions, as we have them, against numpy's own."""

from __future__ import annotations

import numpy as np
import pytest

from capture.engine.library import distinct_keys
from capture.wire.numpy_sets import among, distinct, either, in_groups, largest, numbered

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


@pytest.mark.parametrize(
    "keys", [[], [9], [4, 4], [1 << 40, -3, 1 << 40, 0, -3], [n * n % 9001 for n in range(20_000)]]
)
def test_each_key_has_a_number_in_order_of_first_sight(keys: list[int]) -> None:
    first = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    number, speaker = distinct_keys(np.array(keys, np.int64))
    assert number.tolist() == [first[key] for key in keys]
    assert [keys[at] for at in speaker] == list(first)
    assert numbered(np.array(keys, np.int64)).tolist() == number.tolist()


@pytest.mark.parametrize("below", [3, 256, 257, 65_536, 65_537, 1 << 40])
def test_groups_keep_their_order(below: int) -> None:
    numbers = np.array([2, 0, below - 1, 0, 1, below - 1, 2], np.int64)
    assert in_groups(numbers, below).tolist() == np.argsort(numbers, kind="stable").tolist()
    assert in_groups(numbers[:0], 1).tolist() == []
