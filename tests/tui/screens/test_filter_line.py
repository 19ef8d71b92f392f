"""The filter's line: live as it is typed, its list, its history and its names, its own keys in the footer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.screens.helping import INCIDENT, app_of, in_rows, screen_text, until
from tui.widgets.row_table import RowsTable
from tui.work.kept_filters import KeptFilters


def rows(app: Any) -> int:
    return app.screen_stack[0].query_one("#connections", RowsTable).rows.matching  # type: ignore[no-any-return]


def line(app: Any) -> Input:
    return app.screen_stack[0].query_one("#filter-line", Input)  # type: ignore[no-any-return]


def footer(app: Any) -> str:
    return screen_text(app).split("\n")[-1]


async def typed(pilot: Pilot[int], text: str) -> None:
    await pilot.press(*({":": "colon", "-": "minus", ".": "full_stop", " ": "space"}.get(c, c) for c in text))


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_it_filters_while_it_is_typed_and_esc_takes_it_back(size: tuple[int, int]) -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=size) as pilot:
        await in_rows(pilot, app, 128)
        keys = footer(app)
        await pilot.press("slash")
        await until(pilot, lambda: "Esc leave" in footer(app) and "Enter apply" in footer(app))
        await typed(pilot, "ended-by:rst")
        await until(pilot, lambda: rows(app) == 20)
        assert line(app).has_focus
        await typed(pilot, " cause:nonsens")  # an unfinished or wrong word changes nothing
        await pilot.pause(0.5)
        assert rows(app) == 20
        await pilot.press("escape")
        await until(pilot, lambda: rows(app) == 128)
        assert footer(app) == keys


async def test_the_beginning_of_a_term_is_no_word_yet() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("slash")
        await typed(pilot, "cau")
        await pilot.pause(0.6)
        assert rows(app) == 128
        await typed(pilot, "x")  # none begins so: a word, which no row has
        await until(pilot, lambda: rows(app) == 0)
        await pilot.press("backspace", "enter")  # entered, it is meant as a word
        await until(pilot, lambda: "Connections: cau" in screen_text(app))


async def test_the_list_has_values_with_counts_and_is_chosen_from() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("slash")
        await typed(pilot, "cause:")
        await until(pilot, lambda: "88" in screen_text(app) and "client_gave_up" in screen_text(app))
        assert "cause:normal_close" in screen_text(app)  # what Tab would take: the most frequent
        await pilot.press("down", "down")
        assert "> " in screen_text(app)
        await pilot.press("enter")
        assert line(app).value == "cause:client_gave_up"
        await until(pilot, lambda: rows(app) == 40)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.filter_text == "cause:client_gave_up")  # type: ignore[attr-defined]
        assert not app.screen.query_one("#filter").display


async def test_what_was_used_comes_back_with_the_arrows_also_next_time(own_state: Path) -> None:
    for run in range(2):
        app = app_of(INCIDENT)
        async with app.run_test(size=(80, 24)) as pilot:
            await in_rows(pilot, app, 128)
            if run == 0:
                for text in ("port:80", "port:8000"):
                    await pilot.press("slash", "ctrl+u")
                    await typed(pilot, text)
                    await pilot.press("enter")
                await pilot.press("escape")
                continue
            await pilot.press("slash")
            await typed(pilot, "id:1")
            for key, value in (("up", "port:8000"), ("up", "port:80"), ("up", "port:80"), ("down", "port:8000")):
                await pilot.press(key)
                assert line(app).value == value
            await pilot.press("down")
            assert line(app).value == "id:1"  # what was being written
    assert KeptFilters(own_state / "tcptriage" / "filters.json").history("connection") == ["port:80", "port:8000"]


async def test_a_filter_gets_a_name_and_is_picked_by_it() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("slash")
        await typed(pilot, "ended-by:rst")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "A name for this filter" in screen_text(app))
        await typed(pilot, "resets")
        await pilot.press("enter")
        await until(pilot, lambda: line(app).has_focus)
        await pilot.press("escape", "slash")
        await until(pilot, lambda: "★ resets" in screen_text(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: rows(app) == 20)
        assert app.screen.filter_text == "ended-by:rst"  # type: ignore[attr-defined]
        await pilot.press("slash", "ctrl+u")
        await until(pilot, lambda: "★ resets" in screen_text(app))
        await pilot.press("down", "ctrl+x")
        await until(pilot, lambda: "★ resets" not in screen_text(app))


async def test_a_term_that_says_nothing_here_is_told_while_it_is_typed() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(120, 40)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("slash")
        await typed(pilot, "pid:1")
        await until(pilot, lambda: "^" in screen_text(app) and "tells of live sockets only" in screen_text(app))
