"""A recording on the screen: opened by its name, stepped, searched for findings; and made by a key."""

from __future__ import annotations

import gzip
import os
import socket
import time
from pathlib import Path

import msgspec
import pytest

from capture.recorder.incident_folder import Manifest, Trigger
from capture.sockets.recordings.recording import Recorder
from capture.sockets.recordings.replay import Replay
from capture.sockets.socket_watch import Watcher
from tests.tui.screens.helping import GIN, INCIDENT, LOOKS, app_of, screen_text, until
from tui.app import TriageApp
from tui.commands.dashboard import first_complaint
from tui.screens.palette import commands
from tui.screens.replay import ReplayScreen
from tui.work.investigation import Request
from tui.work.recorded_looks import is_recording, looks_beside, looks_in


def title(app: TriageApp) -> str:
    return screen_text(app).split("\n")[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_recording_is_known_by_its_content(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(gzip.decompress(Path(LOOKS).read_bytes()))
    cut = tmp_path / "cut"
    cut.write_bytes(Path(LOOKS).read_bytes()[:1500])
    assert is_recording(LOOKS)
    assert is_recording(str(plain))
    assert is_recording(str(cut))
    assert not is_recording(INCIDENT)
    assert not is_recording(str(tmp_path))
    assert not is_recording("/does/not/exist")
    assert looks_in(LOOKS) == looks_in(str(plain)) == sum(1 for _ in Replay(LOOKS))
    assert 0 <= (looks_in(str(cut)) or 0) < (looks_in(LOOKS) or 0)


def test_named_like_a_capture(tmp_path: Path) -> None:
    assert looks_beside([INCIDENT, LOOKS]) == ([INCIDENT], LOOKS)
    assert looks_beside([INCIDENT, "-"]) == ([INCIDENT, "-"], None)
    assert first_complaint(Request(replay=LOOKS)) is None


@pytest.fixture
def incident(tmp_path: Path) -> Path:
    folder = tmp_path / "incident-20261130T101500Z"
    folder.mkdir()
    (folder / "packets.pcapng").write_bytes(Path(INCIDENT).read_bytes())
    (folder / "looks.jsonl.gz").write_bytes(Path(LOOKS).read_bytes())
    (folder / "log.txt").write_text(f"{GIN}\n")
    (folder / "events.jsonl").write_text("")
    manifest = Manifest(
        host="shop-gin",
        kernel="6",
        version="0",
        trigger=Trigger("signal", "USR1", 1e9),
        begin=1e9,
        end=1e9,
        packets=1,
        packets_dropped=0,
        events=0,
        events_lost=0,
        looks=18,
        log_lines=1,
    )
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    return folder


async def test_an_incident_has_its_looks_and_its_log(incident: Path) -> None:
    assert looks_beside([str(incident)]) == ([str(incident)], str(incident / "looks.jsonl.gz"))
    app = app_of(str(incident), replay=str(incident / "looks.jsonl.gz"))
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "Incident of shop-gin: USR1" in screen_text(app))
        await pilot.press("1")
        await until(pilot, lambda: "recorded" in title(app) and "shop-gin" in title(app))
        found = {one.title: one.call for one in commands(app, app, app.screen_in_front)}
        found["Incident: its log"]()
        await until(pilot, lambda: "broken_pipe" in screen_text(app))
        found["Incident: its looks"]()
        await until(pilot, lambda: isinstance(app.screen, ReplayScreen) and "recorded" in title(app))


async def test_step_on_and_back() -> None:
    app = app_of(replay=LOOKS)
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "/18" in title(app))
        await pilot.press("p")
        await until(pilot, lambda: "paused" in title(app))
        at = app.screen._player.at  # type: ignore[attr-defined]
        await pilot.press("full_stop", "full_stop", "full_stop")
        await until(pilot, lambda: f"{at + 3}/18 · paused" in title(app))
        seen = screen_text(app)
        await pilot.press("comma", "comma")
        await until(pilot, lambda: f"{at + 1}/18 · paused" in title(app))
        await pilot.press("full_stop", "full_stop")
        await until(pilot, lambda: f"{at + 3}/18 · paused" in title(app))
        assert screen_text(app) == seen  # the same look, however one came there
        for _ in range(30):
            await pilot.press("comma")
        await until(pilot, lambda: "1/18 · paused" in title(app))


