"""A log, or a paste of many lines: all that it tells as rows, counted, filtered, grouped; reading can be stopped."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from textual import events

from tests.tui.screens.helping import app_of, screen_text, until
from tui.screens.explained import ExplainedScreen
from tui.widgets.row_table import RowsTable

RESET = "2026/11/21 10:{m:02d}:09 read tcp 10.1.2.2:8000->10.9.2.{p}:41960: read: connection reset by peer"
REFUSED = "2026/11/21 10:{m:02d}:10 dial tcp 10.5.0.{p}:5432: connect: connection refused"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def lines(times: int) -> list[str]:
    """Of each 3 lines two resets by two peers, one refusal; a minute for each 30."""
    return [(REFUSED if n % 3 == 0 else RESET).format(m=n // 30 % 60, p=n % 3 if n % 3 else 7) for n in range(times)]


async def read(app: object, pilot: object, screen: ExplainedScreen) -> RowsTable:
    await until(pilot, lambda: screen._ended and not screen._arranging)  # type: ignore[arg-type]
    return screen.query_one("#lines", RowsTable)


async def test_all_lines_are_counted_by_kind_peer_and_minute_and_each_count_filters(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("\n".join(lines(900)))
    app = app_of(interval=60)
    async with app.run_test(size=(100, 40)) as pilot:
        screen = ExplainedScreen("", str(log))
        app.push_screen(screen)
        table = await read(app, pilot, screen)
        text = screen_text(app)
        assert "900 of 900 lines by symptom and peer" in text
        assert len(table.rows) == 1 + 3  # the whole log, and three groups: two peers that reset, one that refused
        kinds, hosts, minutes = (screen.query_one(f"#{name}", RowsTable) for name in ("kinds", "hosts", "minutes"))
        assert [kinds.rows.cells(n)[1][0] for n in range(len(kinds.rows))] == ["600", "300"]
        assert len(hosts.rows) == 3
        assert len(minutes.rows) == 30
        kinds.focus()
        await pilot.press("down", "enter")
        await until(pilot, lambda: "symptom:connection_refused — 300 of 900" in screen_text(app))
        minutes.focus()
        await pilot.press("enter")
        await until(pilot, lambda: "symptom:connection_refused time:2026-11-21T10:00 — 10 of 900" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "900 of 900" in screen_text(app))


async def test_groups_open_to_their_lines_and_go_in_order_of_minutes(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("\n".join(lines(300)))
    app = app_of(interval=60)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = ExplainedScreen("", str(log))
        app.push_screen(screen)
        table = await read(app, pilot, screen)
        await pilot.press("b", "b", "b")  # by symptom, by peer, by minute
        await until(pilot, lambda: screen._rows.by == "minute")
        firsts = [table.rows.cells(n)[5][0][:16] for n in range(1, len(table.rows))]
        assert firsts == sorted(firsts)
        assert len(firsts) == 10
        before = len(table.rows)
        await pilot.press("down", "enter")
        await until(pilot, lambda: len(table.rows) == before + 30)
        await pilot.press("equals_sign")
        await until(pilot, lambda: "time:2026-11-21T10:00 — 30 of 300" in screen_text(app))


async def test_a_paste_of_many_lines_is_many_lines() -> None:
    app = app_of(interval=60)
    async with app.run_test(size=(100, 40)) as pilot:
        app.post_message(events.Paste("\r".join(lines(600))))
        await until(pilot, lambda: isinstance(app.screen, ExplainedScreen))
        screen = app.screen
        assert isinstance(screen, ExplainedScreen)
        table = await read(app, pilot, screen)
        await until(pilot, lambda: "600 of 600" in screen_text(app))
        await pilot.press("s", "s", "s")
        await until(pilot, lambda: table.sorted_by == ("remote", False))


async def test_reading_tells_its_progress_and_esc_ends_it_with_what_is_there(tmp_path: Path) -> None:
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    more = threading.Event()

    def write() -> None:
        with suppress(BrokenPipeError), open(pipe, "w") as file:
            file.write("\n".join(lines(50_000)) + "\n")  # more than a block
            file.flush()
            more.wait(60)
            file.write("\n".join(lines(5_000)) + "\n")

    writer = threading.Thread(target=write)
    writer.start()
    app = app_of(interval=60)
    try:
        async with app.run_test(size=(100, 40)) as pilot:
            screen = ExplainedScreen("", str(pipe))
            app.push_screen(screen)
            await until(pilot, lambda: "(Esc stops)" in screen_text(app) and len(screen._rows.lines) > 0)
            await pilot.press("escape")
            more.set()
            table = await read(app, pilot, screen)
            assert "only the first part of the log" in screen_text(app)
            assert len(table.rows) > 0
            assert screen._reading is not None
            assert screen._reading.counts.lines < 55_000
    finally:
        more.set()
        writer.join(60)
