"""The range of local ports that is proposed."""

from __future__ import annotations

import pytest

from playbooks.checks.ports import wider_range


@pytest.mark.parametrize(
    ("now", "used", "proposed"),
    [
        ((32768, 60999), 20_000, (21_091, 65_535)),
        ((32768, 60999), 100, (32768, 60999)),  # half of it is free
        ((40000, 41000), 100, (37_304, 65_535)),
        ((1024, 65535), 60_000, (1024, 65535)),  # there is no more
    ],
)
def test_a_wider_range_leaves_half_of_it_free(now: tuple[int, int], used: int, proposed: tuple[int, int]) -> None:
    assert wider_range(*now, used) == proposed
