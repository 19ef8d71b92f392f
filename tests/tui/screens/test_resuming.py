"""A case that survives: on disk at once, and reopened where it was."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tui.screens.helping import INCIDENT, app_of, in_rows, screen_text, until
from tests.tui.test_end_to_end import Tmux, pytestmark  # noqa: F401 - tmux or nothing
from tui.app import TriageApp
from tui.screens.cases import CasesScreen
from tui.screens.connection import ConnectionScreen
from tui.screens.evidence import EvidenceScreen
from tui.work.case_file import Case, CaseFolder, Opened, Place, cases_folder, list_cases, take_up
from tui.work.case_keeper import CaseKeeper
from tui.work.evidence_item import Item


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    terminal = Tmux(tmp_path)
    yield terminal
    terminal.close()


def the_case() -> Case:
    (case,) = list_cases(cases_folder())
    return case


def resumed(**asked: Any) -> TriageApp:
    case, folder = take_up(cases_folder())
    keeper = CaseKeeper(folder, case.opened, case)
    return app_of(*case.opened.files, keeper=keeper, keep_case=True, **asked)


async def read_app(pilot: Any, app: TriageApp) -> None:
    await until(pilot, lambda: "client_gave_up" in screen_text(app) and not app.screen.is_reading)  # type: ignore[attr-defined]


async def test_what_is_kept_is_on_disk_at_once() -> None:
    app = app_of(INCIDENT, keep_case=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await read_app(pilot, app)
        assert the_case().opened.files == (INCIDENT,)
        await pilot.press("a")
        (item,) = the_case().items
        assert item.kind == "connection"
        assert item.of == "incident.pcap"
        app.filter_mode("capture", "ended-by:rst")
        await until(pilot, lambda: "ended-by:rst" in screen_text(app))
        assert the_case().place.bottoms["capture"]["filter"] == "ended-by:rst"


async def test_a_run_that_gathered_nothing_leaves_no_case() -> None:
    app = app_of(interval=5, keep_case=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "ESTAB" in screen_text(app) or "LISTEN" in screen_text(app))
        await pilot.press("2", "3", "1", "q")
    assert list_cases(cases_folder()) == []


async def test_reopened_where_it_was() -> None:
    app = app_of(INCIDENT, keep_case=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await read_app(pilot, app)
        app.filter_mode("capture", "cause:client_gave_up")
        await until(pilot, lambda: "40 of 128" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "▾" in screen_text(app))
        await pilot.press("down", "a", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, ConnectionScreen))
        number = app.screen.place()["number"]  # type: ignore[attr-defined]
        await pilot.press("q")
    app = resumed()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ConnectionScreen))
        assert app.screen.place()["number"] == number  # type: ignore[attr-defined]
        assert [item.kind for item in app.investigation.items] == ["connection"]
        await pilot.press("escape")
        await until(pilot, lambda: "40 of 128" in screen_text(app))
        await until(pilot, lambda: app.screen.place()["row"] == number)  # type: ignore[attr-defined]
        assert "▾" in screen_text(app)
        await pilot.press("a")
    assert [item.kind for item in the_case().items] == ["connection", "connection"]


async def test_order_and_groups_are_those_of_the_case() -> None:
    app = app_of(INCIDENT, keep_case=True)
    async with app.run_test(size=(100, 24)) as pilot:
        await read_app(pilot, app)
        await until(pilot, lambda: "by cause" in screen_text(app))
        await pilot.press("a")
        while app.screen.arrangement.by != "peer":  # type: ignore[attr-defined]
            await pilot.press("b")
        await pilot.press("s", "s")
        await until(pilot, lambda: "the other way round" in screen_text(app))
        before = app.screen.arrangement  # type: ignore[attr-defined]
        await pilot.press("q")
    app = resumed()
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: getattr(app.screen, "arrangement", None) is not None)
        await until(pilot, lambda: app.screen.arrangement.by == "peer")  # type: ignore[attr-defined]
        now = app.screen.arrangement  # type: ignore[attr-defined]
        assert (now.column, now.descending, now.by) == (before.column, before.descending, before.by)
        await until(pilot, lambda: "by originator" in screen_text(app))


async def test_a_capture_that_is_gone_does_not_take_the_evidence_with_it(tmp_path: Path) -> None:
    capture = tmp_path / "moved.pcap"
    capture.write_bytes(Path(INCIDENT).read_bytes())
    app = app_of(str(capture), keep_case=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await read_app(pilot, app)
        await in_rows(pilot, app, 128)
        await pilot.press("a", "enter")
        await until(pilot, lambda: isinstance(app.screen, ConnectionScreen))
        await pilot.press("q")
    capture.unlink()
    app = resumed()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "cannot read" in screen_text(app))
        await pilot.press("4")
        await until(pilot, lambda: "client_gave_up" in screen_text(app) or "1 kept" in screen_text(app))
        await pilot.press("q")
    assert len(the_case().items) == 1


@pytest.mark.parametrize(
    "over",
    [
        {"kind": "playbook", "name": "gone", "settings": {}, "found": ""},
        {"kind": "playbook", "name": "close-wait", "settings": [1], "found": ""},
        {"kind": "connection", "capture": 3, "number": 1},
        {"kind": "connection", "capture": 0, "number": 10**9},
        {"kind": "other"},
        {},
    ],
    ids=str,
)
async def test_a_screen_that_can_no_longer_be_made_is_left_out(over: dict[str, Any]) -> None:
    cases = cases_folder()
    assert cases is not None
    folder = CaseFolder(cases)
    folder.make(time.time())
    place = Place("capture", {"capture": {"filter": "nosuch:1", "row": [3]}, "live": {"filter": 7}}, (over,))
    opened = Opened(files=(INCIDENT,))
    item = Item("note", "kept", "kept", 1.0, 1)
    folder.write(
        Case(name="", host="h", version="9", begun=1, changed=1, opened=opened, place=place, items=(item,)),
    )
    folder.let_go()
    app = resumed()
    async with app.run_test(size=(80, 24)) as pilot:
        await read_app(pilot, app)
        await pilot.press("4")
        await until(pilot, lambda: "kept" in screen_text(app))


async def test_dropped_evidence_comes_back_also_in_a_later_run() -> None:
    app = app_of(interval=5, keep_case=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("4", "plus", *"one", "enter", "plus", *"two", "enter", "d")
        await until(pilot, lambda: "u brings it back" in screen_text(app))
        assert [item.title for item in the_case().items] == ["two"]
        await pilot.press("q")
    app = resumed()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, EvidenceScreen))
        await pilot.press("u")
        await until(pilot, lambda: "Back: one" in screen_text(app))
        assert [item.title for item in the_case().items] == ["one", "two"]
        await pilot.press("u")
        await until(pilot, lambda: "Nothing dropped is left" in screen_text(app))


async def test_cases_are_listed_deleted_and_brought_back() -> None:
    for words in ("first", "second"):
        app = app_of(interval=5, keep_case=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("4", "plus", *words, "enter", "q")
    newer, older = list_cases(cases_folder())
    app = app_of(interval=5, keep_case=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("4", "o")
        await until(pilot, lambda: isinstance(app.screen, CasesScreen) and "second" in screen_text(app))
        await pilot.press("d")
        await until(pilot, lambda: "u brings it back" in screen_text(app) and "first" in screen_text(app))
        assert list_cases(cases_folder()) == [older]
        await pilot.press("u")
        await until(pilot, lambda: f"{newer.name} is back" in screen_text(app))
        assert list_cases(cases_folder()) == [newer, older]
        await pilot.press("down", "enter")
    assert app.reopen == older.name


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
async def test_a_read_only_home_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o500)
    await _says_once()


async def test_a_home_that_takes_nothing_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a folder")
    await _says_once()


async def _says_once() -> None:
    app = app_of(interval=5, keep_case=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("4", "plus", *"one", "enter")
        await until(pilot, lambda: "not kept on disk" in screen_text(app))
        await pilot.press("plus", *"two", "enter")
        await until(pilot, lambda: "two" in screen_text(app))
        app.say("")
        await pilot.press("plus", *"three", "enter")
        await until(pilot, lambda: "three" in screen_text(app))
        assert "not kept on disk" not in screen_text(app)


def gathered(tmux: Tmux) -> None:
    """A capture, a filter, a piece of evidence, a ladder."""
    tmux.run(INCIDENT, before=f"XDG_STATE_HOME={tmux.folder}/state")
    tmux.until("client_gave_up")
    tmux.keys("/")
    tmux.type("cause:client_gave_up")
    tmux.keys("Enter")
    tmux.until("40 of 128")
    tmux.keys("Enter")
    tmux.until("▾")
    tmux.keys("Down", "a", "Enter")
    tmux.until("FIN-WAIT-1")


def is_back(tmux: Tmux) -> None:
    tmux.run("--resume", before=f"XDG_STATE_HOME={tmux.folder}/state")
    tmux.until("FIN-WAIT-1")
    tmux.until("evidence: 1")
    tmux.keys("Escape")
    tmux.until("40 of 128")
    tmux.keys("q")
    tmux.until("LEFT=0")
    assert "--resume" in tmux.screen()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_nothing_is_lost_with_the_process(tmux: Tmux, number: int) -> None:
    gathered(tmux)
    time.sleep(2.5)  # that the ladder was open is known within two seconds
    os.kill(tmux.pid(), number)
    tmux.until("LEFT=")
    another = Tmux(tmux.folder)  # what the killed one left of its terminal is not the point
    try:
        is_back(another)
    finally:
        another.close()


def test_a_case_that_is_not_there_is_one_line(tmux: Tmux) -> None:
    tmux.run("--resume", "nothing", before=f"XDG_STATE_HOME={tmux.folder}/state")
    tmux.until("LEFT=2")
    assert "there is no case 'nothing': none was kept yet" in tmux.screen()


def test_enter_in_the_list_goes_on_with_another_case(tmux: Tmux) -> None:
    gathered(tmux)
    tmux.keys("q")
    tmux.until("LEFT=0")
    tmux.type("clear\n")
    tmux.run(before=f"XDG_STATE_HOME={tmux.folder}/state")
    tmux.until("Connections")
    tmux.keys("4", "o")
    tmux.until("incident.pcap")
    tmux.keys("Enter")
    tmux.until("FIN-WAIT-1")
