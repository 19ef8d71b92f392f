"""What is offered below the filter's line, from the values of a real capture."""

from __future__ import annotations

from pathlib import Path

from capture.filters import parse
from capture.triage import triage
from tui.rows.filter_values import connection_values
from tui.text.filter_choices import choices

INCIDENT = Path(__file__).parents[3] / "tui" / "examples" / "incident.pcap"


def test_values_come_with_their_counts_the_most_frequent_first() -> None:
    (one,) = triage([str(INCIDENT)])
    values = connection_values([one])
    assert values["cause"] == [("normal_close", 88), ("client_gave_up", 40)]
    assert dict(values["peer"]) == {"10.1.1.1": 64, "10.1.2.1": 64, "10.1.1.2": 64, "10.1.2.2": 64}
    assert values["port"] == [("80", 64), ("8000", 64)]
    offered = choices("port:80 cause:", "connection", values, [], {})
    assert [(one.insert, one.detail) for one in offered[:3]] == [
        ("normal_close", "88"),
        ("client_gave_up", "40"),
        (offered[2].insert, "-"),  # known to the language, not in these rows
    ]
    first = offered[0]
    assert "port:80 cause:"[: first.start] + first.insert == "port:80 cause:normal_close"
    assert choices("cause:client", "connection", values, [], {})[0].insert == "client_gave_up"


def test_terms_say_what_they_are_and_how_many_values_there_are() -> None:
    offered = choices("ca", "connection", {"cause": [("x", 3), ("y", 1)]}, [], {})
    assert [(one.insert, one.detail) for one in offered] == [("cause:", "2 · why the connection ended so")]


def test_a_time_is_offered_as_the_whole_that_there_is_and_a_free_value_says_what_it_is() -> None:
    (one,) = triage([str(INCIDENT)])
    values = connection_values([one])
    (whole,) = choices("time:", "connection", values, [], {})
    assert (whole.insert, whole.detail) == ("10:40:06.139..10:40:11.963", "128")
    assert parse(f"time:{whole.insert}") is not None
    assert [(name, 0 < number < 128) for name, number in values["last"]] == [("1s", True)]
    (told,) = choices("port:80 age:>", "connection", values, [], {})
    assert (told.insert, told.label) == ("", "age:")
    assert "time from first to last packet" in told.detail


def test_an_empty_line_offers_named_and_used_filters_first() -> None:
    offered = choices("", "socket", {}, ["port:1", "port:2"], {"web": "port:80"})
    assert [(one.sign, one.insert) for one in offered[:3]] == [("★", "port:80"), ("↶", "port:2"), ("↶", "port:1")]
    assert offered[0].label == "web"
    assert offered[3].insert == "state:"
    assert [one.name for one in choices("we", "socket", {}, [], {"web": "port:80"})] == ["web"]


def test_hostile_names_are_made_visible() -> None:
    offered = choices("process:", "socket", {"process": [("a\x1b[2J", 1)]}, [], {})
    assert "\x1b" not in offered[0].label
