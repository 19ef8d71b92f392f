"""A capture that stops amid traffic: what would have come next is not claimed to be missing."""

from __future__ import annotations

from capture.verdicts.groups.group_findings import find_groups
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import NORMAL, flow_table


def test_a_syn_right_before_the_end_is_too_fresh_to_be_unanswered() -> None:
    flows = flow_table(NORMAL, "cS")
    verdicts = judge(flows)
    verdict = verdicts.of(1)
    assert (verdict.cause, verdict.ended_by, verdict.certainty) == ("still_open", "open", "possible")
    assert "too early" in verdict.sentence
    assert verdict.errors["originator"].connect is None
    assert not find_groups(flows, verdicts)


def test_a_syn_that_was_repeated_is_unanswered_even_then() -> None:
    assert judge(flow_table(NORMAL, "cS <1>cS* <2>cS*")).of(1).cause == "syn_unanswered"
