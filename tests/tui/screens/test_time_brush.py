"""A span of the capture's time, brushed with keys and with the mouse, becomes the filter's time:."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tui.screens.helping import INCIDENT, app_of, in_rows, screen_text, until
from tui.widgets.row_table import RowsTable
from tui.widgets.time_brush import TimeBrush


def rows(app: Any) -> int:
    return app.screen_stack[0].query_one("#connections", RowsTable).rows.matching  # type: ignore[no-any-return]


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_keys_brush_a_span(size: tuple[int, int]) -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=size) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("I")
        await until(pilot, lambda: bool(app.screen.query(TimeBrush)) and "Enter filter" in screen_text(app))
        await pilot.press("right", "right", "space", "pagedown")
        await until(pilot, lambda: "▀" * 10 + "▲" in screen_text(app))
        said = next(line for line in screen_text(app).split("\n") if "10:40:0" in line and "connection" in line)
        await pilot.press("enter")
        await until(pilot, lambda: 0 < rows(app) < 128)
        assert app.screen.filter_text.startswith("time:10:40:0")  # type: ignore[attr-defined]
        assert f"{rows(app)} connection" in said
        await pilot.press("I", "escape")
        await until(pilot, lambda: not app.screen.query(TimeBrush) and "f fix" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: rows(app) == 128)


async def test_the_mouse_drags_a_span_and_a_click_on_the_timeline_begins_it() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(120, 40)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.click("#timeline")
        await until(pilot, lambda: bool(app.screen.query(TimeBrush)))
        await pilot.mouse_down("#brush", offset=(5, 0))
        await pilot.hover("#brush", offset=(40, 0))
        await pilot.mouse_up("#brush", offset=(40, 0))
        await until(pilot, lambda: 0 < rows(app) < 128)
        assert "time:10:40:06" in app.screen.filter_text  # type: ignore[attr-defined]
