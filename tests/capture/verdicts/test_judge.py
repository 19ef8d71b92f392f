"""One connection of each mechanism: cause, ending, who, and each side's next calls."""

from __future__ import annotations

from itertools import pairwise

import pytest

from capture.model import Certainty, Closer, Ending, Resetter, Side, TcpState
from capture.verdicts import catalogue
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import NORMAL, flow_table, numbers

CASES = [
    # shorthand, cause, ended_by, closed_first, reset_by, originator's (connect, read, write), responder's (read, write)
    (NORMAL, "normal_close", "fin", "originator", None, ("ok", "EOF", "EPIPE"), ("EOF", "EPIPE")),
    ("cS sSA cA cPA20 sA sPA50 cA sFA cFA sA", "normal_close", "fin", "responder", None, ("ok", "EOF", "EPIPE"), None),
    ("cS sSA cA cPA20 sA cFA sA <0.4>sPA50 cA sFA cA", "half_close", "fin", "originator", None, None, None),
    ("cS sSA cA cPA20 sA cFA sFA~ cA sA", "simultaneous_close", "fin", "both", None, None, None),
    ("cS sSA cA cPA20 sA <0.5>cFA sFA cA", "client_gave_up", "fin", "originator", None, None, None),
    ("cS sSA cA cPA20 sA sFA cA cPA20 sR", "write_after_peer_close", "rst", "responder", "responder",
     ("ok", "EOF", "EPIPE"), (None, "EPIPE")),
    ("cS sSA cA cPA20 sA <0.5>cFA sA <1>sPA40 cR", "client_gave_up", "rst", "originator", "originator", None,
     ("EOF", "EPIPE")),
    ("cS sSA cA cPA20 sA sPA40 cA cFA sA <3>sFA cR", "late_close", "rst", "originator", "originator", None,
     ("EOF", "ECONNRESET")),
    ("cS sSA cA cPA20 sA sPA40 cA cFA sFA cR", "normal_close", "rst", "originator", "originator", None, None),
    ("cS sSA cA cPA20 sA sRAt", "aborted", "rst", "responder", "responder", ("ok", "ECONNRESET", "ECONNRESET"), None),
    ("cS sSA cA cPA20 sA sPA500 cRAt", "aborted", "rst", "originator", "originator", None,
     ("ECONNRESET", "ECONNRESET")),
    ("cS sSA cA cPA20 sA cFA sA sRAt", "aborted", "rst", "originator", "responder",
     ("ok", "ECONNRESET", "ECONNRESET"), ("EOF", None)),
    ("cS sSA cA cPA20 sA sPA50 cA <0.4>sFA cPA20~ sR", "stale_keepalive", "rst", "responder", "responder",
     ("ok", "EOF", "EPIPE"), None),
    ("cS sSA cA cPA20 sA sPA50 cA <0.4>sFA cA <0.4>cPA20 sR", "stale_keepalive", "rst", "responder", "responder", None,
     None),
    ("cS sRA", "refused", "rst", None, "responder", ("ECONNREFUSED", None, None), (None, None)),
    ("cS i3.3", "refused_by_firewall", "icmp", None, None, ("ECONNREFUSED", None, None), None),
    ("cS i3.1 <1>cS* i3.1", "unreachable", "icmp", None, None, ("EHOSTUNREACH", None, None), None),
    ("cS i3.0", "unreachable", "icmp", None, None, ("ENETUNREACH", None, None), None),
    ("cS <1>cS* <2>cS*", "syn_unanswered", "timeout", None, None, ("ETIMEDOUT", None, None), None),
    ("cS sSA cR", "connect_cancelled", "rst", "originator", "originator", None, (None, None)),
    ("cS sSA cA cRAt", "connect_cancelled", "rst", "originator", "originator", None, None),
    ("cS sSA cA sR", "accept_queue_reset", "rst", "responder", "responder", ("ok", "ECONNRESET", "ECONNRESET"), None),
    ("cS sSA cA cPA5 <0.3>cPA5* <0.3>cPA5* <0.3>sSA* cA <0.3>cPA5* <1>cPA5* sA sPA2 cA cFA sFA cA",
     "accept_queue_overflow", "fin", "originator", None, None, None),
    ("cS sSA cA cPA20 sA sPA9 cA cPA20 <0.2>cPA20* <0.4>cPA20* <0.8>cPA20*", "silent_drop", "timeout", None, None,
     ("ok", "ETIMEDOUT", "ETIMEDOUT"), (None, None)),
    ("cS sSA cA cPA20 sA sPA9 cA <40>cPA20 <0.2>cPA20* <0.4>cPA20* <0.8>cPA20*", "idle_drop", "timeout", None, None,
     ("ok", "ETIMEDOUT", "ETIMEDOUT"), None),
    ("cS sSA cA cPA20 sA sPA9 cA cPA20 i3.1 <0.2>cPA20* <0.4>cPA20* <0.8>cPA20* i3.1", "unreachable", "timeout", None,
     None, ("ok", "EHOSTUNREACH", "EHOSTUNREACH"), None),
    ("cS sSA cA cPA20 sA sPA9 cA cPA1448 <0.2>cPA1448* <0.4>cPA1448* <0.8>cPA1448*", "path_mtu_black_hole", "timeout",
     None, None, ("ok", "ETIMEDOUT", "ETIMEDOUT"), None),
    ("cS sSA cA cPA20 sA <1>cAk sA <1>cAk <1>cAk <1>cRAt", "keepalive_timeout", "timeout", None, "originator",
     ("ok", "ETIMEDOUT", "ETIMEDOUT"), None),
    ("cS sSA cA cPA20 sA sPA9 cA cPA20 sR^63", "middlebox_reset", "rst", None, "middlebox",
     ("ok", "ECONNRESET", "ECONNRESET"), None),
    ("cS sSA cA cPA20 sA sPA9 cA cPA20 sR <2>sFA cR", "middlebox_reset", "rst", None, "middlebox",
     ("ok", "ECONNRESET", "ECONNRESET"), (None, None)),
    ("cS sSA cA cPA20 sA <0.8>cPA20 sR", "no_socket", "rst", "responder", "responder",
     ("ok", "ECONNRESET", "ECONNRESET"), None),
    ("cS sSA cA cPA20 sA sPA9 cA sRA!^200 cA <0.3>cPA11 sPA10 cA cFA sFA cA", "reset_ignored", "fin",
     "originator", None, None, ("EOF", "EPIPE")),
    ("cS sSA cA cA1448 sAz <0.2>cAk sAz <0.4>cAk sAz <0.8>cAk sAz sRAt", "zero_window_stall", "rst", "responder",
     "responder", None, None),
    ("cS sSA cA cA1448 sAz <0.2>cAk <0.4>cAk <0.8>cAk <1.6>cAk", "zero_window_stall", "timeout", None, None,
     ("ok", "ETIMEDOUT", "ETIMEDOUT"), None),
    ("cS sSA cA cA1448 sAz <0.2>cAk sAz <0.4>cAk sA cPA900 sA sPA9 cA cFA sFA cA", "normal_close", "fin", "originator",
     None, None, None),
    ("cS sSA cA cPA9000 sA cPA9000 sA sPA70 cA sRAt", "early_response_reset", "rst", "responder", "responder", None,
     None),
    ("cS sSA cA cPA20 sA <4>cFA sA", "no_response", "open", "originator", None, None, None),
    ("cS sSA cA cPA20 sA sPA9 cA", "still_open", "open", None, None, ("ok", None, "ok"), (None, "ok")),
    ("cS sA cR <1>cS* sSA cA cPA20 sA sPA3 cA sFA cFA sA", "time_wait_reuse", "fin", "responder", None, None, None),
    ("cPA31 sA <0.3>cFA sA <0.2>sPA4096 cR", "client_gave_up", "rst", "originator", "originator", None,
     ("EOF", "EPIPE")),
    ("cPA11 sA sFA cA cPA11 sR", "write_after_peer_close", "rst", "responder", "responder", None, None),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[f"{c[1]}-{i}" for i, c in enumerate(CASES)])
