"""Clocks from made packets: how far each number may be off is told, and holds."""

from __future__ import annotations

import numpy as np
import pytest

from capture.points.clocks import clock_of_one_place, joined_clock

HOUR = 3_600_000_000_000


@pytest.mark.parametrize("jitter", [50_000, 300_000, 3_000_000])
@pytest.mark.parametrize("seconds", [1.5, 10, 300])
@pytest.mark.parametrize("ppm", [200.0, -40.0, 0.0])
def test_the_bounds_hold(jitter: int, seconds: float, ppm: float) -> None:
    """Packets both ways, each 10 ms and some jitter late, of clocks an hour apart."""
    rng = np.random.default_rng(int(jitter + seconds * 10 + ppm))
    known = 0
    for _ in range(20):
        count = int(min(20_000, seconds * 150))
        a = np.sort(rng.integers(0, int(seconds * 1e9), count))
        towards_b = rng.random(count) < 0.5
        late = 10_000_000 + rng.exponential(jitter, count)
        b = a + HOUR + (a * ppm * 1e-6 + np.where(towards_b, late, -late)).astype(np.int64)
        clock = joined_clock(a, b, towards_b)
        assert clock.offset_ns is not None
        assert clock.bound_ns is not None
        assert abs(clock.offset_ns - HOUR) < clock.bound_ns
        if clock.drift is not None:
            known += 1
            assert clock.drift_bound is not None
            assert abs(clock.drift * 1e6 - ppm) < clock.drift_bound * 1e6
    assert known or seconds < 10


def test_over_a_moment_no_drift_is_told() -> None:
    a = np.arange(0, 500_000_000, 1_000_000)
    towards_b = np.arange(len(a)) % 2 == 0
    clock = joined_clock(a, a + np.where(towards_b, 1_000_000, -1_000_000), towards_b)
    assert (clock.drift, clock.drift_bound) == (None, None)
    assert clock.bound_ns == pytest.approx(1_000_000)


@pytest.mark.parametrize(("ahead", "ppm"), [(0, 0.0), (HOUR, 0.0), (-HOUR, 200.0)])
def test_two_captures_of_one_place_tell_their_clocks(ahead: int, ppm: float) -> None:
    """No way takes any time: each packet tells how they stand, but for what times are rounded to."""
    a = np.arange(0, 60_000_000_000, 7_000_000)
    b = a + ahead + np.rint(a * ppm * 1e-9).astype(np.int64) * 1000
    clock = clock_of_one_place(a, b)
    assert clock.offset_ns is not None
    assert clock.bound_ns is not None
    assert clock.drift is not None
    assert abs(clock.offset_ns - ahead) <= clock.bound_ns <= (1000 if ppm else 0)
    assert clock.drift == pytest.approx(ppm * 1e-6, abs=clock.drift_bound or 0)
