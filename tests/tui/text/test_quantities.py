from __future__ import annotations

import pytest

from tui.text.quantities import count, duration, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "40ms"), (0.9999, "1.0s"), (3.21, "3.2s"), (59.9, "59s"), (185, "3m05"), (3600, "1h00"), (400_000, "4d")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
    assert duration(seconds, at_least=True) == "≥" + text


@pytest.mark.parametrize(("number", "text"), [(812, "812"), (14_200, "14.2k"), (3_100_000, "3.1M"), (999_600, "1.0M")])
def test_size(number: int, text: str) -> None:
    assert size(number) == text


def test_count() -> None:
    assert count(1, "socket") == "1 socket"
    assert count(1190, "socket") == "1,190 sockets"
