"""Times of events in four bytes each, and apart those that need more."""

from __future__ import annotations

import numpy as np
import pytest

from capture.flows.connection_table import Spans

LONG = Spans.LONG
SHORT = np.array([0, 5, LONG, 7, LONG], np.uint32)
ROWS, VALUES = np.array([2, 4]), np.array([10**12, -3])
FIRST, BASE = np.array([0, 3, 3, 5]), np.array([1000, 2000, 3000])


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        (Spans(SHORT, ROWS, VALUES), [0, 5, 10**12, 7, -3]),
        (Spans(SHORT, ROWS, VALUES, (FIRST, BASE)), [1000, 1005, 10**12, 3007, -3]),
    ],
    ids=["alone", "of connections, one without events"],
)
def test_by_row_and_by_rows(spans: Spans, expected: list[int]) -> None:
    assert len(spans) == 5
    assert [spans[row] for row in range(5)] == expected
    assert spans[np.array([4, 0, 2])].tolist() == [expected[4], expected[0], expected[2]]
    assert spans[np.zeros(0, np.int64)].tolist() == []
