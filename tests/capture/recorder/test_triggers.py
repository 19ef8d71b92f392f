from __future__ import annotations

import re
from pathlib import Path

import pytest

import capture
from capture.kernel.event import KernelEvent, Kind
from capture.language import speaking
from capture.model import Endpoint
from capture.recorder.triggers import ANY, ResetRate, Triggers, parse_triggers
from tui.commands.watch import REASONS

SYMPTOMS = ("broken_pipe", "connection_reset")
HERE, THERE = Endpoint("10.0.0.1", 80), Endpoint("10.0.0.2", 5000)


def test_without_any_a_log_means_symptoms_and_none_means_findings() -> None:
    assert parse_triggers([], True, SYMPTOMS) == Triggers(symptoms=frozenset({ANY}))
    assert parse_triggers([], False, SYMPTOMS) == Triggers(findings=frozenset({ANY}))


def test_each_kind_is_read() -> None:
    found = parse_triggers(
        ["finding:close_wait_pile", "symptom:broken_pipe", "errno:EPIPE", "resets:20/2.5"], True, SYMPTOMS
    )
    assert found.finding("close_wait_pile") == "finding:close_wait_pile"
    assert found.finding("retransmitting") is None
    assert found.symptom("broken_pipe") == "symptom:broken_pipe"
    assert found.error("EPIPE") == "errno:EPIPE"
    assert found.error("ECONNRESET") is None
    assert found.resets == ((20, 2.5),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("resets:0/5", "N resets in S seconds"),
        ("resets:5", "N resets in S seconds"),
        ("resets:5/0", "N resets in S seconds"),
        ("errno:EPIP", "no errno"),
        ("symptom:broken", "no symptom"),
        ("errno:epipe", "did you mean EPIPE"),
        ("finding:close_wait", "did you mean close_wait_pile"),
        ("finding:unix_queue_full", "accept_queue_full"),
        ("finding:", "no trigger"),
        ("rain", "no trigger"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_allowed(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_triggers([text], True, SYMPTOMS)


def test_a_symptom_needs_a_log() -> None:
    with pytest.raises(ValueError, match="--log"):
        parse_triggers(["symptom:broken_pipe"], False, SYMPTOMS)


def reset(time: float, count: int = 1, kind: Kind = Kind.RESET_SENT) -> KernelEvent:
    return KernelEvent(time, kind, HERE, THERE, count=count)


@pytest.mark.parametrize(
    ("times", "full"), [([0, 1, 2], True), ([0, 1, 5.0], True), ([0, 1, 5.1], False), ([0, 1], False)]
)
def test_resets_within_the_time_count(times: list[float], full: bool) -> None:
    rate = ResetRate(3, 5.0)
    assert any(rate.add([reset(time)]) is not None for time in times) is full


def test_folded_resets_count_as_many_as_they_are_and_once_where_both_ends_are_here() -> None:
    assert ResetRate(3, 5.0).add([reset(0, count=3)]) is not None
    mirrored = KernelEvent(0.0, Kind.RESET_RECEIVED, THERE, HERE, count=2)
    assert ResetRate(3, 5.0).add([reset(0, count=2), mirrored]) is None
    assert ResetRate(3, 5.0).add([mirrored, KernelEvent(1.0, Kind.RESET_RECEIVED, HERE, THERE)]) is not None


def test_after_it_was_full_it_counts_anew() -> None:
    rate = ResetRate(2, 5.0)
    assert rate.add([reset(0), reset(0.1)]) is not None
    assert rate.add([reset(0.2)]) is None


def test_the_signal_alone_is_no_other_trigger() -> None:
    assert parse_triggers(["signal:USR1"], False, SYMPTOMS) == Triggers()


def test_every_code_that_a_rule_gives_may_be_asked_for() -> None:
    codes = ("accept_queue_stuck", "any", "refusals", "resets", "softnet_drops", "zero_window_stall")
    found = parse_triggers([f"finding:{code}" for code in codes], False, SYMPTOMS)
    assert found.findings == set(codes)


def test_complaints_are_in_the_language_that_is_spoken() -> None:
    with speaking("zh"), pytest.raises(ValueError, match="没有叫这个名字的 errno；是不是 EPIPE"):
        parse_triggers(["errno:EPIP"], False, ())


def test_the_screen_knows_why_something_is_not_recorded_by_the_words_that_say_so() -> None:
    code = "".join(path.read_text() for path in Path(capture.__file__).parent.rglob("*.py"))
    for reason in REASONS:
        for words in re.split(r"\{\w+\}|: ", reason):
            assert words.strip(" ():") in code, reason


def test_resets_before_the_clock_was_set_back_do_not_count_for_hours() -> None:
    rate = ResetRate(5, 10.0)
    assert rate.add([reset(10_000.0 + second) for second in range(4)]) is None
    assert all(rate.add([reset(100.0 + 20 * number)]) is None for number in range(50))
    assert rate.add([reset(2000.0 + second) for second in range(5)]) is not None
