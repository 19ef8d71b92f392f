"""A page is broken so that it can still be read, and a drawing is not broken at all."""

from __future__ import annotations

from rich.console import Console

from tui.widgets.paper import shown


def lines(page: str, width: int, *, cut_fences: bool = False) -> list[str]:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(shown(page, cut_fences=cut_fences))
    return [line.rstrip() for line in console.export_text().rstrip("\n").split("\n")]


def test_what_is_broken_off_stands_under_where_its_line_begins() -> None:
    assert lines("  one two three four", 12) == ["  one two", "  three four"]
    assert lines("why    it was so and not other", 18) == ["why    it was so", "       and not", "       other"]


def test_a_drawing_is_cut_where_asked() -> None:
    page = "a b c d e f\n```\n|---------->|\n```"
    assert lines(page, 8, cut_fences=True) == ["a b c d", "e f", "```", "|------…", "```"]
    assert "…" not in "".join(lines(page, 8))
