from __future__ import annotations

import pytest

from capture.recorder.clock_steps import ClockSteps


class Clocks:
    def __init__(self) -> None:
        self.steady, self.offset = 100.0, 1_000_000.0

    def wall(self) -> float:
        return self.steady + self.offset


@pytest.mark.parametrize(("step", "seen"), [(0.9, 0), (1.1, 1), (-1.1, 1), (-3600.0, 1)])
def test_a_step_of_a_second_or_more_is_seen_once(step: float, seen: int) -> None:
    clocks = Clocks()
    steps = ClockSteps(clocks.wall, lambda: clocks.steady)
    for _ in range(5):
        clocks.steady += 1
        steps.look()
    clocks.offset += step
    for _ in range(5):
        clocks.steady += 1
        steps.look()
    assert len(steps.within(60)) == seen
    assert len(steps.notes(60)) == seen
    if seen:
        (low, high), (note,) = steps.within(60)[0], steps.notes(60)
        assert high - low == pytest.approx(abs(step))
        assert f"{step:+.1f} s" in note


def test_an_old_step_is_forgotten() -> None:
    clocks = Clocks()
    steps = ClockSteps(clocks.wall, lambda: clocks.steady)
    clocks.offset += 10
    steps.look()
    clocks.steady += 61
    assert steps.within(60) == []
