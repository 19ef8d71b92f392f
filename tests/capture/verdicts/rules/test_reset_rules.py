from __future__ import annotations

from capture.model import Certainty, Verdict
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import flow_table

HELLO = "cS sSA cA cPA20 sA"


def first(text: str) -> Verdict:
    return judge(flow_table(text)).of(0)


def test_a_late_request_is_not_a_late_remark() -> None:
    # the same close after an idle time: a further request, and a few bytes at once
    assert first(f"{HELLO} sPA50 cA <0.5>sFA cA cPA20 sR").cause == "stale_keepalive"
    assert first(f"{HELLO} sPA50 cA <0.5>sFA cA cPA4 sR").cause == "write_after_peer_close"
    assert "stale_keepalive" in first(f"{HELLO} sPA50 cA <0.5>sFA cA cPA4 sR").alternatives


def test_a_write_after_a_fin_may_be_more_than_that() -> None:
    verdict = first(f"{HELLO} sFA cA cPA20 sR")
    assert (verdict.cause, verdict.certainty) == ("write_after_peer_close", Certainty.LIKELY)
    assert verdict.alternatives == ("closed_unanswered", "stale_keepalive")


def test_shapes_name_the_reason() -> None:
    assert first(f"{HELLO} sRAt").cause == "aborted"
    assert first(f"{HELLO} <1>cPA20 sR").cause == "no_socket"
    odd = first(f"{HELLO} sRA")
    assert (odd.cause, odd.certainty) == ("aborted", Certainty.POSSIBLE)
    assert "middlebox_reset" in odd.alternatives


def test_a_reset_after_both_fins_costs_nothing() -> None:
    verdict = first(f"{HELLO} sPA50 cA cFA sFA cA sR")
    assert (verdict.cause, verdict.ended_by.value) == ("normal_close", "fin")


def test_a_health_check_is_no_abort() -> None:
    verdicts = judge(flow_table("cS sSA cA cRAt"))
    assert verdicts.of(0).cause == "connect_cancelled"
    assert verdicts.template(0).diagnosis.harmless


def test_a_forged_reset_needs_a_sign() -> None:
    assert first(f"{HELLO} sPA50 cA cPA20 sR").cause == "no_socket"
    assert "middlebox_reset" in first(f"{HELLO} sPA50 cA cPA20 sR").alternatives
    assert first(f"{HELLO} sPA50 cA cPA20 sR^63").cause == "middlebox_reset"
    assert first(f"{HELLO} sPA50 cA cPA20 sR <2>sPA9 cR").cause == "middlebox_reset"


def test_a_reader_that_leaves() -> None:
    verdict = first(f"{HELLO} sA1448 sA1448 cA sA1448 cRAt")
    assert verdict.cause == "aborted"
    assert "client_gave_up" in verdict.alternatives
    assert "unread" in verdict.sentence


def harmless(text: str) -> bool:
    return judge(flow_table(text)).template(0).diagnosis.harmless


def test_leaving_is_harmless() -> None:
    assert harmless(f"{HELLO} sPA50 cA sFA cRAt")  # a reset instead of a FIN, after the peer's
    assert harmless(f"{HELLO} sPA50 cA cFA sA sRAt")
    assert harmless(f"{HELLO} sPA50 cA <5>cRAt")  # an idle connection thrown away
    assert harmless(f"{HELLO} sPA50 cPA31g cFA sPA31g sFA cR cR")  # a browser: TLS alerts that nobody reads
    assert harmless(f"{HELLO} sPA50 cA cFA sPA31g cR")
    assert not harmless(f"{HELLO} sPA50 cA sFA cA cPA31g cFA sR sR")  # it said no goodbye: it may have died
    assert first(f"{HELLO} sPA50 cPA31g cFA sPA31g sFA cR cR").cause == "normal_close"


def test_cutting_short_is_not() -> None:
    assert not harmless(f"{HELLO} cFA sA sRAt")  # the request was still waiting
    assert not harmless(f"{HELLO} sPA1448 sPA1448 cRAt")
    assert not harmless(f"{HELLO} sPA50 cA cFA sPA1448 cR")
    assert not harmless(f"{HELLO} sPA50 cA sFA cPA31~ cFA sR sR")  # it did not know that the peer was leaving
    assert not harmless(f"{HELLO} <3>cFA sA sPA31 cR")


def test_an_upload_cut_off_by_a_close() -> None:
    upload = "cS sSA cA cPA9000 sA cPA9000 sA sPA300 sFA"
    assert first(f"{upload} cPA9000~ cPA9000~ sR sR").cause == "early_response_reset"
    # a large request on an idle connection is not that
    idle = f"{HELLO} sPA300 cA <5>sFA cPA9000~ sR"
    assert first(idle).cause == "stale_keepalive"


def test_data_ignored_until_a_reset() -> None:
    assert first("cS sSA cA cPA5 <1>cPA5* <2>cPA5* <4>sR").cause == "accept_queue_overflow"
    assert first("cS sSA cA cPA5 sR").cause == "accept_queue_reset"


def test_only_resets_are_unknown() -> None:
    verdict = first("sR sR")
    assert (verdict.cause, verdict.certainty) == ("unknown", Certainty.POSSIBLE)
    shaped = first("sRAt")
    assert (shaped.cause, shaped.certainty) == ("aborted", Certainty.POSSIBLE)


def test_an_http_2_server_that_dies_amid_a_request_has_not_answered_by_its_pings() -> None:
    # the preface asks nothing; the frames that every side sends of itself are no answer to the request
    verdict = first("cS sSA cA cPA82g sPA46g cPA273 sPA17g cPA17g sA <0.5>sFA cPA13g~ sR")
    assert (verdict.cause, verdict.certainty) == ("closed_unanswered", Certainty.LIKELY)
    answered = first("cS sSA cA cPA82g sPA46g cPA273 sPA264 sPA17g cPA17g sA <0.5>sFA cPA13g~ sR")
    assert answered.cause == "write_after_peer_close"


def test_a_frame_of_tls_may_be_no_answer_and_then_nobody_says_harmless() -> None:
    short = first("cS sSA cA cPA300h sPA900h cPA66d sPA35d cFA sPA24g cR")
    assert (short.cause, short.alternatives) == ("normal_close", ("client_gave_up", "write_after_peer_close"))
    assert "armless" not in short.sentence
    assert "armless" in first("cS sSA cA cPA300h sPA900h cPA66d sPA43d cFA sPA24g cR").sentence


def test_a_server_that_left_a_reader_with_a_closed_window() -> None:
    verdict = first(f"{HELLO} sPA900 cAz cPA20z sR")
    assert (verdict.cause, verdict.certainty) == ("zero_window_stall", Certainty.LIKELY)
    assert verdict.alternatives == ("aborted", "no_socket", "middlebox_reset")
    assert first(f"{HELLO} sPA900 cAz cA cPA20 sR").cause == "no_socket"  # it had read on
    assert first(f"{HELLO} sPA900 cAz cPA20z sFA sR").cause != "zero_window_stall"  # a FIN came through
    assert first(f"{HELLO} sPA900 cAz cPA20z sRAt").cause == "aborted"


def test_a_client_that_leaves_amid_an_answer_has_not_waited_for_what_comes_after() -> None:
    cut = first(f"{HELLO} sPA900c cA cFA sPA100 cR")
    assert (cut.cause, cut.certainty) == ("client_gave_up", Certainty.LIKELY)
    assert first(f"{HELLO} sPA900 cA cFA sPA100 cR").cause == "write_after_peer_close"
