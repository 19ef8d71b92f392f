"""When: spans of a clock or a calendar, and the last seconds; the same of columns and of single connections."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from capture.filters import FilterError, parse
from capture.filters.moments import DAY, Lived, moments
from capture.triage import triage
from tests.capture.filters.rows import Row, Verdicts, flow_table

INCIDENT = Path(__file__).parents[3] / "tui" / "examples" / "incident.pcap"  # 2026-11-21 10:40:06 to 10:40:12 UTC
NOON = 20_000 * DAY + 12 * 3600  # of some day, UTC


@pytest.mark.parametrize(
    ("text", "first", "last", "meets"),
    [
        ("12:00", NOON + 59.9, NOON + 59.9, True),  # the minute that was written belongs to it
        ("12:00", NOON + 60, NOON + 60, False),
        ("12:00:00..12:00:04", NOON + 4.9, NOON + 9, True),
        ("12:00:00..12:00:04", NOON + 5, NOON + 9, False),
        ("12:00:00..12:00:04", NOON - 5, NOON - 0.1, False),
        ("12:00:00..12:00:04", NOON - 5, NOON + 50, True),  # it lived all through
        ("12:00:00.25", NOON + 0.2599, NOON + 0.2599, True),
        ("..12:00", NOON - 9000, NOON - 9000, True),
        ("12:01..", NOON, NOON + 1, False),
        ("23:59..00:01", NOON + DAY / 2 + 30, NOON + DAY / 2 + 30, True),  # over midnight
        ("23:59..00:01", NOON, NOON + 1, False),
        ("03:00", NOON, NOON + 30 * DAY, True),  # each day has three o'clock
        ("2024-10-04T12:00..12:30", NOON, NOON, True),
        ("2024-10-04", NOON, NOON, True),
        ("2024-10-05", NOON, NOON, False),
        ("2024-10-04", NOON - DAY / 2, NOON - DAY / 2, True),
        ("2024-10-04", NOON - DAY / 2 - 0.1, NOON - DAY / 2 - 0.1, False),
        ("2024-10-04", NOON + DAY / 2 - 0.1, NOON + DAY / 2 - 0.1, True),
        ("2024-10-04", NOON + DAY / 2, NOON + DAY / 2, False),
        ("00:00", NOON - DAY / 2, NOON - DAY / 2, True),
        ("..00:00", NOON - DAY / 2 + 59.9, NOON - DAY / 2 + 59.9, True),
        ("..00:00", NOON - DAY / 2 + 60, NOON - DAY / 2 + 60, False),
        ("12:00..12:00", NOON + DAY / 2, NOON + DAY / 2, False),
        ("12:01..12:00", NOON + 60, NOON + 60, True),  # all day round
        ("..12:00", NOON - DAY / 2 + 0.5, NOON - DAY / 2 + 0.5, True),  # from the day's begin
        ("2024-10-03T..", NOON, NOON, True),
    ],
)
def test_a_span_meets_what_lived_in_it(text: str, first: float, last: float, meets: bool) -> None:
    one = moments(text) if text != "2024-10-03T.." else moments("2024-10-03..")
    assert one.test(Lived(first, last)) is meets
    assert one.meets(np.array([first]), np.array([last])).tolist() == [meets]


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "25:00",
        "24:01",
        "24:00:01",
        "10:60",
        "10:00:61",
        "10",
        "..",
        "2026-13-01",
        "2026-11-21T11:00..10:00",
        "2026-11-21..2026-11-20",
        "",
    ],
)
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(ValueError):
        moments(text)
    if text:
        with pytest.raises(FilterError, match="is no time: 10:40"):
            parse(f"time:{text}")


@pytest.mark.parametrize("text", ["24:00", "10:59", "10:00:60"])
def test_the_last_minute_and_a_leap_second_are_times(text: str) -> None:
    moments(text)


def test_events_go_by_the_local_clock_unless_z_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        event = Lived(NOON, NOON, local=True)
        assert moments("20:00").test(event)
        assert not moments("12:00").test(event)
        assert moments("12:00Z").test(event)
        assert moments("12:00").test(Lived(NOON, NOON))
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("time:10:40:08..10:40:09", True),
        ("-time:10:40:08..10:40:09", True),
        ("last:500ms", True),
        ("last:1h -last:2s", True),
        ("time:2026-11-21T10:40", True),
        ("time:11:00..12:00", False),
    ],
)
def test_columns_and_connections_agree(text: str, some: bool) -> None:
    (one,) = triage([str(INCIDENT)])
    flows, parsed = one.decoded.flows, parse(text)
    end = int(flows.highest_time.max())
    kept = parsed.select(flows, one.verdicts).nonzero()[0].tolist()
    assert kept == [i for i in range(len(flows)) if parsed.matches_connection(one.connection(i), end)]
    assert bool(kept) is some


def test_live_sockets_know_how_new_their_state_is_and_no_time() -> None:
    assert parse("last:30s").matches_socket(Row(age_s=12))
    assert not parse("last:10s").matches_socket(Row(age_s=12))
    assert not parse("time:10:40").matches_socket(Row())
    (said,) = parse("time:10:40").misplaced("socket")
    assert "last:30s" in said.message
    assert parse("time:10:40 last:3s").misplaced("event") == ()
    assert parse("last:30s").misplaced("connection") == ()
    with pytest.raises(FilterError, match="is no length of time"):
        parse("last:soon")


@pytest.mark.parametrize(
    ("text", "lasts"),
    [("10:00", 60.0), ("10:00:00", 1.0), ("10:00:00.5", 0.1), ("10:00:00.25", 0.01), ("2024-10-03", 86400.0)],
)
def test_a_time_lasts_as_long_as_its_last_unit(text: str, lasts: float) -> None:
    found = moments(text)
    assert found.high - found.low == pytest.approx(lasts)


def test_the_hour_24_is_the_days_end() -> None:
    assert moments("23:00..24:00").test(Lived(NOON + DAY / 2 - 1, NOON + DAY / 2 - 1))
    for text in ("24:01", "24:00:01", "24:01:01"):
        with pytest.raises(ValueError, match=text):
            moments(text)


def test_the_last_seconds_end_with_what_was_that_long_ago() -> None:
    (recent,) = [matcher for clause in parse("last:5s").clauses for _, matcher in clause.tests]
    assert recent.test(5.0)
    assert not recent.test(5.001)
    assert not recent.test(None)
    flows = flow_table()
    latest = int(flows.highest_time.max())
    ages = (latest - flows.highest_time) / 1e9
    for age in ages.tolist():
        chosen = parse(f"last:{age}s").select(flows, Verdicts())  # type: ignore[arg-type]
        assert chosen.tolist() == (ages <= age).tolist()
