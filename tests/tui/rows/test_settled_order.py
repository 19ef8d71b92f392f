"""Lists by number stay still while their numbers sway."""

from __future__ import annotations

from tui.rows.settled_order import SETTLED, settled


def order(rows: dict[str, int], before: dict[str, int]) -> list[str]:
    greatest = sorted(rows.items(), key=lambda pair: -pair[1])
    return [name for name, _ in settled(greatest, dict(before), lambda pair: pair[0], lambda pair: pair[1])]


def test_the_first_list_is_by_number() -> None:
    assert order({"a": 1, "b": 9, "c": 5}, {}) == ["b", "c", "a"]


def test_a_number_that_sways_moves_nothing() -> None:
    assert order({"a": 100, "b": 110, "c": 105}, {"a": 0, "b": 1, "c": 2}) == ["a", "b", "c"]


def test_a_clearly_greater_one_passes_all_that_it_exceeds() -> None:
    assert order({"a": 100, "b": 90, "c": 200}, {"a": 0, "b": 1, "c": 2}) == ["c", "a", "b"]


def test_small_numbers_are_not_passed_by_one_more() -> None:
    assert order({"a": 1, "b": 2}, {"a": 0, "b": 1}) == ["a", "b"]
    assert order({"a": 1, "b": 3}, {"a": 0, "b": 1}) == ["b", "a"]


def test_a_new_one_goes_where_its_number_belongs() -> None:
    assert order({"a": 100, "b": 10, "new": 50}, {"a": 0, "b": 1}) == ["a", "new", "b"]


def test_no_row_is_lost_beyond_the_part_that_is_kept_in_place() -> None:
    rows = {f"{n}": 1000 - n for n in range(3 * SETTLED)}
    assert order(rows, {"5": 0, "0": 1})[:2] == ["5", "0"]
    assert sorted(order(rows, {"5": 0})) == sorted(rows)
