from __future__ import annotations

import pytest
from rich.console import Console

from tui.terminal.detection import prepare_textual, terminal_of


@pytest.mark.parametrize(
    ("environ", "ascii"),
    [
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, True),
        ({"LANG": "C.UTF-8"}, False),
        ({"LC_CTYPE": "POSIX"}, True),
        ({}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
    ],
)
def test_ascii_where_the_locale_has_no_more(environ: dict[str, str], ascii: bool) -> None:
    assert terminal_of(environ).ascii is ascii


def test_what_was_asked_for_wins() -> None:
    assert terminal_of({"LANG": "en_US.UTF-8"}, ascii=True).ascii
    assert terminal_of({"COLORFGBG": "0;15"}, theme="high-contrast").theme == "high-contrast"
    assert terminal_of({"COLORFGBG": "0;15"}).theme == "light"
    assert terminal_of({}).theme == "dark"


def test_no_color() -> None:
    assert not terminal_of({"NO_COLOR": ""}).colours
    assert not terminal_of({"TERM": "dumb"}).colours


def test_few_frames_over_ssh() -> None:
    environ = {"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}
    prepare_textual(terminal_of(environ), environ)
    assert environ["TEXTUAL_FPS"] == "10"
    assert environ["TEXTUAL_ANIMATIONS"] == "none"


def test_what_the_user_set_stays() -> None:
    environ = {"TEXTUAL_FPS": "5"}
    prepare_textual(terminal_of(environ), environ)
    assert environ["TEXTUAL_FPS"] == "5"


@pytest.mark.parametrize(
    ("environ", "few"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "linux"}, True),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, False),
        ({"TERM": "xterm-kitty"}, False),
    ],
)
def test_where_there_are_16_colours(environ: dict[str, str], few: bool) -> None:
    assert terminal_of(environ).few_colours is few


@pytest.mark.parametrize(
    ("environ", "erases"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x"}, True),
        ({"TERM": "screen-256color", "TMUX": "/tmp/x"}, True),
        ({"TERM": "screen-256color"}, False),
        ({"TERM": "xterm-256color", "STY": "1.x"}, False),
        ({"TERM": "linux"}, True),
        ({"TERM": "vt220"}, False),
        ({}, False),
    ],
)
def test_who_fills_what_it_erases(environ: dict[str, str], erases: bool) -> None:
    assert terminal_of(environ).erases is erases


def test_a_dumb_terminal_is_as_large_as_it_says() -> None:
    environ = {"TERM": "dumb"}
    prepare_textual(terminal_of(environ), environ)
    assert not Console(_environ=environ, force_terminal=True).is_dumb_terminal
