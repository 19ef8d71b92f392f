"""config.toml: what it says holds, what is wrong in it is told with its line, and the rest holds all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tomli

from tests.tui.screens.helping import INCIDENT, app_of, screen_text, until
from tui.cli import main
from tui.work.configuration import Configuration, read_configuration
from tui.work.configuration_writing import keep_theme, put


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "tcptriage" / "config.toml"
    path.parent.mkdir()
    return path


def test_no_file_says_nothing(file: Path) -> None:
    assert read_configuration() == Configuration()


def test_what_it_says(file: Path) -> None:
    file.write_text(
        'theme = "high-contrast"\nlanguage = "zh"\ninterval = 2\nascii = true\nmouse = false\n'
        '[columns]\nlive = ["state", "local"]\n[thresholds]\nclose_wait_s = 10\n[keys]\nsort = "Z"\n'
    )
    assert read_configuration() == Configuration(
        theme="high-contrast",
        language="zh",
        interval=2.0,
        ascii=True,
        mouse=False,
        columns={"live": ("state", "local")},
        thresholds=("close_wait_s=10",),
        keys={"sort": "Z"},
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('theme = "blue"', "line 1: theme is 'blue', not one of auto, dark, light, high-contrast"),
        ("\ninterval = 0", "line 2: interval is 0, not a number of seconds between 0.1 and 86400"),
        ("interval = true", "interval is True, not a number"),
        ('them = "dark"', "line 1: them is no entry; there are theme, language"),
        ("ascii = 1", "line 1: ascii is 1, not true or false"),
        ("[columns]\n\nlive = 3", "line 3: columns.live is 3, not a list of mark, state"),
        ('[columns]\nlive = ["state", "rtq"]', "line 2: columns.live names 'rtq'; there are mark, state"),
        ('[columns]\nother = ["state"]', "line 2: columns.other is no table; there are live, capture"),
        ("[thresholds]\nclose_wait_z = 1", "line 2: thresholds.close_wait_z is wrong: there is no threshold"),
        ('[thresholds]\nclose_wait_s = "x"', "line 2: thresholds.close_wait_s is wrong"),
        ('[keys]\nsprt = "x"', "line 2: keys.sprt is nothing that a key does; there are live, capture"),
        ('[keys]\nsort = "ctrl+a"', "line 2: keys.sort is 'ctrl+a', not one character or one of f2 to f10"),
        ('[keys]\nsort = "y"', "line 2: keys.sort is 'y', which is the key of 'copy'"),
        ('[keys]\nsort = "Z"\nundo = "Z"', "line 3: keys.undo is 'Z' like another entry"),
        ("thresholds = 3", "line 1: thresholds is 3, not a table: write [thresholds]"),
        ("theme = ", "line 1"),
    ],
)
def test_a_wrong_entry_is_told_with_its_line(file: Path, text: str, told: str) -> None:
    file.write_text(text + "\n")
    (trouble,) = read_configuration().troubles
    assert told in trouble
    assert str(file) in trouble
    assert "\n" not in trouble


def test_the_rest_of_a_wrong_file_holds(file: Path) -> None:
    file.write_text('theme = "blue"\ninterval = 3\n[keys]\nsort = "Z"\nnothing = "x"\n')
    settings = read_configuration()
    assert (settings.interval, settings.keys, len(settings.troubles)) == (3.0, {"sort": "Z"}, 2)


def test_two_keys_may_change_places(file: Path) -> None:
    file.write_text('[keys]\nsort = "y"\ncopy = "s"\n')
    settings = read_configuration()
    assert settings.troubles == ()
    assert settings.keys == {"sort": "y", "copy": "s"}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x00", b"a = " * 10])
def test_what_is_no_toml_is_one_line(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    (trouble,) = read_configuration().troubles
    assert "nothing of it is used" in trouble


def test_written_when_asked_and_never_over_one(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--write-config"]) == 0
    text = file.read_text()
    assert read_configuration() == Configuration()
    bare = "\n".join(line.removeprefix("#") for line in text.split("\n") if not line.startswith("# "))
    assert set(tomli.loads(bare)) == {
        "theme", "language", "interval", "ascii", "mouse", "columns", "thresholds", "keys",
    }  # fmt: skip
    file.write_text(bare)
    assert read_configuration().troubles == ()  # each entry as it is written is a right one
    capsys.readouterr()
    assert main(["info", "--write-config"]) == 2
    assert "there is" in capsys.readouterr().err
    assert file.read_text() == bare


def test_a_theme_is_kept_and_the_rest_left(file: Path) -> None:
    file.write_text('# mine\ninterval = 3\ntheme = "dark" # night\n[keys]\nsort = "Z"\n')
    assert keep_theme("light") == f"kept in {file}"
    assert file.read_text() == '# mine\ninterval = 3\ntheme = "light" # night\n[keys]\nsort = "Z"\n'
    file.write_text('[keys]\nsort = "Z"\n')
    keep_theme("colour-blind")
    settings = read_configuration()
    assert (settings.theme, settings.keys, settings.troubles) == ("colour-blind", {"sort": "Z"}, ())


def test_the_command_line_wins(file: Path) -> None:
    file.write_text('language = "zh"\n[thresholds]\nclose_wait_zz = 1\n')

    def told(*words: str) -> str:
        command = [sys.executable, "-m", "tui.cli", "explain", "write: broken pipe", *words]
        return subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False, timeout=60).stdout

    chinese, english = told(), told("--lang", "en")
    assert any("\u4e00" <= one <= "\u9fff" for one in chinese)
    assert not any("\u4e00" <= one <= "\u9fff" for one in english)


async def test_what_is_wrong_is_said_on_the_screen() -> None:
    app = app_of(INCIDENT, warnings=("config.toml line 3: theme is 'blue'", "another"))
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "line 3: theme is 'blue'; and 1 more" in screen_text(app))


async def test_columns_are_those_that_were_named() -> None:
    app = app_of(INCIDENT, columns={"capture": ("cause", "originator")})
    async with app.run_test(size=(160, 24)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        head = next(line for line in screen_text(app).split("\n") if "Originator" in line)
        assert "Cause" in head
        assert "Responder" not in head


async def test_a_theme_from_the_key_is_kept(file: Path) -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        await pilot.press("ctrl+t")
        await until(pilot, lambda: "Theme light" in screen_text(app))
        assert app.theme == "tcptriage-light"
    assert read_configuration().theme == "light"


@pytest.mark.parametrize(
    ("before", "table", "name", "value", "after"),
    [
        ("", "", "theme", "light", 'theme = "light"\n'),
        ("[keys]\n", "", "interval", 2.0, "interval = 2\n[keys]\n"),
        ("# auto\n#ascii = false\n", "", "ascii", True, "# auto\nascii = true\n"),
        ("[thresholds]\n#close_wait_s = 10\n", "thresholds", "close_wait_s", 5.0, "[thresholds]\nclose_wait_s = 5\n"),
        (
            "[thresholds] # mine\nx = 1\n",
            "thresholds",
            "close_wait_s",
            5,
            "[thresholds] # mine\nclose_wait_s = 5\nx = 1\n",
        ),
        ("theme = 'dark'\n", "thresholds", "y", 0.5, "theme = 'dark'\n\n[thresholds]\ny = 0.5\n"),
        ("[a]\n interval = 3 # slow\n", "a", "interval", 4, "[a]\n interval = 4 # slow\n"),
        ("[a]\ninterval = 3\n", "", "interval", 4, "interval = 4\n[a]\ninterval = 3\n"),
    ],
)
def test_an_entry_is_put_in_its_place(before: str, table: str, name: str, value: str | float, after: str) -> None:
    assert put(before, table, name, value) == after


async def test_the_palette_writes_what_this_run_has(file: Path) -> None:
    app = app_of(interval=60.0, thresholds=("close_wait_s=7",))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.screen._look is not None)  # type: ignore[attr-defined]
        app.screen._judge_by(app.screen._judged_by().changed(["fin_wait_2_s=9"]))  # type: ignore[attr-defined]
        await pilot.press("colon", *"write the conf")
        await until(pilot, lambda: "Write the configuration" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "kept in" in screen_text(app))
    text = file.read_text()
    settings = read_configuration()
    assert settings.troubles == ()
    assert (settings.theme, settings.interval) == ("dark", 60.0)
    assert set(settings.thresholds) == {"close_wait_s=7", "fin_wait_2_s=9"}
    assert "#sort" in text  # the other entries stand there, with what is allowed


async def test_a_file_that_cannot_be_edited_is_left_as_it_is(file: Path) -> None:
    for text in ("thresholds = { close_wait_s = 3 }\n", "x = [broken\n"):
        file.write_text(text)
        app = app_of(interval=60.0, thresholds=("close_wait_s=7",))
        async with app.run_test(size=(120, 30)) as pilot:
            await until(pilot, lambda app=app: app.screen.is_mounted)  # type: ignore[misc]
            await app.run_action("keep_settings")
            await until(pilot, lambda app=app: "not kept" in screen_text(app))  # type: ignore[misc]
        assert file.read_text() == text
