"""Run the real app without a terminal, and wait for what workers report."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tui.app import TriageApp
from tui.terminal.detection import Terminal
from tui.work.investigation import Request

EXAMPLES = Path(__file__).parents[3] / "tui" / "examples"
INCIDENT = str(EXAMPLES / "incident.pcap")
LOOKS = str(EXAMPLES / "incident.looks.gz")
GIN = "2026/11/21 10:40:09 write tcp 10.1.2.2:8000->10.1.2.1:41960: write: broken pipe"


def app_of(*files: str, terminal: Terminal | None = None, **asked: Any) -> TriageApp:
    """The app, for a request."""
    return TriageApp(Request(files=tuple(files), **asked), terminal or Terminal(mouse=False))


async def until(pilot: Pilot[int], true: Callable[[], object], seconds: float = 60.0) -> None:
    """Let the app work until something holds. Long enough for the engine to be compiled first."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, screen_text(pilot.app)
        await asyncio.sleep(0.02)
        await pilot.pause()
    await pilot.pause()


def screen_text(app: Any) -> str:
    """The screen as text."""
    width, height = app.size
    lines = [[" "] * width for _ in range(height)]
    for y, strip in enumerate(app.screen._compositor.render_strips()):
        for x, character in enumerate(strip.text[:width]):
            lines[y][x] = character
    return "\n".join("".join(line) for line in lines)


async def in_rows(pilot: Pilot[int], app: Any, number: int) -> None:
    """Wait until a capture of so many connections is shown, and take its groups off."""
    screen = app.screen_stack[0]
    table = screen.query_one("#connections")
    await until(pilot, lambda: getattr(table.rows, "matching", 0) == number and not screen._reading)
    screen.arrangement = replace(screen.arrangement, by="")
    screen.arrange_rows()
    await until(pilot, lambda: len(table.rows) == number)
