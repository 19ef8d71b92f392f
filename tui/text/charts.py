"""Charts in characters, for people who look rather than read: legible without any colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

BARS = " ▁▂▃▄▅▆▇█"
ASCII_BARS = " .:-=+*#@"
EIGHTHS = "▏▎▍▌▋▊▉█"


def sparkline(values: Collection[float], width: int, *, ascii: bool = False, top: float | None = None) -> str:
    """The last `width` values as one line of bars, 0 at the bottom; any value above 0 is seen."""
    bars = ASCII_BARS if ascii else BARS
    shown = list(values)[-width:]
    most = max([*shown, top or 0.0], default=0.0)
    if most <= 0:
        return (bars[0] * len(shown)).rjust(width)
    steps = len(bars) - 1
    return "".join(
        bars[0] if value <= 0 else bars[max(1, min(steps, round(value / most * steps)))] for value in shown
    ).rjust(width)


def bar(value: float, most: float, width: int, *, ascii: bool = False) -> str:
    """A horizontal bar of at most `width` cells, padded to it."""
    if most <= 0 or value <= 0 or width <= 0:
        return " " * max(0, width)
    if ascii:
        return ("#" * max(1, round(value / most * width)))[:width].ljust(width)
    eighths = max(1, min(width * 8, round(value / most * width * 8)))
    whole, part = divmod(eighths, 8)
    return ("█" * whole + (EIGHTHS[part - 1] if part else "")).ljust(width)


def binned(times: Sequence[int], start: int, end: int, bins: int) -> list[int]:
    """How many times fall into each of `bins` equal spans of start..end (any unit, both included)."""
    counts = [0] * max(1, bins)
    span = max(1, end - start)
    for time in times:
        counts[max(0, min(bins - 1, (time - start) * bins // span))] += 1
    return counts