def test_each_mechanism(case: tuple) -> None:  # type: ignore[type-arg]
    text, cause, ended_by, closed_first, reset_by, originator, responder = case
    verdict = judge(flow_table(text)).of(0)
    assert verdict.cause == cause, verdict.sentence
    assert verdict.ended_by == Ending(ended_by)
    assert verdict.closed_first == (Closer(closed_first) if closed_first else None)
    assert verdict.reset_by == (Resetter(reset_by) if reset_by else None)
    if originator is not None:
        calls = verdict.errors[Side.ORIGINATOR]
        assert (calls.connect, calls.read, calls.write) == originator
    if responder is not None:
        calls = verdict.errors[Side.RESPONDER]
        assert (calls.read, calls.write) == responder
    assert verdict.cause not in verdict.alternatives
    assert "{" not in verdict.sentence
    assert all(evidence.text for evidence in verdict.evidence)


@pytest.mark.parametrize("case", CASES, ids=[f"{c[1]}-{i}" for i, c in enumerate(CASES)])
def test_codes_are_of_the_vocabulary(case: tuple) -> None:  # type: ignore[type-arg]
    verdict = judge(flow_table(case[0])).of(0)
    assert {verdict.cause, *verdict.alternatives} <= catalogue.causes().keys()


def test_what_began_before_the_capture_is_never_certain() -> None:
    for case in CASES:
        if case[0].startswith("cS sSA cA "):
            verdict = judge(flow_table(case[0].removeprefix("cS sSA cA "))).of(0)
            assert verdict.certainty is not Certainty.CERTAIN, (case[0], verdict)


