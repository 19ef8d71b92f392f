"""Screens in Chinese: told so, in line, and as wide as the terminal."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from capture.language import choose
from tests.tui.screens.helping import INCIDENT, app_of, screen_text, until
from tui.terminal.detection import Terminal

SIZES = ((80, 24), (60, 20), (160, 45))


def strips(app: object) -> list[str]:
    """The lines of the screen, whose characters may take two cells."""
    return [strip.text for strip in app.screen._compositor.render_strips()]  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_capture_is_shown_in_chinese(size: tuple[int, int]) -> None:
    choose("zh")
    app = app_of(INCIDENT)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: all(said in "".join(strips(app)) for said in ("128", "client_gave_up", "放弃")))
        text = "\n".join(strips(app))
        assert "1 实时  2 抓包  3 手册  4 证据" in text
        assert "的 20 个客户端在响应完整之前放弃" in text
        assert "发起方" in text
        assert "? 帮助  q 退出" in text
        assert {cell_len(line) for line in strips(app)} == {size[0]}


async def test_a_ladder_keeps_its_lifelines_in_line() -> None:
    choose("zh")
    app = app_of(INCIDENT, filter="port:56126")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "10.1.1.1:56126" in "".join(strips(app)))
        await pilot.press("enter")
        await until(pilot, lambda: "静默 801ms" in "\n".join(strips(app)))
        drawn = [line for line in strips(app) if any(mark in line for mark in "│┆")]
        assert len({cell_len(line[: min(line.index(m) for m in "│┆" if m in line)]) for line in drawn}) == 1
        ends = {cell_len(line[: max(line.rindex(m) for m in "│┆" if m in line)]) for line in drawn}
        assert len(ends) == 1
        assert "等待应答的最后一份数据" in "\n".join(strips(app))


async def test_help_and_playbooks_are_told_in_chinese() -> None:
    choose("zh")
    app = app_of(interval=60)
    async with app.run_test(size=(100, 60)) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: "通用按键" in "\n".join(strips(app)))
        assert "线条接不上时在启动时使用" in "\n".join(strips(app))
        await pilot.press("q", "3")
        await until(pilot, lambda: "全连接队列与 backlog：连接已完成，却没人 accept" in "\n".join(strips(app)))
        assert {cell_len(line) for line in strips(app)} == {100}


async def test_ascii_draws_lines_plain_and_keeps_the_chinese() -> None:
    choose("zh")
    app = app_of(INCIDENT, terminal=Terminal(mouse=False, ascii=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: all(said in "".join(strips(app)) for said in ("128", "client_gave_up", "放弃")))
        written = "".join(
            segment.text
            for strip in app.screen._compositor.render_strips()
            for filter in app.get_line_filters()
            for segment in filter.apply(list(strip), app.screen.styles.background)
        )
        assert "抓包" in written
        assert {one for one in written if not one.isascii() and cell_len(one) == 1} == set()


async def test_without_a_choice_the_screen_is_english() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "128" in screen_text(app))
        assert not any("\u4e00" <= one <= "\u9fff" for one in screen_text(app))
