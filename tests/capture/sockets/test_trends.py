from __future__ import annotations

from capture.sockets.trends import WINDOW_S, Trends


def test_a_rate_needs_two_seconds_and_looks_back_two_minutes() -> None:
    trends = Trends()
    assert trends.rate("a", 10, 100.0) is None
    assert trends.rate("a", 12, 101.0) is None
    assert trends.rate("a", 20, 105.0) == 2.0
    assert trends.rate("a", 20, 100.0 + WINDOW_S + 1) == (20 - 12) / WINDOW_S
    assert trends.rate("b", 1, 300.0) is None


def test_what_is_not_noted_for_long_is_forgotten() -> None:
    trends = Trends()
    trends.rate("a", 1, 0.0)
    trends.forget_before(WINDOW_S + 1)
    assert trends.rate("a", 100, WINDOW_S + 5) is None
