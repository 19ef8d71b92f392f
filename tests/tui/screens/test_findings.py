"""Findings: none hidden, and one key from each to its fixes, or to the plain word that there is none."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from capture.model import Finding, Severity
from tests.tui.screens.helping import INCIDENT, app_of, screen_text, until
from tui.app import TriageApp
from tui.rows.finding_rows import Found
from tui.screens.findings import FindingsScreen
from tui.screens.fixes import FixesScreen
from tui.screens.live import LiveScreen
from tui.screens.with_findings import ScreenWithFindings
from tui.widgets.row_table import RowsTable


def pane(app: TriageApp) -> RowsTable:
    return app.screen_stack[0].query_one("#findings", RowsTable)


def many(number: int) -> list[Found]:
    return [
        Found(n, Finding("code", Severity.WARNING, f"trouble {n}", f"words of {n}", 1, (), None)) for n in range(number)
    ]


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_those_beyond_the_pane_are_told_and_scrolled_to(size: tuple[int, int]) -> None:
    app = app_of(interval=60)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.screen._look is not None)  # type: ignore[attr-defined]
        screen = app.screen
        assert isinstance(screen, ScreenWithFindings)
        screen.show_findings(many(30), "")
        await pilot.pause()
        assert "1 of 30" in screen_text(app)
        assert "trouble 29" not in screen_text(app)
        pane(app).focus()
        await pilot.press("end")
        assert "trouble 29" in screen_text(app)
        assert "words of 29" in screen_text(app)


async def test_a_key_lists_them_all_in_full_and_goes_on_with_the_looks() -> None:
    app = app_of(interval=60)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen._look is not None)  # type: ignore[attr-defined]
        live = app.screen
        assert isinstance(live, LiveScreen)
        live.show_findings(many(12), "")
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, FindingsScreen))
        await until(pilot, lambda: "12 warning" in screen_text(app))
        await pilot.press("end")
        assert "trouble 11" in screen_text(app)
        assert "words of 11" in screen_text(app)
        assert "there is no fix to propose" in screen_text(app)
        await pilot.press("f")
        await until(pilot, lambda: "no fix: no playbook is about this" in screen_text(app))
        live.show_findings(many(13), "")
        await until(pilot, lambda: "13 warning" in screen_text(app))
        await pilot.press("escape")
        assert app.screen is live


async def test_f_goes_from_a_finding_to_its_fix_and_y_copies_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(TriageApp, "send", lambda self, what, text: sent.append((what, text)))
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
        clients = [socket.create_connection(server.getsockname()) for _ in range(2)]
        app = app_of(interval=0.3, all_namespaces=False)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: f"127.0.0.1:{server.getsockname()[1]} (" in screen_text(app))
            pane(app).focus()
            await pilot.press("f")
            await until(pilot, lambda: isinstance(app.screen, FixesScreen))
            await until(pilot, lambda: "→" in screen_text(app).split("Now → proposed", 1)[-1], 30)
            screen: Any = app.screen
            first = next(iter(screen._entries.values()))
            assert first.outcome == "fix"
            assert screen.query_one("#steps", RowsTable).cursor_key == first.key
            await pilot.press("y")
            if not sent:  # a risky one is asked for twice
                await pilot.press("y")
            assert sent == [("Fix", first.copyable)]
        for client in clients:
            client.close()


async def test_no_fix_is_said_with_its_reason_and_those_that_may_fit_are_listed() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        await pilot.press("f")
        await until(pilot, lambda: "no fix: what is wrong was seen" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: "Nothing to copy in this row: f goes to" in screen_text(app))
        text = " ".join(screen_text(app).split())
        assert "These clients left first" in text
        assert "○" in text
        screen: Any = app.screen
        checks = screen.query_one("#steps", RowsTable)
        await pilot.press("f")  # past the checks, to the first that may fit
        await until(pilot, lambda: screen._entry().fix is not None)
        await pilot.press("home", "down", "enter")
        await until(pilot, lambda: any(key.startswith("step ") for key in screen._entries))
        assert checks.cursor_key.startswith("step ")
        await pilot.press("escape")
        assert isinstance(app.screen, ScreenWithFindings)


async def test_where_nothing_is_wrong_f_says_so() -> None:
    app = app_of(interval=60, all_namespaces=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen._look is not None)  # type: ignore[attr-defined]
        screen: Any = app.screen
        screen.show_findings([], "nothing")
        screen.query_one("#findings").focus()
        screen.playbook_of_row = lambda: None
        await pilot.press("f")
        await until(pilot, lambda: "no fix: nothing is found to be wrong here" in screen_text(app))


def test_processes_and_peers_list_every_group() -> None:
    from tui.rows.live_rows import GroupRows

    groups: Any = [SimpleNamespace(key=str(n), label=f"peer {n}", sockets=1000 - n) for n in range(300)]
    rows = GroupRows(groups, "peer")
    assert len(rows) == 300
    assert rows.key(299) == "peer:299"
    assert rows.place_of("peer:299") == 299
    assert rows.cells(299)[0][0] == "peer 299"
