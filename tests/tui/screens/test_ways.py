"""The ways through the program: from a line to a fix, from mode to mode, out of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from tests.tui.screens.helping import EXAMPLES, GIN, INCIDENT, app_of, in_rows, screen_text, until
from tui.screens.choose import ChooseScreen
from tui.screens.connection import ConnectionScreen
from tui.screens.demo import DemoScreen
from tui.screens.evidence import EvidenceScreen
from tui.screens.explained import ExplainedScreen
from tui.screens.fixes import FixesScreen
from tui.screens.playbook import PlaybookScreen
from tui.widgets.row_table import RowsTable


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TMUX", raising=False)


async def test_pasted_panic_line_leads_to_a_fix() -> None:
    app = app_of(interval=5)
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(events.Paste(f"panic: {GIN}\ngoroutine 7 [running]:\n"))
        await until(pilot, lambda: "broken_pipe" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PlaybookScreen) and app.screen._outcome is not None)
        await pilot.press("f")
        await until(pilot, lambda: "y copies the snippet" in screen_text(app))
        await pilot.press("y", "y")
        await until(pilot, lambda: "sent to" in screen_text(app) or "no clipboard" in screen_text(app))
        assert [item.kind for item in app.investigation.items] == ["log", "check", "fix"]


async def test_f_goes_from_a_pasted_line_to_its_fixes() -> None:
    app = app_of(interval=5)
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(events.Paste(GIN))
        await until(pilot, lambda: "broken_pipe" in screen_text(app))
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FixesScreen) and app.screen._outcome is not None)
        await pilot.press("y", "y")
        await until(pilot, lambda: "sent to" in screen_text(app) or "no clipboard" in screen_text(app))
        assert [item.kind for item in app.investigation.items] == ["log", "check", "fix"]


async def test_typed_line_is_explained() -> None:
    app = app_of(interval=5)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("l")
        await pilot.press(*"x EPIPE")
        await pilot.pause(0.05)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExplainedScreen))
        await until(pilot, lambda: "broken_pipe" in screen_text(app))


async def test_a_long_log_lists_all_its_lines_in_groups(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text(f"{GIN}\nall is well\n" * 5001)
    app = app_of(interval=5)
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(ExplainedScreen("", str(log)))
        await until(
            pilot, lambda: "5,001 of 10,002 lines" in screen_text(app) and "▸ 5,001 broken_pipe" in screen_text(app)
        )


async def test_a_pasted_table_leads_to_a_playbook() -> None:
    rows = "\r".join(f"tcp 32 0 192.0.2.225:{39667 + n} 198.51.100.224:443 CLOSE_WAIT 795/stats" for n in range(5))
    app = app_of(interval=5)
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(events.Paste(f"$ sudo netstat -tunp\r{rows}\r"))
        await until(pilot, lambda: "5 connections in CLOSE-WAIT by stats (pid 795)" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PlaybookScreen))
        assert "close-wait" in screen_text(app)


async def test_a_pasted_line_hands_the_open_capture_to_the_playbook() -> None:
    for line, handed in ((GIN, True), (GIN.replace("10.", "172."), False)):
        app = app_of(INCIDENT, interval=5)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda app=app: "client_gave_up" in screen_text(app))  # type: ignore[misc]
            app.explain_text(line)
            await until(pilot, lambda app=app: "broken_pipe" in screen_text(app))  # type: ignore[misc]
            await pilot.press("enter")
            await until(pilot, lambda app=app: isinstance(app.screen, PlaybookScreen))  # type: ignore[misc]
            assert isinstance(app.screen, PlaybookScreen)
            assert (app.screen._settings.get("capture") == str(INCIDENT)) is handed


async def test_line_without_symptom_says_so() -> None:
    app = app_of(interval=5)
    async with app.run_test(size=(80, 24)) as pilot:
        app.explain_text("all is well")
        await until(pilot, lambda: "no line here speaks" in screen_text(app))


async def test_line_filters_the_packets() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(app.investigation.triages) == 1)
        app.explain_text(GIN)
        await until(pilot, lambda: "broken_pipe" in screen_text(app))
        await pilot.press("P")
        await until(pilot, lambda: app.screen.query("#connections") and "1 of 128" in screen_text(app))


async def test_evidence_becomes_a_page(tmp_path: Path) -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: len(app.investigation.triages) == 1)
        await pilot.press("a", "4")
        await until(pilot, lambda: isinstance(app.screen, EvidenceScreen) and "client_gave_up" in screen_text(app))
        await pilot.press("x", "X")
        await pilot.pause()
    page = (tmp_path / "tcptriage-evidence.md").read_text()
    assert "10.1.1.1" in page
    assert "tcptriage" in page.splitlines()[-1]
    without = (tmp_path / "tcptriage-evidence-1.md").read_text()
    assert "10.1." not in without
    assert "198.18." in without


async def test_ladder_as_picture(tmp_path: Path) -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(100, 30)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConnectionScreen))
        await pilot.press("x")
    (picture,) = tmp_path.glob("ladder-*.svg")
    assert picture.read_text().startswith("<svg")
    assert "script" not in picture.read_text()


async def test_the_demo_is_a_way_through_everything() -> None:
    app = app_of(demo=True, examples=str(EXAMPLES))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, DemoScreen))
        for stop in range(5):
            await pilot.press("enter")
            await until(pilot, lambda: not isinstance(app.screen, DemoScreen))
            await pilot.pause(0.2)
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, DemoScreen))
            assert len(app.screen._done) == stop + 1  # type: ignore[attr-defined]


async def test_modes_keep_their_place() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConnectionScreen))
        for mode in "134":
            await pilot.press(mode)
            await pilot.pause()
        await pilot.press("2")
        await pilot.pause()
        assert isinstance(app.screen, ConnectionScreen)
        await pilot.press("2")
        await pilot.pause()
        assert app.screen.query_one("#connections", RowsTable)


async def test_ctrl_c_leaves_with_130() -> None:
    app = app_of(interval=5)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+c")
    assert app.return_value == 130


async def test_fixes_for_other_programs_wait_behind_one_row() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_playbook("time-wait", {"capture": INCIDENT})
        await until(pilot, lambda: isinstance(app.screen, PlaybookScreen) and app.screen._outcome is not None)
        screen = app.screen
        assert isinstance(screen, PlaybookScreen)
        before = list(screen._entries)
        assert before[-1] == "others"
        screen.query_one("#steps", RowsTable).move_to("others")
        await pilot.press("enter")
        await pilot.pause()
        assert "others" not in screen._entries
        assert len(screen._entries) > len(before) + 3
        assert "No check here asked for this one" in screen._entries[list(screen._entries)[-1]].page


async def test_the_demo_goes_on_and_back_from_within_a_stop() -> None:
    app = app_of(demo=True, examples=str(EXAMPLES))
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, DemoScreen))
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "broken_pipe" in screen_text(app) and "Demo 1." in screen_text(app))
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "Demo 2." in screen_text(app))
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "9/18 · paused" in screen_text(app) and "CLOSE-WAIT      7" in screen_text(app))
        await pilot.press("less_than_sign")
        await until(pilot, lambda: "Demo 2." in screen_text(app))
        assert len(app.screen_stack) == 3  # its list, and this stop alone, over the mode
        await pilot.press("1", "greater_than_sign")  # also from another mode
        await until(pilot, lambda: "9/18 · paused" in screen_text(app))


async def test_f_goes_from_a_ladder_to_the_fixes_and_b_to_other_playbooks() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 30)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConnectionScreen))
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FixesScreen) and app.screen._outcome is not None)
        await pilot.press("B")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        assert "Enter take it" in screen_text(app)
        await pilot.press("down", "enter")
        await until(pilot, lambda: type(app.screen) is PlaybookScreen)
        assert app.screen._settings["capture"] == INCIDENT  # type: ignore[attr-defined]
