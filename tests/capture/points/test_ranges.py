"""Bytes of segments against those of other cuts of the same stream."""

from __future__ import annotations

import numpy as np

from capture.points.ranges import bytes_covered


def covered(ranges: list[tuple[int, int, int]], by: list[tuple[int, int, int]]) -> list[int]:
    """Bytes of (group, begin, size) ranges that the others cover."""
    mine, theirs = (np.array(each, np.int64).reshape(-1, 3).T for each in (ranges, by))
    return bytes_covered(*mine, *theirs).tolist()  # type: ignore[no-any-return]


def test_a_large_segment_and_its_pieces() -> None:
    pieces = [(1, 1000 + 1448 * i, 1448) for i in range(5)]
    assert covered([(1, 1000, 5 * 1448)], pieces) == [5 * 1448]
    assert covered(pieces, [(1, 1000, 5 * 1448)]) == [1448] * 5


def test_a_piece_that_is_missing_and_other_groups() -> None:
    assert covered([(1, 0, 3000)], [(1, 0, 1000), (1, 2000, 1000), (2, 1000, 1000)]) == [2000]
    assert covered([(3, 0, 3000)], [(1, 0, 3000)]) == [0]


def test_numbers_that_wrap_and_pieces_that_overlap() -> None:
    end = 1 << 32
    assert covered([(1, end - 500, 1000)], [(1, end - 500, 600), (1, end - 100, 200), (1, 150, 350)]) == [950]
    assert covered([(1, 5, 0), (1, 5, 10)], []) == [0, 0]
