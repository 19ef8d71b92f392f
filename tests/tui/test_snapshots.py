"""A few pictures: what a change of looks changes. `pytest --snapshot-update` takes them anew, after looking at them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.screens.helping import GIN, INCIDENT, app_of, screen_text, until

SIZES = [(80, 24), (120, 40)]


def of_capture(text: str, *keys: str) -> Callable[[Pilot[int]], Awaitable[None]]:
    """The picture that shows this text after these keys."""

    async def way(pilot: Pilot[int]) -> None:
        await until(pilot, lambda: pilot.app.investigation.triages)  # type: ignore[attr-defined]
        await pilot.press(*keys)
        await until(pilot, lambda: text in screen_text(pilot.app))
        await pilot.pause(0.2)  # and what else belongs to it

    return way


def of_group(text: str) -> Callable[[Pilot[int]], Awaitable[None]]:
    async def way(pilot: Pilot[int]) -> None:
        await of_capture("▾", "down", "enter")(pilot)
        await of_capture(text, "down", "enter")(pilot)

    return way


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
def test_capture(snap_compare: Any, size: tuple[int, int]) -> None:
    assert snap_compare(app_of(INCIDENT), terminal_size=size, run_before=of_capture("client_gave_up"))


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
def test_ladder(snap_compare: Any, size: tuple[int, int]) -> None:
    assert snap_compare(app_of(INCIDENT), terminal_size=size, run_before=of_group("of silence"))


def test_explained(snap_compare: Any) -> None:
    async def way(pilot: Pilot[int]) -> None:
        pilot.app.explain_text(f"panic: {GIN}")  # type: ignore[attr-defined]
        await until(pilot, lambda: pilot.app.investigation.items)  # type: ignore[attr-defined]

    assert snap_compare(app_of(interval=5), terminal_size=(80, 24), run_before=way)
