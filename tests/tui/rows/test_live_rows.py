"""The panes beside the sockets of a live look."""

from __future__ import annotations

from collections import deque

import pytest

from tui.rows.live_rows import LOOKS_A_BAR, in_bars


@pytest.mark.parametrize("kept", [6, 7])
def test_looks_share_a_bar_with_the_same_looks_whenever_it_is_drawn(kept: int) -> None:
    """A look more changes the last bar, or adds one; the others stay, however many looks are remembered."""
    values: deque[int] = deque(maxlen=kept)
    before: list[int] = []
    for looks, value in enumerate([5, 3, 0, 9, 2, 2, 7, 1, 4, 4], 1):
        values.append(value)
        bars = in_bars(values, looks)
        if looks <= kept:
            assert bars[: (looks - 1) // LOOKS_A_BAR] == before[: (looks - 1) // LOOKS_A_BAR]
        before = bars
    assert before[-3:] == [2, 7, 4]
    assert in_bars([1], 1) == [1]
    assert in_bars([], 0) == []
