"""Columns: what fits, and that a cut is always seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.rows import connection_columns, socket_rows
from tui.text.column_layout import (
    ELLIPSIS,
    Column,
    cells,
    fit,
    fit_change,
    fit_path,
    fit_tail,
    fit_whose,
    place,
    wrap,
)

THREE = (Column("a", "A", 5, rank=0), Column("b", "B", 10, most=20, rank=1), Column("c", "C", 4, rank=2))


def test_lesser_columns_go_first() -> None:
    assert [p.column.key for p in place(THREE, 40)] == ["a", "b", "c"]
    assert [p.column.key for p in place(THREE, 17)] == ["a", "b"]
    assert [p.column.key for p in place(THREE, 9)] == ["a"]


def test_growth_never_exceeds_the_width() -> None:
    for width in range(5, 60):
        placed = place(THREE, width)
        assert sum(p.width for p in placed) + len(placed) - 1 <= width


def test_a_cut_address_is_marked() -> None:
    assert fit("192.0.2.10", 9) == "192.0.2." + ELLIPSIS
    assert fit("192.0.2.10", 10) == "192.0.2.10"
    assert fit("7", 3, right=True) == "  7"


def test_the_most_needed_are_squeezed_before_one_of_them_goes() -> None:
    columns = (Column("a", "A", 20, least=8), Column("b", "B", 10), Column("c", "C", 4, rank=2))
    assert [(p.column.key, p.width) for p in place(columns, 36)] == [("a", 20), ("b", 10), ("c", 4)]
    assert [(p.column.key, p.width) for p in place(columns, 30)] == [("a", 19), ("b", 10)]
    assert [(p.column.key, p.width) for p in place(columns, 19)] == [("a", 8), ("b", 10)]
    assert [p.column.key for p in place(columns, 18)] == ["a"]


@pytest.mark.parametrize("columns", [connection_columns.COLUMNS, socket_rows.COLUMNS], ids=["connections", "sockets"])
def test_what_matters_is_there_at_60(columns: tuple[Column, ...]) -> None:
    shown = {placed.column.key for placed in place(columns, 60)}
    assert shown >= {column.key for column in columns if column.rank == 0}


def test_of_an_address_the_port_is_kept_and_the_cut_is_marked() -> None:
    assert fit_tail("192.0.2.10:8080", 12) == ELLIPSIS + ".2.10:8080" + " "
    assert fit_tail("192.0.2.10:8080", 7) == ELLIPSIS + ":8080 "
    assert fit_tail("192.0.2.10:8080", 15) == "192.0.2.10:8080"
    assert fit_tail("*", 7) == "*      "


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), max_size=40), st.integers(1, 30))
def test_fit_takes_exactly_its_width(text: str, width: int) -> None:
    assert cells(fit(text, width)) == width


@given(st.text(alphabet="ab 漢é ", max_size=60), st.integers(2, 20))
def test_wrap_loses_nothing(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cells(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("3 waiting, the maximum is 2 → backlog 1024", 60, "3 waiting, the maximum is 2 → backlog 1024"),
        ("3 waiting, the maximum is 2 → backlog 1024", 30, "3 waiting, the… → backlog 1024"),
        ("backlog 2 → more workers, nothing slow between two accepts", 30, "backlog 2 → more workers, not…"),
        ("a long value of now, too → more workers, nothing slow", 30, "a long v… → more workers, not…"),
    ],
)
def test_a_change_keeps_something_of_both_ends(text: str, width: int, shown: str) -> None:
    assert fit_change(text, width) == shown.ljust(width)
    assert cells(fit_change(text, width)) == width


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("48 connections left in CLOSE-WAIT [web1]", 30, "48 connections left in… [web1]"),
        ("48 connections left by java[25023]", 20, "48 connections left…"),
        ("left [a name that takes more than half]", 20, "left [a name that t…"),
        ("short [web1]", 20, "short [web1]"),
    ],
)
def test_whose_a_title_is_stays(text: str, width: int, shown: str) -> None:
    assert fit_whose(text, width).rstrip() == shown
    assert cells(fit_whose(text, width)) == width


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("checkout-servic[25282]", 14, "checko…[25282]"),
        ("checkout-servic[25282]", 22, "checkout-servic[25282]"),
        ("a[25282]", 6, "a[252…"),  # no name would be left
    ],
)
def test_of_a_process_the_number_stays(text: str, width: int, shown: str) -> None:
    assert fit_whose(text, width) == shown


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("/srv/captures/today/incident.pcap", 24, "…/today/incident.pcap"),
        ("/srv/a.pcap", 24, "/srv/a.pcap"),
        ("a-name-without-a-slash.pcap", 10, "…lash.pcap"),
        ("/抓包/今天/事故.pcap", 14, "…/事故.pcap"),
    ],
)
def test_of_a_path_the_name_stays(text: str, width: int, shown: str) -> None:
    assert fit_path(text, width) == shown
    assert cells(fit_path(text, width)) <= width


def test_of_a_group_of_sockets_the_count_and_the_port_stay() -> None:
    assert fit_tail("▸ 60 127.0.0.1:8080", 14) == "▸ 60 ….1:8080 "
    assert fit_tail("▸ 60 127.0.0.1:8080", 10) == "▸ 60 …8080"
