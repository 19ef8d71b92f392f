"""Quantities as people read them: short, and never with more precision than they carry."""

from __future__ import annotations

import time

from tui.text.language import count as count


def duration(seconds: float, *, at_least: bool = False) -> str:
    """A span in at most five characters: 40ms, 3.2s, 59s, 12m, 3h05, 4d; `≥` before a minimum."""
    mark = "≥" if at_least else ""
    if seconds < 0.9995:
        return f"{mark}{seconds * 1000:.0f}ms"
    if seconds < 9.95:
        return f"{mark}{seconds:.1f}s"
    if seconds < 60:
        return f"{mark}{int(seconds)}s"
    if seconds < 3600:
        minutes, rest = divmod(int(seconds), 60)
        return f"{mark}{minutes}m{rest:02}" if minutes < 10 else f"{mark}{minutes}m"
    if seconds < 86400:
        hours, rest = divmod(int(seconds), 3600)
        return f"{mark}{hours}h{rest // 60:02}"
    return f"{mark}{int(seconds // 86400)}d"


def left_of(seconds: float) -> str:
    """What a timer has left, in steps of five seconds where it is long: a screenful that counts down every second
    would be a kilobyte a second."""
    return duration(seconds if seconds < 10 else 5 * round(seconds / 5))


def milliseconds(value: float) -> str:
    """A latency with two or three digits that count: 0.02ms, 4.1ms, 830ms, 2.1s."""
    if value >= 1000:
        return f"{value / 1000:.1f}s"
    return f"{value:.0f}ms" if value >= 100 else f"{value:.1f}ms" if value >= 1 else f"{value:.2f}ms"


def size(count: float) -> str:
    """Bytes in at most six characters: 812, 14.2k, 3.1M; in thousands, as networks count."""
    if count < 10_000:
        return f"{count:.0f}"
    for unit in "kMGT":
        count /= 1000
        if count < 999.5:
            return f"{count:.1f}{unit}" if count < 99.95 else f"{count:.0f}{unit}"
    return f"{count:.0f}P"


def clock(epoch: float) -> str:
    """Local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(epoch))
