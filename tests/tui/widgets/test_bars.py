"""The lines around a screen: a message lies over the rows and moves none of them; the way back is always told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tui.screens.helping import INCIDENT, app_of, in_rows, screen_text, until
from tui.widgets.bars import Said
from tui.widgets.row_table import RowsTable


def table_of(app: Any) -> Any:
    return app.screen.query_one("#connections")


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
async def test_a_message_moves_no_row(size: tuple[int, int]) -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=size) as pilot:
        await in_rows(pilot, app, 128)
        before = screen_text(app).split("\n")
        app.screen.say("one thing that takes some words to tell, and more than one line of a narrow screen")  # type: ignore[attr-defined]
        await until(pilot, lambda: "one thing" in screen_text(app))
        lines = app.screen.query_one(Said).region.height
        during = screen_text(app).split("\n")
        assert during[: -1 - lines] == before[: -1 - lines]
        assert during[-1] == before[-1]
        app.screen.query_one(Said).clear()
        await until(pilot, lambda: screen_text(app).split("\n") == before)


async def test_a_message_does_not_hide_the_row_under_the_cursor() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("end")
        await until(pilot, lambda: "128/128" in screen_text(app))
        row = screen_text(app).split("\n")[-2]
        app.screen.say("short")  # type: ignore[attr-defined]
        await until(pilot, lambda: "short" in screen_text(app).split("\n")[-1])
        assert screen_text(app).split("\n")[-2] == row


async def test_a_message_goes_where_the_cursor_comes() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_rows(pilot, app, 128)
        app.screen.say("short")  # type: ignore[attr-defined]
        await until(pilot, lambda: "short" in screen_text(app).split("\n")[-2])
        await pilot.press("pagedown")
        await until(pilot, lambda: "short" not in screen_text(app))


async def test_the_way_back_is_told_on_a_narrow_screen() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(60, 20)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("enter")
        await until(pilot, lambda: "SYN-SENT" in screen_text(app))
        assert screen_text(app).split("\n")[-1].rstrip().endswith("Esc back  ? help  q quit")


@pytest.mark.parametrize("text", ["one line", "a sentence that takes two lines of eighty columns, " * 2])
async def test_no_message_lies_over_the_row_under_the_cursor(text: str) -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_rows(pilot, app, 128)
        table = app.screen.query_one("#connections", RowsTable)
        await pilot.press("G")
        app.say(text)
        said = app.screen.query_one(Said)
        await until(pilot, lambda: said.region.height)
        assert table.line_of_cursor == table.region.bottom - 1
        assert not said.region.y <= table.line_of_cursor < said.region.bottom
        assert text.split(",")[0] in screen_text(app)


@pytest.mark.parametrize("size", [(60, 10), (40, 8), (20, 5)])
async def test_a_tiny_screen_keeps_rows_and_the_way_out(size: tuple[int, int]) -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=size) as pilot:
        await in_rows(pilot, app, 128)
        table = app.screen.query_one("#connections", RowsTable)
        assert table.region.height >= 3  # border, head, a row
        assert table.line_of_cursor < size[1] - 1
        assert "q quit" in screen_text(app).split("\n")[-1]
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "gave up before" in screen_text(app) and "RST" in screen_text(app))


async def test_a_narrow_dialog_keeps_how_to_leave() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(60, 20)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("o")
        await until(pilot, lambda: "Enter take it" in screen_text(app))
        assert "Esc leave it" in screen_text(app)
        assert "Enter" in next(line for line in screen_text(app).split("\n") if "Esc leave it" in line)
