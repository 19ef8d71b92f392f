"""A capture that stops amid traffic: what would have come next is not claimed to be missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.decode import decode
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


RETRIED = "cS sSA cA cPA225? sA sPA99?"


def by_finished(size: int) -> str:
    """A handshake whose second flight of the client has a size, an exchange, and goodbyes that cross."""
    return f"cS sSA cA cPA517? sA sPA900? cPA{size}? sA cPA118? sPA453? <9>sPA31? sFA cPA31?~ sR"


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
        # asked for another group first (HelloRetryRequest); its answer is 99 bytes long, and no other is
        (
            f"{RETRIED} cPA264? sPA1348? cPA74? cPA118? sPA453? <9>sPA24? sFA cPA24?~ sR",
            ("normal_close", "possible", True),
        ),
        (
            f"{RETRIED} cPA149? sPA1348? cPA74? cPA118? sPA453? <9>sPA24? sFA cPA24?~ sR",
            ("stale_keepalive", "likely", False),
        ),
        (
            f"{RETRIED.replace('99', '98')} cPA264? sPA1348? cPA74? cPA118? sPA453? <9>sPA24? sFA cPA24?~ sR",
            ("stale_keepalive", "likely", False),
        ),
        # TLS 1.2: a resumed session; ChaCha20; P-384; RSA without Diffie-Hellman
        *((by_finished(size), ("normal_close", "possible", True)) for size in (51, 43, 85, 118, 158, 318)),
        *((by_finished(size), ("stale_keepalive", "likely", False)) for size in (52, 44, 86, 117, 157, 319)),
        # the alert of a TLS server to a client that said nothing, and left
        ("cS sSA cA <10>cFA sPA7? cR sFA", ("normal_close", "possible", True)),
        ("cS sSA cA <10>cFA sPA8? cR sFA", ("write_after_peer_close", "likely", False)),
        ("cS sSA cA cPA7? sA <10>cFA sPA7? cR", ("client_gave_up", "likely", False)),
        ("cS sSA cA sPA7? cA <10>sFA cPA7? sR", ("write_after_peer_close", "likely", False)),
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


PRINTED = """\
14:37:09.929884 IP (tos 0x0, ttl 64, id 8301, offset 0, flags [DF], proto TCP (6), length 60)
    10.77.0.1.59900 > 10.77.0.2.443: Flags [S], cksum 0x1434 (incorrect -> 0x9f3f), seq 212145462, win 64240, length 0
14:37:10.050851 IP (tos 0x0, ttl 64, id 0, offset 0, flags [DF], proto TCP (6), length 60)
    10.77.0.2.443 > 10.77.0.1.59900: Flags [S.], cksum 0x14 (correct), seq 2468697582, ack 212145463, win 509, length 0
14:37:10.050892 IP (tos 0x0, ttl 64, id 8302, offset 0, flags [DF], proto TCP (6), length 52)
    10.77.0.1.59900 > 10.77.0.2.443: Flags [.], cksum 0x142c (correct), seq 1, ack 1, win 63, length 0
14:37:19.978034 IP (tos 0x0, ttl 64, id 8303, offset 0, flags [DF], proto TCP (6), length 52)
    10.77.0.1.59900 > 10.77.0.2.443: Flags [F.], cksum 0x142c (correct), seq 1, ack 1, win 63, length 0
14:37:20.103983 IP (tos 0x0, ttl 64, id 5501, offset 0, flags [DF], proto TCP (6), length 59)
    10.77.0.2.443 > 10.77.0.1.59900: Flags [P.], cksum 0x1433 (correct), seq 1:8, ack 2, win 64, length 7
14:37:20.104026 IP (tos 0x0, ttl 64, id 0, offset 0, flags [DF], proto TCP (6), length 40)
    10.77.0.1.59900 > 10.77.0.2.443: Flags [R], cksum 0x5ad6 (correct), seq 212145464, win 0, length 0
"""


def test_lengths_tell_in_a_printed_capture_what_they_tell_in_one_of_cut_packets(tmp_path: Path) -> None:
    (tmp_path / "printed.txt").write_text(PRINTED)
    verdict = judge(decode([str(tmp_path / "printed.txt")])[0].flows).of(0)
    assert (verdict.cause, verdict.certainty) == ("normal_close", "possible")
    assert "as long as a TLS goodbye" in verdict.sentence


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("cS sSA cA cPA300? sA sPA340? cPA43? sA <0.4>cFA sA <0.4>sPA340? cR", False),  # it may have waited
        ("cS sSA cA cPA300? sA sPA340? cPA43? sA cFA sA sPA340? cR", True),  # TLS 1.3's tickets come at once
    ],
)
def test_a_handshake_by_length_that_somebody_sat_in(text: str, harmless: bool) -> None:
    assert judge(flow_table(text, NORMAL)).template(0).diagnosis.harmless == harmless