def leaking(path: Path) -> Path:
    """Two looks at peace, then some at a process that leaves sockets in CLOSE-WAIT: this one."""
    with socket.create_server(("127.0.0.1", 0)) as server, Recorder(path) as recorder, Watcher() as watcher:
        for _ in range(2):
            recorder.write(watcher.look())
        leaked = []
        for _ in range(6):
            with socket.create_connection(server.getsockname()):
                leaked.append(server.accept()[0])
        for _ in range(5):
            time.sleep(0.3)
            recorder.write(watcher.look())
        for one in leaked:
            one.close()
    return path


async def test_to_the_next_finding_and_past_the_last(tmp_path: Path) -> None:
    path = leaking(tmp_path / "leak.looks.gz")
    app = app_of(replay=str(path), thresholds=("close_wait_sockets=5", "close_wait_s=0.5"))
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "/7" in title(app))
        await pilot.press("n")
        await until(pilot, lambda: "CLOSE-WAIT" in screen_text(app) and "paused" in title(app))
        at = app.screen._player.at  # type: ignore[attr-defined]
        assert 2 < at < 7
        for _ in range(6):
            await pilot.press("n")
            await pilot.pause(0.3)
        await until(pilot, lambda: "No further finding" in screen_text(app) and "its end" in title(app))
        assert app.screen._player.at > at  # type: ignore[attr-defined]
        await pilot.press("p")  # and again from its beginning
        await until(pilot, lambda: "its end" not in title(app))


async def test_speed() -> None:
    app = app_of(replay=LOOKS)
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "1×" in title(app))
        await pilot.press("right_square_bracket", "right_square_bracket")
        await until(pilot, lambda: "5×" in title(app))
        for _ in range(9):
            await pilot.press("right_square_bracket")
        await until(pilot, lambda: "its end" in title(app))


async def test_a_recording_is_opened_from_the_capture_screen(folder: Path) -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        await pilot.press("o", *LOOKS, "enter")
        await until(pilot, lambda: isinstance(app.screen, ReplayScreen) and "recorded" in title(app))
        await pilot.press("escape")
        await until(pilot, lambda: "client_gave_up" in screen_text(app))


async def test_record_from_the_live_screen(folder: Path) -> None:
    app = app_of(interval=0.2)
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: app.screen._look is not None)  # type: ignore[attr-defined]
        await pilot.press("R")
        await until(pilot, lambda: "Record the looks" in screen_text(app))
        await pilot.press("ctrl+u", *"one.looks.gz", "enter")
        await until(pilot, lambda: "recording" in title(app) and app.screen._looks_file.looks >= 3)  # type: ignore[attr-defined]
        await pilot.press("R")
        await until(pilot, lambda: "looks are in" in screen_text(app))
        before = (folder / "one.looks.gz").read_bytes()
        assert sum(1 for _ in Replay(folder / "one.looks.gz")) >= 3
        assert os.stat(folder / "one.looks.gz").st_mode & 0o077 == 0
        # a file that is there is not overwritten unasked
        await pilot.press("R", "ctrl+u", *"one.looks.gz", "enter")
        await until(pilot, lambda: "There is a file one" in screen_text(app))
        assert (folder / "one.looks.gz").read_bytes() == before
        await pilot.press("down", "enter")
        await until(pilot, lambda: "recording" in title(app) and app.screen._looks_file.looks)  # type: ignore[attr-defined]
        await pilot.press("q")
    assert sum(1 for _ in Replay(folder / "one.looks.gz")) >= 1


async def test_a_place_that_takes_no_recording_is_said(folder: Path) -> None:
    app = app_of(interval=0.2)
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: app.screen._look is not None)  # type: ignore[attr-defined]
        await pilot.press("R", "ctrl+u", *"/does/not/exist/x", "enter")
        await until(pilot, lambda: "No such file" in screen_text(app))
