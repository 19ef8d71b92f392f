"""Spans of a capture's time: what they count is what their filter keeps."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from capture.filters import parse
from capture.triage import triage
from tui.rows.time_spans import TimeSpans, with_time

INCIDENT = Path(__file__).parents[3] / "tui" / "examples" / "incident.pcap"


@pytest.mark.parametrize(("first", "last"), [(0.0, 0.1), (0.3, 0.55), (0.9, 1.0)])
def test_a_span_counts_what_its_filter_keeps(first: float, last: float) -> None:
    (one,) = triage([str(INCIDENT)])
    spans = TimeSpans([one])
    low, high = (spans.start + part * (spans.end - spans.start) for part in (first, last))
    low, high = round(low, 3), round(high, 3)
    kept = parse(f"time:{spans.text(low, high)}").select(one.decoded.flows, one.verdicts)
    assert int(kept.sum()) == spans.living(low, high) > 0
    assert sum(spans.bars(40)) == 128


def flows(*times: tuple[float, float]) -> Any:
    columns = (np.array(column, np.int64) * 10**9 for column in zip(*times, strict=True))
    return SimpleNamespace(
        decoded=SimpleNamespace(
            flows=SimpleNamespace(**dict(zip(("lowest_time", "highest_time"), columns, strict=True)))
        )
    )


def test_a_capture_over_midnight_is_brushed_with_dates_and_a_long_one_by_seconds() -> None:
    spans = TimeSpans([flows((86_000, 86_300), (86_500, 90_100))])
    assert spans.text(86_000, 86_401) == "1970-01-01T23:53:20..1970-01-02T00:00:00"
    assert TimeSpans([flows((10, 20))]).text(11.5, 12.0) == "00:00:11.500..00:00:11.999"
    assert not TimeSpans([])


def test_the_span_takes_the_place_of_the_one_before() -> None:
    assert with_time("", "1:00..2:00") == "time:1:00..2:00"
    assert with_time("time:10:40 cause:aborted", "1:00..2:00") == "cause:aborted time:1:00..2:00"
    assert with_time("port:80", "1:00..2:00") == "port:80 time:1:00..2:00"
