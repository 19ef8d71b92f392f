"""`--lang`: on every command, else the locale; JSON stays English."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from rich.cells import cell_len

from capture.language import chosen
from tui.arguments.shell_words import parsers
from tui.cli import main

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


def test_a_report_is_told_in_chinese_with_columns_in_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--lang", "zh", "tui/examples/incident.pcap"]) == 0
    said = capsys.readouterr().out
    assert "  警告     10.1.1.2:80 的 20 个客户端在响应完整之前放弃\n" in said
    assert "客户端在约 801 ms 后放弃（20 条中有 20 条）。怎样判别：" in said
    assert "如果服务端再写，会得到 EPIPE（broken pipe）；" in said
    assert "client gave up waiting" not in said


def test_markdown_is_told_in_chinese_and_its_ladder_stands_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.cells import cell_len

    assert main(["report", "--lang", "zh", "--format", "md", "tui/examples/incident.pcap"]) == 0
    said = capsys.readouterr().out
    assert "# `tui/examples/incident.pcap` 的 TCP 诊断\n" in said
    lanes = [line for line in said.splitlines() if line.count("|") == 2 and line.startswith((" ", "*"))]
    assert lanes
    assert {cell_len(line[: line.index("|")]) for line in lanes} == {33}
    assert {cell_len(line[: line.rindex("|")]) for line in lanes} == {64}


def test_a_check_is_told_in_chinese_and_its_commands_stay(capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "nginx-499", "--lang", "zh", "--set", "capture=tui/examples/incident.pcap"])
    said = capsys.readouterr().out
    assert "失败     抓包中谁先关闭\n" in said
    assert "           128 条连接中的 40 条：client_gave_up 40\n" in said
    assert "         = 这些客户端先离开了。\n" in said
    assert "         $ nginx -T | grep -n proxy_ignore_client_abort\n" in said


def test_fixes_of_a_playbook_keep_their_snippets_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    from capture.language import choose
    from playbooks.loader import load_all

    english = load_all()
    choose("zh")
    chinese = load_all()
    assert list(english) == list(chinese)
    for name, book in english.items():
        for one, other in zip(book.fixes, chinese[name].fixes, strict=True):
            told = (one.id, one.snippet, one.apply, one.verify, one.undo, one.risk, one.lasts, one.who)
            assert told == (
                other.id,
                other.snippet,
                other.apply,
                other.verify,
                other.undo,
                other.risk,
                other.lasts,
                other.who,
            )
            assert one.title != other.title or (one.title.isascii() and " " not in one.title.replace(": ", ":"))
        for step, same in zip(book.steps, chinese[name].steps, strict=True):
            assert (step.id, step.command, step.next, step.offers) == (same.id, same.command, same.next, same.offers)
            assert step.question != same.question


def test_explained_lines_are_told_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain", "--lang", "zh", LINE])
    said = capsys.readouterr().out
    assert "本端写入了对端已经关闭的连接" in said
    assert "手册: broken-pipe" in said


COMMANDS = ("report", "sockets", "explain", "compare", "fleet", "playbooks", "check", "watch", "cases", "demo", "info")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_told_in_chinese_and_fits_the_terminal(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with suppress(SystemExit):
        main([*([command] if command else []), "--lang", "zh", "--help"])
    told = capsys.readouterr().out
    assert "用法：" in told
    assert [line for line in told.splitlines() if cell_len(line) > 80 and not line.isascii()] == []
    english = [line for line in told.splitlines() if line.startswith(" " * 24) and line.isascii() and "=" not in line]
    assert english == []  # what an option does is told in Chinese
    if not command:
        assert len(told.splitlines()) <= 23


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "--fail-on", "x", "y"], "不能是 'x'"),
        (["explain", "--nope"], "无法识别的参数：--nope"),
        (["watch", "--for", "abc"], "不是时长"),
        (["sockets", "--intreval", "3"], "是不是 --interval？"),
        (["report"], "缺少参数：FILE"),
    ],
)
def test_complaints_of_options_are_told_in_chinese(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--lang=zh"]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert "--help" in told
