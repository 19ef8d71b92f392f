"""numpy's set functions, as we have them, against numpy's own."""

from __future__ import annotations

import numpy as np
import pytest

from capture.wire.numpy_sets import among, distinct

SETS = [[], [7], [3, 3, 3], [5, -1, 5, 1 << 40, 0], list(range(50, 0, -1))]


@pytest.mark.parametrize("first", SETS)
@pytest.mark.parametrize("second", SETS)
def test_as_numpy_has_them(first: list[int], second: list[int]) -> None:
    one, two = np.array(first, np.int64), np.array(second, np.int64)
    assert distinct(one, two).tolist() == np.union1d(one, two).tolist()
    assert among(one, distinct(two)).tolist() == np.isin(one, two).tolist()
