"""Thresholds of live findings, set on the screen while a recording runs."""

from __future__ import annotations

from dataclasses import fields

from textual.widgets import Input

from capture.sockets.findings.thresholds import Thresholds
from tests.tui.screens.helping import LOOKS, app_of, screen_text, until
from tui.screens.live import LiveScreen
from tui.screens.thresholds import ThresholdsScreen
from tui.text.glossary import meaning


def test_every_threshold_is_explained() -> None:
    assert all(meaning("thresholds", field.name) for field in fields(Thresholds))


async def test_a_threshold_is_explained_set_and_judged_by() -> None:
    app = app_of(replay=LOOKS, interval=0.5)
    async with app.run_test(size=(80, 24)) as pilot:
        live = app.screen
        assert isinstance(live, LiveScreen)
        await until(pilot, lambda: live._look is not None)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, ThresholdsScreen))
        assert "A healthy process closes within" in screen_text(app)
        for name, value in (("close_wait_s", "none"), ("close_wait_s", "0"), ("close_wait_sockets", "1")):
            while app.screen._chosen_name() != name:  # type: ignore[attr-defined]
                await pilot.press("down")
            await pilot.press("enter")
            app.screen.query_one(Input).value = value
            await pilot.press("enter")
            if value == "none":
                assert "is not a number" in screen_text(app)
        assert live._judged_by() == Thresholds().changed(["close_wait_s=0", "close_wait_sockets=1"])
        await pilot.press("escape")
        await until(pilot, lambda: "CLOSE-WAIT" in screen_text(app).split("States")[0])


async def test_the_command_line_sets_them_too() -> None:
    app = app_of(replay=LOOKS, thresholds=("close_wait_sockets=3",))
    async with app.run_test(size=(80, 24)) as pilot:
        live = app.screen
        assert isinstance(live, LiveScreen)
        await until(pilot, lambda: live._look is not None)
        assert live._judged_by().close_wait_sockets == 3
