from __future__ import annotations

from capture.sockets.findings.trends import FORGOTTEN_S, Trends


def test_a_rate_needs_two_seconds_and_is_of_the_last_ten() -> None:
    trends = Trends()
    assert trends.rate("a", 10, 100.0) is None
    assert trends.rate("a", 12, 101.0) is None
    assert trends.rate("a", 20, 105.0) == 2.0
    for second in range(106, 130):
        trends.rate("a", 20, float(second))
    assert trends.rate("a", 20, 130.0) == 0.0  # what grew half a minute ago grows no more
    assert trends.rate("b", 1, 300.0) is None


def test_looks_that_are_further_apart_give_the_rate_between_two() -> None:
    trends = Trends()
    trends.rate("a", 0, 0.0)
    assert trends.rate("a", 60, 60.0) == 1.0
    assert trends.rate("a", 300, 120.0) == 4.0


def test_what_is_not_noted_for_long_is_forgotten() -> None:
    trends = Trends()
    trends.rate("a", 1, 0.0)
    trends.forget_before(FORGOTTEN_S + 1)
    assert trends.rate("a", 100, FORGOTTEN_S + 5) is None


def test_a_second_count_at_the_same_time_is_no_news() -> None:
    trends = Trends()
    trends.rate("a", 1000, 5.0)
    assert trends.rate("a", 9000, 5.0) is None
    assert trends.rate("a", 1200, 7.0) == 100.0


def test_two_minutes_without_a_count_begin_anew() -> None:
    trends = Trends()
    trends.rate("a", 0, 0.0)
    trends.rate("b", 0, 0.0)
    assert trends.rate("a", 120, FORGOTTEN_S) == 1.0
    assert trends.rate("b", 120, FORGOTTEN_S + 0.1) is None


def test_what_happens_again_within_a_minute() -> None:
    trends = Trends()
    assert not trends.again("a", 0.0)
    assert not trends.again("a", 0.0)  # the same
    assert trends.again("a", 60.0)
    assert trends.again("a", 110.0)  # since the one before, not since the first
    assert not trends.again("a", 170.1)
