from __future__ import annotations

from capture.model import Certainty, Verdict
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import NORMAL, flow_table


def first(*texts: str) -> Verdict:
    return judge(flow_table(*texts)).of(0)


def test_a_refusal_is_certain_only_where_the_host_is_known() -> None:
    assert first("cS sRA").certainty is Certainty.LIKELY
    assert first("cS sRA", NORMAL).certainty is Certainty.CERTAIN
    assert "refused_by_firewall" in first("cS sRA", NORMAL).alternatives


def test_a_refusal_with_a_foreign_ttl() -> None:
    assert first("cS sRA^61", NORMAL).cause == "refused_by_firewall"


def test_a_full_listener_is_an_alternative_of_silence() -> None:
    assert "accept_queue_overflow" in first("cS <1>cS* <2>cS*", NORMAL).alternatives


def test_a_single_syn_may_yet_be_answered() -> None:
    assert first("cS", "cS <0.1>sSA cA <0.1>cPA9 sA").certainty is Certainty.POSSIBLE


def test_silent_connections_wait_in_a_full_queue() -> None:
    verdicts = judge(flow_table("cS sSA cA", "cS sSA cA", "cS <1>cS* <2>cS*"))
    assert verdicts.causes() == ["no_response", "no_response", "syn_unanswered"]
    assert judge(flow_table("cS sSA cA", NORMAL)).causes()[0] == "still_open"


def test_a_flood() -> None:
    verdicts = judge(flow_table(*["cS sSA <1>sSA* <2>sSA*"] * 20, *["cS"] * 20, "cS <1>cS*", NORMAL))
    assert verdicts.causes() == ["syn_flood"] * 40 + ["syn_unanswered", "normal_close"]
    assert "syn_flood" in verdicts.of(40).alternatives


def test_only_resets_tell_nothing() -> None:
    verdict = first("sR sR")
    assert verdict.cause in ("unknown", "no_socket")
    assert verdict.certainty is Certainty.POSSIBLE
