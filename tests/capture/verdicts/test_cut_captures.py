"""A capture that stops amid traffic: what would have come next is not claimed to be missing."""

from __future__ import annotations

import pytest

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


TLS_BY_LENGTH = "cS sSA cA cPA239? sPA1307? cPA64? sA cPA118? sPA453?"


@pytest.mark.parametrize(
    ("packets", "told"),
    [
        # both close with 24 bytes, as TLS 1.3's close_notify is long; the client's meets a RST
        (f"{TLS_BY_LENGTH} <9>sPA24? sFA cPA24?~ sR", ("normal_close", "possible", True)),
        # of a client that sends its requests right behind its Finished
        (
            "cS sSA cA cPA257? sA sPA1314? cA cPA64? cPA86? cPA66? sPA55? cPA118? sPA453? <9>sPA24? sFA cPA24?~ sR",
            ("normal_close", "possible", True),
        ),
        # a frame of HTTP/2 that wants no answer, and then the goodbyes
        (f"{TLS_BY_LENGTH} cPA31? sA cPA24? sA sPA24? sFA cRAt", ("aborted", "possible", True)),
        (f"{TLS_BY_LENGTH} cPA43? sA cPA24? sA sPA24? sFA cRAt", ("closed_unanswered", "likely", False)),
        # as long as the requests before it, it may be one, and missed its answer
        (f"{TLS_BY_LENGTH} <9>sPA24? sFA cPA118?~ sR", ("stale_keepalive", "likely", False)),
        # no TLS handshake before it: nothing says what 24 bytes are
        ("cS sSA cA cPA24? sPA453? cPA24? sPA453? <9>sFA cPA24?~ sR", ("stale_keepalive", "likely", False)),
        # no second flight of a handshake: an HTTP client, say
        ("cS sSA cA cPA239? sPA1307? cPA239? sPA1307? <9>sPA24? sFA cPA239?~ sR", ("stale_keepalive", "likely", False)),
        # the handshake by its lengths, and nothing asked yet
        ("cS sSA cA cPA239? sPA1307? cPA64? sA <1>cFA sPA24? cR", ("write_after_peer_close", "possible", True)),
        # the same with a request after it is a client that gave up
        (f"{TLS_BY_LENGTH} cPA118? sA <1>cFA sPA453? cR", ("client_gave_up", "likely", False)),
        # PostgreSQL's CancelRequest is 16 bytes long, and no request of HTTP is so short
        ("cS sSA cA cPA16? sA sFA cFA sA", ("normal_close", "likely", True)),
        ("cS sSA cA cPA17? sA sFA cFA sA", ("closed_unanswered", "likely", False)),
    ],
)
def test_where_payloads_are_cut_off_lengths_tell_a_goodbye_from_a_request(
    packets: str, told: tuple[str, str, bool]
) -> None:
    verdicts = judge(flow_table(packets))
    verdict = verdicts.of(0)
    assert (verdict.cause, verdict.certainty, verdicts.template(0).diagnosis.harmless) == told


def test_a_short_last_word_without_an_answer_is_told_as_what_may_have_asked_nothing() -> None:
    verdict = judge(flow_table("cS sSA cA cPA16? sA sFA cFA sA")).of(0)
    assert "if that data asked for nothing" in verdict.sentence
    assert verdict.alternatives == ("closed_unanswered",)


def test_a_handshake_whose_answer_was_not_captured_was_done_where_its_sender_went_on() -> None:
    assert judge(flow_table("cS cA cFA sFA cA")).of(0).cause == "normal_close"
    assert judge(flow_table("cS cA cFA sFA cA")).of(0).certainty == "likely"


def test_window_0_in_the_answer_to_a_syn_is_a_proxy_without_a_server() -> None:
    verdict = judge(flow_table("cS sSAz cA <1>cAk <2>cAk <4>cAk <8>cAk")).of(0)
    assert (verdict.cause, verdict.certainty) == ("zero_window_stall", "possible")
    assert "SYN proxy" in verdict.sentence
    opened = judge(flow_table("cS sSAz cA sA <1>cAk <2>cAk <4>cAk <8>cAk")).of(0)
    assert opened.cause == "keepalive_timeout"
