"""Charts of a course in time, drawn in dots (braille), in eighths of a block or in ASCII, with axes and the last value.

A column is an equal span of time, counted from the epoch: a chart changes when a span is over, not at each look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tui.text.charts import ASCII_BARS, BARS
from tui.text.column_layout import cells, fit
from tui.text.language import tr
from tui.text.quantities import duration

Style = Literal["braille", "blocks", "ascii"]
AXIS = 8
"""Cells before a chart: the value of its top and of its bottom."""
_DOTS = (0x40, 0x44, 0x46, 0x47), (0x80, 0xA0, 0xB0, 0xB8)  # of a braille cell, left and right, from the bottom up


@dataclass(frozen=True, slots=True)
class Course:
    """What is drawn: (epoch seconds, value), oldest first; `unit` follows a value ("", "/s")."""

    name: str
    unit: str
    points: Sequence[tuple[float, float]]


def chart(course: Course, span: float, width: int, height: int, style: Style) -> list[str]:
    """The last `span` seconds of a course in `width` cells: a title, `height` lines, and the line of times."""
    inner = max(10, width - AXIS)
    per_cell = 2 if style == "braille" else 1
    values = spans(course.points, span, inner * per_cell)
    known = [value for value in values if value is not None]
    top = max(known, default=0.0)
    drawn = _drawn(values, top, height, style)
    axis = [f"{_short(top):>{AXIS - 2}} ┤", *[f"{'':{AXIS - 2}} │"] * (height - 2), f"{0:>{AXIS - 2}} ┤"]
    if style == "ascii":
        axis = [line.replace("┤", "+").replace("│", "|") for line in axis]
    return [
        _title(course, top, width),
        *(left + line for left, line in zip(axis[-height:], drawn, strict=True)),
        _times(span, inner, "+" if style == "ascii" else "└"),
    ]


def spans(points: Sequence[tuple[float, float]], span: float, bins: int) -> list[float | None]:
    """The highest value in each of `bins` equal spans that end with the last point's; None before the first point.

    A span without a point of its own has the value before it: looks may be further apart than spans.
    """
    out: list[float | None] = [None] * bins
    if not points:
        return out
    length = span / bins
    first = int(points[-1][0] // length) - bins + 1
    held: float | None = None
    for time, value in points:
        at = int(time // length) - first
        if at < 0:
            held = value  # still so when the spans begin
        else:
            before = out[at]
            out[at] = value if before is None else max(before, value)
    for at, known in enumerate(out):
        held = held if known is None else known
        out[at] = held
    return out


def _drawn(values: Sequence[float | None], top: float, height: int, style: Style) -> list[str]:
    """From the top line down. A value above zero is seen, however small it is beside the top."""
    steps = height * (4 if style == "braille" else 8)
    levels = [0 if value is None or top <= 0 or value <= 0 else max(1, round(value / top * steps)) for value in values]
    if style == "braille":
        pairs = list(zip(levels[::2], levels[1::2], strict=True))
        return ["".join(_braille(left - 4 * row, right - 4 * row) for left, right in pairs) for row in _down(height)]
    bars = ASCII_BARS if style == "ascii" else BARS
    return ["".join(bars[max(0, min(8, level - 8 * row))] for level in levels) for row in _down(height)]


def _down(height: int) -> range:
    return range(height - 1, -1, -1)


def _braille(left: int, right: int) -> str:
    dots = 0
    for side, level in zip(_DOTS, (left, right), strict=True):
        if level > 0:
            dots |= side[min(4, level) - 1]
    return chr(0x2800 + dots) if dots else " "


def _title(course: Course, top: float, width: int) -> str:
    now = course.points[-1][1] if course.points else 0.0
    label = tr("{now} now, {most} most", now=f"{_short(now)}{course.unit}", most=f"{_short(top)}{course.unit}")
    return fit(f"{course.name}  {label}", width).rstrip()


def _times(span: float, inner: int, corner: str) -> str:
    """Where on the line the span began, its middle, and now."""
    begin, middle, end = f"-{duration(span)}", f"-{duration(span / 2)}", tr("now")
    line = list(fit(begin, inner))
    if inner >= 40:
        at = (inner - len(middle)) // 2
        line[at : at + len(middle)] = middle
    line[inner - cells(end) :] = end
    return f"{'':{AXIS - 2}} {corner}{''.join(line)}"


def _short(value: float) -> str:
    for least, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= least:
            return f"{value / (1e3 if unit == 'k' else least):.0f}{unit}"
    return f"{value:.1f}".removesuffix(".0") if value < 10 else f"{value:.0f}"
