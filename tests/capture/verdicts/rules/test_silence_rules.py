from __future__ import annotations

from capture.model import Certainty, Verdict
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import flow_table

HELLO = "cS sSA cA cPA20 sA"
GONE = "cPA20 <0.2>cPA20* <0.4>cPA20* <0.8>cPA20*"


def first(*texts: str) -> Verdict:
    return judge(flow_table(*texts)).of(0)


def test_an_idle_time_before_the_silence() -> None:
    assert first(f"{HELLO} sPA9 cA {GONE}").cause == "silent_drop"
    short, long = first(f"{HELLO} sPA9 cA <3>{GONE}"), first(f"{HELLO} sPA9 cA <400>{GONE}")
    assert (short.cause, short.certainty) == ("silent_drop", Certainty.LIKELY)  # no NAT forgets in seconds
    assert "idle_drop" in short.alternatives
    assert "3.0 s" in short.sentence
    assert (long.cause, long.certainty) == ("idle_drop", Certainty.LIKELY)
    assert "6 min 40 s" in long.sentence


def test_a_black_hole_for_large_packets_only() -> None:
    assert first(f"{HELLO} sPA9 cA {GONE.replace('20', '1448')}").cause == "path_mtu_black_hole"
    # large ones had passed before
    large = "cS sSA cA cPA1448 sA sPA9 cA"
    assert first(f"{large} {GONE.replace('20', '1448')}").cause == "silent_drop"


def test_a_lost_ack_of_the_handshake_is_no_full_queue() -> None:
    assert first("cS sSA cA <1>sSA* cA cPA20 sA sPA9 cA cFA sFA cA").cause == "normal_close"
    assert first("cS sSA cA cPA9 <1>cPA9* sSA* cA <1>cPA9* sA sPA9 cA cFA sFA cA").cause == "accept_queue_overflow"


def test_a_queue_behind_syn_cookies_ignores_data() -> None:
    ignored = f"cS sSA cA {GONE}"
    alone = first(ignored)
    assert (alone.cause, alone.certainty) == ("silent_drop", Certainty.POSSIBLE)
    assert "accept_queue_overflow" in alone.alternatives
    among = first(ignored, "cS sSA cA cPA20 sA <3>cFA sA")
    assert (among.cause, among.certainty) == ("accept_queue_overflow", Certainty.POSSIBLE)


def test_answered_keep_alives_are_ordinary() -> None:
    assert first(f"{HELLO} sPA9 cA {'<60>cAk sA ' * 5} cFA sFA cA").cause == "normal_close"
    assert first(f"{HELLO} sPA9 cA {'<60>cAk sA ' * 5}").cause == "still_open"


def test_a_goodbye_is_no_request() -> None:
    # nothing came back, but nothing was waited for
    assert first("cS sSA cA cPA900 sA cFA sFA cA").cause == "normal_close"
    assert first("cS sSA cA cPA6g sA <1>cFA sFA cA").cause == "normal_close"
    assert first("cS sSA cA cPA16? sA <1>cFA sFA cA").cause == "normal_close"  # what it said is not known
    assert first("cS sSA cA cPA17? sA <1>cFA sFA cA").cause == "client_gave_up"
    assert first("cS sSA cA cPA6 sA <1>cFA sFA cA").cause == "client_gave_up"
    assert first("cS sSA cA cPA60 sA <1>cFA sFA cA").cause == "client_gave_up"


def test_a_close_after_a_pause_is_not_certain() -> None:
    assert first(f"{HELLO} sPA9 cA cFA sFA cA").certainty is Certainty.CERTAIN
    paused = first(f"{HELLO} sPA9 cA <1>cFA sFA cA")
    assert (paused.cause, paused.certainty) == ("normal_close", Certainty.LIKELY)
    assert paused.alternatives == ("client_gave_up",)


def test_a_server_that_closes_at_once() -> None:
    verdict = first("cS sSA cA sFA cA cFA sA")
    assert (verdict.cause, verdict.certainty) == ("normal_close", Certainty.LIKELY)
    assert "shed" in verdict.sentence


