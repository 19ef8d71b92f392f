"""Whether a packet is seen again among the few before it: against a plain loop, and what is marked with and without."""

from __future__ import annotations

import random

import numpy as np
import pytest

from capture.wire.columns import Mark, PacketColumns
from capture.wire.sights import _FIELDS, NEAR, Sights, _near_repeats
from tests.capture.flows.test_conversations import block
from tests.capture.kernels.ways import assert_same, both_ways, compiled

pytestmark = compiled


def different(numbers: list[int]) -> PacketColumns:
    """Packets that are the same where their numbers are."""
    n = len(numbers)
    columns = block(np.tile((1, 2, 3, 4, 0), (n, 1)))
    columns.seq[:] = columns.ip_id[:] = numbers
    columns.number[:] = np.arange(1, n + 1)
    return columns


def part(columns: PacketColumns, low: int, high: int) -> PacketColumns:
    return PacketColumns(**{name: getattr(columns, name)[low:high] for name in PacketColumns.__struct_fields__})


def near(numbers: list[int], earlier: int) -> bool:
    """Does a number from `earlier` on stand among the NEAR before it?"""
    return any(numbers[i] in numbers[max(0, i - NEAR) : i] for i in range(earlier, len(numbers)))


@pytest.mark.parametrize("apart", range(1, 12))
def test_as_far_back_as_numpy_looks(apart: int) -> None:
    numbers = [1, *range(50, 50 + apart - 1), 1, *range(90, 100)]
    for cut in range(len(numbers)):  # the block before ends here
        before = part(different(numbers), max(0, cut - NEAR), cut) if cut else None
        found = _near_repeats(part(different(numbers), cut, len(numbers)), before)
        assert found == near(numbers[max(0, cut - NEAR) :], min(cut, NEAR)), cut


@pytest.mark.parametrize("name", ["seq", *_FIELDS])
def test_every_field_tells_packets_apart(name: str) -> None:
    same = different([7, 7])
    assert _near_repeats(same, None)
    getattr(same, name)[1] += 1
    assert not _near_repeats(same, None)
    assert not _near_repeats(part(same, 1, 2), part(same, 0, 1))


@pytest.mark.parametrize("seed", range(60))
def test_the_same_second_sights_are_marked(seed: int) -> None:
    rng = random.Random(seed)
    numbers = [rng.randrange(1, rng.choice((5, 40, 400))) for _ in range(rng.randrange(60))]
    step = rng.choice((1000, 9_000_000))

    def marked() -> list[int]:
        columns = different(numbers)
        columns.time[:] = np.arange(len(numbers)) * step
        Sights().mark(columns, None)
        return np.flatnonzero(columns.marks & Mark.SAME_AS_BEFORE).tolist()

    assert_same(*both_ways(marked))


def over_blocks(numbers: list[int], cuts: list[int]) -> list[int]:
    """Which rows are marked where the packets come in blocks."""
    columns, sights = different(numbers), Sights()
    for low, high in zip([0, *cuts], [*cuts, len(numbers)], strict=True):
        sights.mark(part(columns, low, high), None)
    return np.flatnonzero(columns.marks & Mark.SAME_AS_BEFORE).tolist()


@pytest.mark.parametrize("apart", range(1, 9))
def test_sights_in_two_blocks(apart: int) -> None:
    numbers = [*range(20, 40), 1, *range(50, 50 + apart - 1), 1, *range(90, 110)]
    for cut in range(18, 32):
        found, plain = both_ways(lambda cut=cut: over_blocks(numbers, [cut]))
        assert found == plain == [20 + apart], cut


def test_a_third_sight_beyond_the_near_ones_of_the_next_block() -> None:
    numbers = [*range(20, 32), 1, 1, *range(50, 56), *range(60, 63), 1, *range(90, 110)]
    assert_same(*both_ways(lambda: over_blocks(numbers, [20])))


def test_no_packets() -> None:
    assert not _near_repeats(different([]), None)
    assert not _near_repeats(different([]), different([1, 1]))
