"""Moments as reports write them."""

from __future__ import annotations

from capture.language import tr


def utc(nanoseconds: int) -> str:
    """A moment in UTC to the second; a moment no calendar holds as its epoch seconds."""
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return tr("epoch {seconds} s", seconds=f"{nanoseconds / 1e9:.0f}")