def test_a_challenge_ack_takes_the_certainty() -> None:
    verdict = first("cS sSA cA cPA20 sA sPA9 cA <0.05>cA cPA20 sPA9 cA cFA sFA cA")
    assert (verdict.cause, verdict.certainty) == ("normal_close", Certainty.LIKELY)
    assert verdict.alternatives == ("reset_ignored",)


def test_a_fin_without_an_answer() -> None:
    quiet = first(f"{HELLO} sPA9 cA cFA sA", "cS <60>cS*")
    assert (quiet.cause, quiet.certainty) == ("late_close", Certainty.POSSIBLE)
    cut = first(f"{HELLO} sPA9 cA cFA sA", f"{HELLO} <0.5>sPA9 cA")
    assert cut.cause == "still_open"


def test_a_request_that_nobody_answered() -> None:
    assert first(f"{HELLO} <4>cFA sA").cause == "no_response"
    assert first(f"{HELLO}", "cS <60>cS*").cause == "no_response"
    assert first("cPA20 sA", "cS <60>cS*").cause == "still_open"  # what came before is not known
    assert first("cS sSA cA cPA20", "cS <60>cS*").cause == "still_open"  # not even the kernel took it


def test_a_stall_that_ends_is_over() -> None:
    closed = "cS sSA cA cA1448 sAz <0.2>cAk sAz <0.4>cAk sAz"
    assert first(closed).cause == "zero_window_stall"
    assert first(f"{closed} sA cPA20 sA sPA9 cA cFA sFA cA").cause == "normal_close"


def test_one_direction_shows_no_normal_end() -> None:
    # the client's packets of a connection on which it left before the answer, which the other direction would show
    half = first("cS cA cPA20 cA <1>cFA cA")
    assert (half.cause, half.certainty) == ("normal_close", Certainty.POSSIBLE)
    assert "client_gave_up" in half.alternatives
    assert "of the other direction nothing was captured" in half.sentence
    assert "nothing was lost" not in half.sentence


def test_probes_that_are_answered_in_the_end_time_out_for_nobody() -> None:
    # Linux answers two probes a second: the one in between stays unanswered
    stalled = "cS sSA cA cPA20 sPA900 cAz <0.2>sAk cAz <0.2>sAk <0.4>sAk"
    assert first(f"{stalled} cAz").ended_by.value == "open"
    assert first(f"{stalled} <1>sAk").ended_by.value == "timeout"


def test_what_closed_at_the_captures_last_packet_is_not_called_late() -> None:
    asked, later = "cS sSA cA cPA20 sA", "cS <1.5>cS*"
    last = first(asked)  # who records one request stops when no answer comes
    assert (last.cause, last.certainty) == ("no_response", Certainty.POSSIBLE)
    assert "still_open" in last.alternatives
    assert judge(flow_table(asked, later)).of(0).cause == "no_response"
    closed = "cS sSA cA cPA20 sA sPA50 cA cFA sA"
    assert first(closed).cause == "still_open"
    assert judge(flow_table(closed, later)).of(0).cause == "late_close"


def test_a_request_on_a_connection_that_its_server_had_closed_is_no_half_close() -> None:
    served = "cS sSA cA cPA20 sA sPA50 cA"
    late = first(f"{served} <0.5>sFA cA <0.7>cPA20 sA <1>cFA sA")
    assert (late.cause, late.certainty.value) == ("stale_keepalive", "likely")
    assert late.alternatives == ("half_close", "write_after_peer_close")
    assert "never answered" in late.sentence
    # the rest of an upload, after an early answer; what asks nothing; and a server that had not answered
    assert first(f"{served} sFA cA cPA20 sA cFA sA").cause == "half_close"
    assert first(f"{served} <0.5>sFA cA cPA5? sA cFA sA").cause == "half_close"
    assert first("cS sSA cA cPA20 sA <0.5>sFA cA cPA20 sA cFA sA").cause != "stale_keepalive"
