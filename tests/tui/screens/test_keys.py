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
from tui.screens.palette import commands
from tui.terminal.detection import Terminal
from tui.text.glossary import meaning
from tui.text.key_meanings import MEANINGS, key_named
from tui.widgets.bars import TitleBar

NAMES = {
    "question_mark": "?", "slash": "/", "colon": ":", "equals_sign": "=", "escape": "Esc", "enter": "Enter",
    "tab": "Tab", "shift+tab": "Shift-Tab", "ctrl+o": "Ctrl-O", "backspace": "Backspace", "f1": "F1",
    "comma": ",", "full_stop": ".", "left_square_bracket": "[", "right_square_bracket": "]",
    "plus": "+", "greater_than_sign": ">", "less_than_sign": "<",
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


FIXED = {"ctrl+o", "enter", "f1"}  # of boxes to type in, and those that every table has


@pytest.mark.parametrize("screen", screens(), ids=lambda screen: screen.__name__)
def test_one_key_has_one_meaning(screen: type[TriageScreen]) -> None:
    """What a key does is one of the actions that its meaning stands for, on every screen."""
    for klass in screen.__mro__:
        for one in klass.__dict__.get("BINDINGS", ()) if klass.__module__.startswith("tui.") else ():
            for key in one.key.split(","):
                if key in FIXED:
                    continue
                meaning = MEANINGS[key]
                assert one.action in ACTIONS.get(meaning, {one.action}), (key, meaning, one.action)
                taken = {name for name, actions in ACTIONS.items() if one.action in actions}
                assert not taken or meaning in taken, f"{one.action} is {taken}, not {meaning}"


ACTIONS = {
    "back": {"back"},
    "leave": {"app.leave", "back"},
    "help": {"help", "back"},
    "filter": {"filter"},
    "pause or go on": {"pause", "follow"},
    "next trouble": {"problem(1)", "next_finding", "step(1)"},
    "trouble before": {"problem(-1)", "step(-1)"},
    "fix": {"fix", "fixes"},
    "playbook": {"playbook", "go_on"},
    "group by": {"group"},
    "every one": {"every", "fold"},
    "packets": {"packets"},
    "live sockets": {"sockets", "live"},
    "export": {"export", "export(False)", "picture"},
    "open another": {"open", "cases"},
    "record": {"record_looks", "run"},
    "run again": {"run"},
    "capture it": {"capture_this"},
    "drop": {"drop"},
    "undo": {"undo"},
    "note": {"note"},
    "settings": {"settings"},
    "clock": {"clock"},
    "step on": {"step(1)"},
    "step back": {"step(-1)"},
    "sort": {"sort"},
}
"""The actions of a meaning, where it is more than a name: one that is not here may stand for one action alone."""


def test_a_meaning_without_actions_is_one_action_everywhere() -> None:
    found: dict[str, set[str]] = {}
    for screen in screens():
        for klass in screen.__mro__:
            for one in klass.__dict__.get("BINDINGS", ()) if klass.__module__.startswith("tui.") else ():
                for key in one.key.split(","):
                    if key not in FIXED:
                        found.setdefault(MEANINGS[key], set()).add(one.action)
    assert {
        meaning: actions for meaning, actions in found.items() if len(actions - ACTIONS.get(meaning, set())) > 1
    } == {}


async def test_a_click_on_the_footer_presses_the_key() -> None:
    app = app_of(INCIDENT, terminal=Terminal(mouse=True))
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        await pilot.click("#keys", offset=(last_line(app).index("s sort"), 0))
        await until(pilot, lambda: "Sorted by" in screen_text(app))
        await pilot.click("#keys", offset=(last_line(app).index("? help") + 2, 0))
        await until(pilot, lambda: "Keys here" in screen_text(app))


async def test_the_palette_has_what_the_keys_do() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        found = {command.title: command for command in commands(app, app, app.screen_in_front)}
        for word, _ in app.screen.KEYS:  # type: ignore[attr-defined]
            meaning = MEANINGS.get(key_named(word))
            assert meaning is None or word in (":", "Tab", "Esc") or f"{meaning.capitalize()} ({word})" in found
        found["Sort (s)"].call()
        await until(pilot, lambda: "Sorted by" in screen_text(app))


async def test_a_key_that_was_given_another_meaning_place() -> None:
    app = app_of(INCIDENT, keys={"sort": "Z", "help": "f5"})
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        assert "Z sort" in last_line(app)
        assert "f5 help" in last_line(app)
        await pilot.press("s")
        await pilot.pause()
        assert "Sorted by" not in screen_text(app)
        await pilot.press("Z")
        await until(pilot, lambda: "Sorted by" in screen_text(app))
        await pilot.press("slash", *"ssZ")  # typed text is text
        assert app.screen.query_one("#filter-line").value == "ssZ"  # type: ignore[attr-defined]
        await pilot.press("escape", "f5")
        await until(pilot, lambda: "Keys here" in screen_text(app))


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


async def test_the_help_is_searched_and_does_what_it_lists() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        await pilot.press("question_mark", "slash", *"sor")
        await until(pilot, lambda: "sort" in screen_text(app) and "Ctrl-L" not in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "Sorted by" in screen_text(app))
        await pilot.press("question_mark", "slash", *"nobody says this")
        await until(pilot, lambda: "nothing here speaks of it;" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "No key does that" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "Keys here" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "Keys here" not in screen_text(app))


async def test_arrows_choose_what_the_help_runs() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        await pilot.press("question_mark", "slash", *"evidence", "down", "up", "down")
        found = app.screen._runnable()  # type: ignore[attr-defined]
        assert len(found) > 1
        assert app.screen._at == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("screen", screens(), ids=lambda screen: screen.__name__)
def test_each_word_of_the_footer_is_explained(screen: type[TriageScreen]) -> None:
    assert [label for _, label in screen.KEYS if not meaning("keys", label)] == []
