from __future__ import annotations

from tui.text.charts import bar, binned, sparkline


def test_what_is_not_zero_is_seen() -> None:
    line = sparkline([0, 1, 1000], 3)
    assert line == " ▁█"
    assert sparkline([0, 1, 1000], 3, ascii=True) == " .@"


def test_the_latest_values_are_kept() -> None:
    assert sparkline([9, 0, 4], 2) == " █"
    assert sparkline([4], 3) == "  █"


def test_bar_is_never_empty_for_something() -> None:
    assert bar(1, 1000, 8).strip()
    assert bar(0, 10, 4) == "    "
    assert bar(10, 10, 4) == "████"


def test_both_ends_are_counted() -> None:
    assert binned([0, 5, 10], 0, 10, 2) == [1, 2]
