"""Every key of every screen is told: in the footer, or in the help."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from textual.binding import Binding

import tui.screens
from tests.tui.screens.helping import INCIDENT, app_of, screen_text, until
from tui.app import TriageApp
from tui.screens.base import TriageScreen
from tui.screens.help import EVERYWHERE
from tui.widgets.bars import TitleBar

NAMES = {
    "question_mark": "?", "slash": "/", "colon": ":", "equals_sign": "=", "escape": "Esc", "enter": "Enter",
    "tab": "Tab", "shift+tab": "Shift-Tab", "ctrl+o": "Ctrl-O", "backspace": "Backspace", "f1": "F1",
    "comma": ",", "full_stop": ".", "left_square_bracket": "[", "right_square_bracket": "]",
    "greater_than_sign": ">", "less_than_sign": "<",
}  # fmt: skip


def screens() -> list[type[TriageScreen]]:
    modules = [
        importlib.import_module(f"tui.screens.{found.name}") for found in pkgutil.iter_modules(tui.screens.__path__)
    ]
    return [
        one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, TriageScreen) and one.__module__ == module.__name__ and one.KEYS
    ]


def bound(screen: type[TriageScreen]) -> set[str]:
    bindings = [
        one
        for klass in screen.__mro__
        if klass.__module__.startswith("tui.")
        for one in klass.__dict__.get("BINDINGS", ())
    ]
    keys = [one.key if isinstance(one, Binding) else one[0] for one in bindings]
    return {NAMES.get(key, key) for each in keys for key in each.split(",")}


def words(pairs: tuple[tuple[str, str], ...]) -> set[str]:
    said = [key for key, _ in pairs]
    return {word for key in said for word in (key, *key.replace(",", " ").split(), *key.split("/"))}


@pytest.mark.parametrize("screen", screens(), ids=lambda screen: screen.__name__)
def test_every_key_is_told(screen: type[TriageScreen]) -> None:
    assert bound(screen) <= words((*screen.KEYS, *screen.END_KEYS)) | words(EVERYWHERE)


@pytest.mark.parametrize("screen", screens(), ids=lambda screen: screen.__name__)
def test_every_action_exists(screen: type[TriageScreen]) -> None:
    for klass in screen.__mro__:
        for one in klass.__dict__.get("BINDINGS", ()) if klass.__module__.startswith("tui.") else ():
            name = one.action.split("(")[0]
            if "." not in name:
                assert hasattr(screen, f"action_{name}"), name


def last_line(app: TriageApp) -> str:
    return screen_text(app).split("\n")[-1].rstrip()


async def test_the_footer_fits_and_keeps_help_and_quit() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        for keys in ((), ("1",), ("enter",), ("1", "3"), ("4",)):
            await pilot.press(*keys)
            await until(pilot, lambda: last_line(app).endswith("? help  q quit"))
            assert len(last_line(app)) <= 80


async def test_the_help_keeps_the_mode_it_came_from() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: "Keys here" in screen_text(app))
        assert app.screen.query_one(TitleBar).mode == "capture"
