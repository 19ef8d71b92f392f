"""Resets right after an answer: one alone may have cost something, nearly all of a listener are a habit."""

from __future__ import annotations

import pytest

from capture.verdicts.groups.group_findings import find_groups
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import NORMAL, flow_table

ANSWERED = "cS sSA cA cPA300? sA sPA900? cA"
HABIT = f"{ANSWERED} cRAt"
TWICE = f"{ANSWERED} {ANSWERED.removeprefix('cS sSA cA ')} cRAt"
READING = f"{ANSWERED} <0.2>cRAt"
SERVERS_END = f"{ANSWERED} sFA cFA sA"
CUT = "cS sSA cA cPA300? sA sPA900? cRAt~"  # nobody acknowledged the answer, not even the RST
ASKED_AGAIN = f"{ANSWERED} cPA300? sA cRAt"


def told(*texts: str) -> list[str]:
    verdicts = judge(flow_table(*texts))
    return [verdicts.template(i).diagnosis.variant for i in range(len(texts))]


@pytest.mark.parametrize(
    ("texts", "habits"),
    [
        ([HABIT] * 3, 3),
        ([HABIT] * 2, 0),
        ([HABIT] * 4 + [NORMAL], 4),  # four of five that the client ended
        ([HABIT] * 3 + [NORMAL], 0),
        ([HABIT, TWICE, HABIT, TWICE], 4),
        ([HABIT] * 3 + [SERVERS_END] * 9, 3),  # what the server ended does not count
        ([READING] * 3, 0),  # a pause before the reset: it waited for more
        ([CUT] * 3, 0),
        ([ASKED_AGAIN] * 3, 0),
    ],
)
def test_what_makes_a_habit(texts: list[str], habits: int) -> None:
    assert told(*texts).count("reset_by_habit") == habits


def test_each_listener_has_habits_of_its_own() -> None:
    table = flow_table(*[HABIT] * 5, ports=[80, 80, 80, 81, 81])
    verdicts = judge(table)
    assert [verdicts.template(i).diagnosis.sentence for i in range(5)] == ["abort_habit"] * 3 + ["abort_reading"] * 2


def test_a_habit_is_told_as_information_and_a_failure_beside_it_is_not() -> None:
    table = flow_table(*[HABIT] * 8, ASKED_AGAIN)
    findings = {f.code: (f.severity.value, f.connections) for f in find_groups(table, judge(table))}
    assert findings == {"reset_by_habit": ("info", 8), "client_gave_up": ("warning", 1)}
    verdict = judge(table).of(0)
    assert (verdict.cause, verdict.certainty, verdict.alternatives) == ("aborted", "likely", ("client_gave_up",))
    assert "or each time it left some of the answer unread" in verdict.sentence


def test_whole_answers_and_unread_ones_make_one_habit() -> None:
    whole = "cS sSA cA cPA300 sA sPA900e cA cRAt"
    assert told(whole, whole, HABIT) == ["reset_when_answered", "reset_when_answered", "reset_by_habit"]
