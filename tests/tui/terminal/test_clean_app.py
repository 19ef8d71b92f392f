"""What the terminal answers to the question at the start."""

from __future__ import annotations

import pytest
from textual.events import CursorPosition

from tests.tui.screens.helping import INCIDENT, app_of, screen_text, until


@pytest.mark.parametrize(("column", "ascii", "repeats"), [(1, False, False), (3, False, True), (2, True, False)])
async def test_lines_two_columns_wide_become_ascii_and_repeating_is_used_where_it_works(
    column: int, ascii: bool, repeats: bool
) -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        app.post_message(CursorPosition(column, 0))
        await pilot.pause(0.3)
        assert app.terminal.ascii is ascii
        assert app._shown.repeats is repeats
        assert ("two columns wide" in screen_text(app)) is ascii
