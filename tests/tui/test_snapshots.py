"""A few pictures: what a change of looks changes. `pytest --snapshot-update` takes them anew, after looking at them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.screens.helping import GIN, INCIDENT, app_of, until

SIZES = [(80, 24), (120, 40)]


def of_capture(*keys: str) -> Callable[[Pilot[int]], Awaitable[None]]:
    async def way(pilot: Pilot[int]) -> None:
        await until(pilot, lambda: pilot.app.investigation.triages)  # type: ignore[attr-defined]
        await pilot.press(*keys)
        await pilot.pause(0.2)

    return way


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
def test_capture(snap_compare: Any, size: tuple[int, int]) -> None:
    assert snap_compare(app_of(INCIDENT), terminal_size=size, run_before=of_capture())


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
def test_ladder(snap_compare: Any, size: tuple[int, int]) -> None:
    assert snap_compare(app_of(INCIDENT), terminal_size=size, run_before=of_capture("down", "enter"))


def test_explained(snap_compare: Any) -> None:
    async def way(pilot: Pilot[int]) -> None:
        pilot.app.explain_text(f"panic: {GIN}")  # type: ignore[attr-defined]
        await until(pilot, lambda: pilot.app.investigation.items)  # type: ignore[attr-defined]

    assert snap_compare(app_of(interval=5), terminal_size=(80, 24), run_before=way)
