"""The themes: readable, the colours of trouble told apart, and a cursor that is seen in 16 colours too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.color import Color, ColorSystem
from textual.color import Color as Mixed
from textual.theme import Theme

from tests.tui.screens.helping import INCIDENT, app_of, in_rows, screen_text, until
from tui.app import TriageApp
from tui.terminal.detection import Terminal
from tui.terminal.theme_names import THEME_NAMES
from tui.terminal.themes import THEMES, next_theme
from tui.widgets.bars import KeyBar, Said, TitleBar
from tui.widgets.row_table import RowsTable


def test_each_name_is_a_theme() -> None:
    assert tuple(theme.name for theme in THEMES) == tuple(f"tcptriage-{name}" for name in THEME_NAMES)
    assert next_theme(THEMES[-1].name) == THEMES[0].name


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_text_can_be_read(theme: Theme) -> None:
    """WCAG 2: 4.5 for text, 7 where contrast is what the theme is for."""
    least = 7.0 if "contrast" in theme.name else 4.5
    for back in (theme.background, theme.panel):
        for fore in (theme.foreground, theme.error, theme.warning, theme.success, theme.variables["text-muted"]):
            low = min(least, 4.0) if back == theme.panel else least
            assert contrast(str(fore), str(back)) >= low, (fore, back)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("system", [ColorSystem.EIGHT_BIT, ColorSystem.STANDARD])
def test_good_and_bad_stay_apart_with_fewer_colours(theme: Theme, system: ColorSystem) -> None:
    shown = [Color.parse(str(one)).downgrade(system).number for one in (theme.error, theme.success)]
    assert len(set(shown)) == 2


@pytest.mark.parametrize("name", THEME_NAMES)
async def test_the_cursor_is_seen_in_16_colours(name: str) -> None:
    app = app_of(INCIDENT, terminal=replace(Terminal(mouse=False), theme=name, few_colours=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        assert cursor_is_reversed(app)


@pytest.mark.parametrize("name", [theme.name.removeprefix("tcptriage-") for theme in THEMES if not theme.dark])
async def test_on_white_a_warning_is_not_yellow(name: str) -> None:
    app = app_of(INCIDENT, terminal=replace(Terminal(mouse=False), theme=name, few_colours=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        colour = app.screen.get_component_rich_style("rows--warn", partial=True).color
        assert colour is not None
        assert colour.downgrade(ColorSystem.STANDARD).number not in (3, 7, 11, 15)


async def test_with_more_colours_the_cursor_has_its_own() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        assert not cursor_is_reversed(app)


def cursor_is_reversed(app: TriageApp) -> bool:
    table = app.screen.query_one("#connections", RowsTable)
    return any(segment.style is not None and segment.style.reverse for segment in table.render_line(1))


def contrast(fore: str, back: str) -> float:
    bright, dark = sorted((luminance(fore), luminance(back)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [
        one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in Mixed.parse(colour).normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


async def test_of_16_colours_the_bars_are_as_the_rest_so_that_they_are_read() -> None:
    app = app_of(INCIDENT, terminal=Terminal(mouse=False, few_colours=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await in_rows(pilot, app, 128)
        for bar in (TitleBar, KeyBar, Said):
            assert app.screen.query_one(bar).styles.background == app.screen.styles.background
