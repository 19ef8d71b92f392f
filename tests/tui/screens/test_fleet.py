"""A fleet's result on the screen: filter, group, drill into the capture that a row came from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")

from capture.fleet.result import StoredFleet
from capture.fleet.running import run_fleet
from tests.capture.fleet.making import EXAMPLES, cut, in_process, lines
from tests.tui.screens.helping import app_of, screen_text, until
from tui.commands.dashboard import run
from tui.rows.filter_values import fleet_values
from tui.rows.fleet_rows import GROUPINGS
from tui.screens.capture import CaptureScreen
from tui.screens.findings import FindingsScreen
from tui.screens.fixes import FixesScreen
from tui.screens.fleet import FleetScreen
from tui.widgets.row_table import RowsTable
from tui.widgets.text_lines import Lines


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A ring of three files, two files beside it, and one that is no capture."""
    folder = tmp_path_factory.mktemp("fleet")
    cut(EXAMPLES / "incident.pcap", 3, folder / "in" / "web1")
    for name in ("broken-pipe.pcap", "middlebox-reset.pcap"):
        (folder / "in" / "web2").mkdir(exist_ok=True)
        shutil.copy(EXAMPLES / name, folder / "in" / "web2" / name)
    (folder / "in" / "note.txt").write_text("hello\n")
    run_fleet([str(folder / "in")], str(folder / "out"), in_process)
    return str(folder / "out")


TOTAL = sum(len(lines([str(EXAMPLES / f"{name}.pcap")])) for name in ("incident", "broken-pipe", "middlebox-reset"))


def table(app: Any, name: str = "connections") -> RowsTable:
    found: RowsTable = app.screen.query_one(f"#{name}", RowsTable)
    return found


async def test_worst_first_with_findings_and_what_was_left_out(result: str) -> None:
    app = app_of(fleet=result)
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, FleetScreen) and len(table(app).rows) == TOTAL)
        text = screen_text(app)
        assert "20 clients of 10.1.1.2:80 gave up before the answer was complete" in text
        assert "web1/piece-00.pcap" in text
        assert "note.txt: it is no capture" in text
        assert "3 captures" in text
        assert table(app).rows.cells(0)[0][0] == "!!"
        assert table(app).rows.cells(TOTAL - 1)[0][0] == ""
        await until(pilot, lambda: app.screen.query_one("#row-text", Lines).text)


async def test_the_filter_language_is_that_of_captures(result: str) -> None:
    app = app_of(fleet=result, filter="cause:middlebox_reset")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, FleetScreen) and 0 < len(table(app).rows) < 5)
        assert "cause:middlebox_reset — " in screen_text(app)
        await pilot.press("slash", *["backspace"] * 30, *"ended-by", "colon", *"rst", "enter")
        await until(pilot, lambda: len(table(app).rows) >= 20)
        await pilot.press("escape")
        await until(pilot, lambda: len(table(app).rows) == TOTAL)


async def test_groups_lead_to_their_connections(result: str) -> None:
    app = app_of(fleet=result)
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, FleetScreen) and len(table(app).rows) == TOTAL)
        for by in GROUPINGS:
            await pilot.press("b")
            await until(pilot, lambda by=by: f"By {by}" in screen_text(app))  # type: ignore[misc]
            sizes = [int(table(app, "groups").rows.cells(at)[2][0]) for at in range(len(table(app, "groups").rows))]
            assert sum(sizes) == TOTAL
        assert table(app, "groups").rows.cells(0)[1][0] == "web1/piece-00.pcap"
        await pilot.press("enter")
        await until(pilot, lambda: len(table(app).rows) == 128)
        assert "in web1/piece-00.pcap — 128 of" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: len(table(app).rows) == TOTAL)
        await pilot.press("b", "enter")
        await until(pilot, lambda: "cause:" in screen_text(app) and 0 < len(table(app).rows) < TOTAL)


async def test_enter_opens_the_capture_that_a_row_came_from(result: str) -> None:
    """The three files of the ring as one capture, with that connection alone."""
    app = app_of(fleet=result)
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, FleetScreen) and len(table(app).rows) == TOTAL)
        ends = [cell for cell, _ in table(app).rows.cells(0)[1:3]]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, CaptureScreen) and len(table(app).rows) == 1)
        assert [cell for cell, _ in table(app).rows.cells(0)[1:3]] == ends
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, FleetScreen))


async def test_a_finding_leads_to_its_connections_and_the_row_can_be_copied(result: str) -> None:
    app = app_of(fleet=result)
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, FleetScreen) and len(table(app).rows) == TOTAL)
        table(app, "findings").focus()
        await pilot.press("enter")
        await until(pilot, lambda: 0 < len(table(app).rows) < TOTAL)
        assert isinstance(app.screen, FleetScreen)
        what, text = app.screen.copy_text()
        assert what == "Connection"
        assert "(web2/middlebox-reset.pcap, id 0)" in text
        assert app.screen.evidence()[0] == "connection"


async def test_findings_are_those_of_all_screens(result: str) -> None:
    app = app_of(fleet=result)
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, FleetScreen) and len(table(app).rows) == TOTAL)
        assert "What is wrong in this fleet: " in screen_text(app)
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, FindingsScreen))
        await pilot.press("escape")
        table(app, "findings").focus()
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FixesScreen) or "no fix" in screen_text(app))


async def test_a_result_whose_rows_are_gone_says_so(result: str, tmp_path: Path) -> None:
    shutil.copytree(result, tmp_path / "half")
    next(iter((tmp_path / "half" / "connections").glob("*.parquet"))).unlink()
    app = app_of(fleet=str(tmp_path / "half"))
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "run tcptriage fleet again" in screen_text(app))


def test_a_folder_is_opened_as_a_fleet_only_where_it_is_one(
    result: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("tui.commands.dashboard.open_screen", lambda request, _: asked.append(request) or 0)
    run([result])
    run([str(tmp_path)])
    assert [(one.fleet, one.files) for one in asked] == [(result, ()), (None, (str(tmp_path),))]


def test_the_filter_offers_what_the_fleet_holds(result: str) -> None:
    values = fleet_values(StoredFleet(result))
    assert sum(number for _, number in values["cause"]) == TOTAL
    assert values["cause"][:2] == [("normal_close", 88), ("client_gave_up", 40)]
    assert dict(values["responder"])["10.1.1.2"] == 64
    assert dict(values["port"])["8000"] == 64
    assert dict(values["ended-by"])["fin"] >= 108