def test_one_direction_is_never_certain() -> None:
    for case in CASES:
        for side in "cs":
            text = " ".join(t for t in case[0].split() if t.lstrip("<0123456789.>").startswith(side))
            if text:
                verdict = judge(flow_table(text)).of(0)
                assert verdict.certainty is not Certainty.CERTAIN, (text, verdict)


def test_a_connection_does_not_depend_on_its_neighbours() -> None:
    texts = [case[0] for case in CASES if case[1] not in ("refused", "syn_unanswered", "no_response")]
    together = judge(flow_table(*texts, servers=[0x0A010000 + i for i in range(len(texts))]))
    for i, text in enumerate(texts):
        alone, among = judge(flow_table(text)).of(0), together.of(i)
        assert (alone.cause, alone.ended_by, alone.errors) == (among.cause, among.ended_by, among.errors), text


def test_signatures_are_shared() -> None:
    verdicts = judge(flow_table(*[NORMAL] * 50, CASES[5][0]))
    assert len(verdicts.templates) == 2
    assert verdicts.causes().count("normal_close") == 50
    assert verdicts.endings()[-1] == "rst"


def test_badness_puts_clean_ends_last() -> None:
    verdicts = judge(flow_table(NORMAL, "cS sRA", "cS sSA cA cRAt", "cS sSA cA cPA20 sA sPA40 cA cFA sFA cR"))
    normal, refused, probe, harmless = verdicts.badness.tolist()
    assert normal == 0
    assert refused > probe > harmless >= normal


def test_states_follow_the_packets() -> None:
    table = flow_table(NORMAL)
    states = judge(table).states(0, numbers(table))
    assert len(states) == 10
    assert states[0] == (TcpState.SYN_SENT, TcpState.LISTEN)
    assert states[1] == (TcpState.SYN_SENT, TcpState.SYN_RECEIVED)
    assert states[2] == (TcpState.ESTABLISHED, TcpState.ESTABLISHED)
    assert states[7] == (TcpState.FIN_WAIT_1, TcpState.CLOSE_WAIT)
    assert states[8] == (TcpState.TIME_WAIT, TcpState.LAST_ACK)
    assert states[9] == (TcpState.TIME_WAIT, TcpState.CLOSED)


def test_evidence_names_packets_in_order() -> None:
    verdicts = judge(flow_table("cS sSA cA cPA20 sA sFA cA cPA20 sR"))
    packets = [e.packet for e in verdicts.of(0).evidence]
    assert packets == [6, 8, 9]
    assert all(a < b for a, b in pairwise(packets))


def test_nothing_is_judged_without_connections() -> None:
    verdicts = judge(flow_table())
    assert len(verdicts) == 0
    assert verdicts.badness.tolist() == []
    assert verdicts.causes() == []
