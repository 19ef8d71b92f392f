"""How far apart looks are, by what one costs."""

from __future__ import annotations

import pytest

from capture.recorder.rings import LONGEST_PAUSE_S, pause_after


@pytest.mark.parametrize(
    ("took_s", "pause_s"),
    [(0.0, 0.0), (0.01, 4.0), (0.1, LONGEST_PAUSE_S), (0.2, LONGEST_PAUSE_S), (1.0, 50.0)],
)
def test_a_look_follows_within_ten_seconds_unless_it_takes_two_per_cent_of_a_core(
    took_s: float, pause_s: float
) -> None:
    assert pause_after(took_s) == pause_s
