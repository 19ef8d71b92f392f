"""The screen's own words in another language, and lines of Chinese."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from capture.language import choose
from tui.text.column_layout import wrap
from tui.text.language import count, tr
from tui.widgets.bars import KeyBar


def test_a_word_of_the_screen_is_told_in_the_chosen_language() -> None:
    assert tr("filter") == "filter"
    choose("zh")
    assert tr("filter") == "过滤"
    assert tr("a word that nobody translated") == "a word that nobody translated"


def test_counted_nouns_take_their_english_plural() -> None:
    assert (count(1, "event"), count(2, "event")) == ("1 event", "2 events")


@pytest.mark.parametrize("width", range(8, 40))
def test_chinese_lines_are_filled_and_begin_with_no_closing_mark(width: int) -> None:
    text = "客户端等了 801 ms 后放弃并关闭；响应姗姗来迟，遇到了 RST。如果服务端再写，会得到 EPIPE（broken pipe）。"
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not any(line[0] in "，。；）" for line in lines)
    assert not any(line[-1] == "（" for line in lines)
    assert max(cell_len(line) for line in lines) >= width - 4


def test_keys_are_counted_by_their_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    choose("zh")
    bar = KeyBar((("Enter", "open"), ("/", "filter"), ("?", "help"), ("q", "quit")))
    monkeypatch.setattr(KeyBar, "size", property(lambda self: type("S", (), {"width": 30})()))
    assert bar.render().plain == " Enter 打开  ? 帮助  q 退出 "  # type: ignore[union-attr]
