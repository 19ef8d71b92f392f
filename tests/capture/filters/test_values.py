"""Units and ranges of a filter's values."""

from __future__ import annotations

from math import inf

import pytest

from capture.filters.matchers import Nothing, Span
from capture.filters.values import COUNTS, SECONDS, SIZES, BareDurationError, quantity, span

UNITS = [
    (SIZES, {"": 1, "b": 1, "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9}),
    (SIZES, {"t": 10**12, "tb": 10**12, "ki": 1024, "kib": 1024, "mi": 1024**2, "mib": 1024**2}),
    (SIZES, {"gi": 1024**3, "gib": 1024**3, "ti": 1024**4, "tib": 1024**4}),
    (SECONDS, {"": 1, "s": 1, "sec": 1, "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "m": 60}),
    (SECONDS, {"min": 60, "h": 3600, "d": 86400}),
    (COUNTS, {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}),
]


@pytest.mark.parametrize(("units", "worth"), UNITS)
def test_units(units: dict[str, float], worth: dict[str, float]) -> None:
    for unit, each in worth.items():
        assert quantity(f"2.5{unit}", units) == pytest.approx(2.5 * each)
        assert quantity(f"3{unit.upper()}", units) == pytest.approx(3 * each)


def test_no_other_units() -> None:
    for units in (SIZES, SECONDS, COUNTS):
        known = set().union(*(worth for each, worth in UNITS if each is units))
        assert units.keys() == known
    for wrong in ("", "k", "1.", "1.2.3", "-1", "1 k", "1kk", "x1"):
        with pytest.raises(ValueError, match=r".*"):
            quantity(wrong, SIZES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (">5k", Span(low=5000, low_open=True)),
        (">=5", Span(low=5)),
        ("≥5", Span(low=5)),
        ("<5", Span(high=5, high_open=True)),
        ("<=5", Span(high=5)),
        ("≤.5", Span(high=0.5)),
        ("5", Span(5, 5)),
        ("=5", Span(5, 5)),
        ("5..9", Span(5, 9)),
        ("..9", Span(-inf, 9)),
        ("5..", Span(5, inf)),
        ("none", Nothing()),
        ("NULL", Nothing()),
    ],
)
def test_spans(text: str, expected: Span | Nothing) -> None:
    assert span(text, COUNTS) == expected


def test_a_bare_duration_is_never_meant() -> None:
    with pytest.raises(BareDurationError):
        span("5", SECONDS, bare=False)
    assert span("=5", SECONDS, bare=False) == Span(5, 5)
