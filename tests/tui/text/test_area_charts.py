"""Charts of a course in time: what is drawn is what was counted, in any of the three styles."""

from __future__ import annotations

import pytest

from tui.text.area_charts import AXIS, Course, Style, chart, spans
from tui.text.column_layout import cells

STYLES: tuple[Style, ...] = ("braille", "blocks", "ascii")


def course(*values: float, begin: float = 1000.0) -> Course:
    return Course("resets", "/s", [(begin + at, value) for at, value in enumerate(values)])


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("width", [30, 60, 117])
def test_every_line_fits_and_says_top_bottom_and_now(style: Style, width: int) -> None:
    lines = chart(course(0, 5, 40, 3), 300, width, 4, style)
    assert len(lines) == 6
    assert all(cells(line) <= width for line in lines)
    assert lines[0].startswith("resets")
    assert "3/s now" in lines[0]
    assert lines[1].startswith("    40")
    assert lines[4].startswith("     0")
    assert lines[-1].endswith("now")
    if style == "ascii":
        assert "".join(lines).isascii()


def test_one_beside_a_million_is_still_seen() -> None:
    for style in STYLES:
        bottom = chart(course(1_000_000, *[0] * 40, 1, 0), 60, 80, 4, style)[4][AXIS:]
        assert len(bottom.strip()) > 1, style
        assert bottom.split()[1:], style  # the small one stands apart


def test_before_the_first_look_there_is_nothing_and_between_looks_the_last_value() -> None:
    assert spans([(100.0, 2.0), (104.0, 3.0)], 8, 8) == [None, None, None, 2.0, 2.0, 2.0, 2.0, 3.0]
    assert spans([(10.0, 9.0), (104.0, 3.0)], 4, 4) == [9.0, 9.0, 9.0, 3.0]
    assert spans([], 4, 4) == [None] * 4


def test_a_span_shows_the_most_of_it() -> None:
    assert spans([(100.0, 1.0), (100.4, 7.0), (100.8, 2.0)], 3, 3)[-1] == 7.0


def test_a_chart_stands_still_until_a_span_is_over() -> None:
    before = spans([(float(at), float(at % 5)) for at in range(1000, 1018)], 300, 60)
    after = spans([(float(at), float(at % 5)) for at in range(1000, 1020)], 300, 60)
    assert before[:-1] == after[:-1]
