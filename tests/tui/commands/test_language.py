"""`--lang`: on every command, else the locale; JSON stays English."""

from __future__ import annotations

import json

import pytest

from capture.language import chosen
from tui.cli import main
from tui.shell_words import parsers

LINE = "write tcp 10.1.2.2:8000->10.1.2.1:41960: write: broken pipe"


@pytest.mark.parametrize("command", parsers())
def test_every_command_takes_a_language(command: str) -> None:
    assert any("--lang" in action.option_strings for action in parsers()[command]._actions)


def test_an_unknown_language_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--lang", "fr", LINE]) == 2
    said = capsys.readouterr().err
    assert said.startswith("tcptriage explain: argument --lang: invalid choice: 'fr'")
    assert said.count("\n") == 1


def test_the_locale_chooses_where_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    main(["playbooks"])
    assert chosen() == "zh"
    main(["playbooks", "--lang", "en"])
    assert chosen() == "en"
    capsys.readouterr()


def test_json_is_english_whatever_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain", "--format", "json", LINE])
    english = json.loads(capsys.readouterr().out)
    main(["explain", "--lang", "zh", "--format", "json", LINE])
    assert json.loads(capsys.readouterr().out) == english
