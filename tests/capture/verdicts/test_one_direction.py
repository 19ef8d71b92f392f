"""Captures of one side's packets: what its ACK numbers tell of the other side, and no more than that."""

from __future__ import annotations

import pytest

from capture.verdicts.groups.group_findings import find_groups
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import NORMAL, TOKEN, flow_table

EXCHANGE = "cS sSA cA cPA20 sA sPA50 cA"
HELLO = "cS sSA cA cPA20 sA"
CASES = [
    # what went on, whose packets were captured, the cause, who closed first
    (NORMAL, "c", "normal_close", "originator"),
    (NORMAL, "s", "normal_close", "originator"),
    (f"{EXCHANGE} sFA cA cFA sA", "c", "normal_close", "responder"),
    (f"{EXCHANGE} sFA cFA sA", "s", "normal_close", "responder"),
    (f"{EXCHANGE} sFPA50 cFA sA", "c", "normal_close", None),  # FIN and data at once are a number like data alone
    (f"{EXCHANGE} sPA1 cA sPA50 cA cFA sA", "c", "normal_close", None),  # one number, and more after it: no FIN
    (f"{HELLO} <0.5>sFA cFA sA", "c", "closed_unanswered", "responder"),
    (f"{HELLO} <0.5>sFA cFA sA", "s", "closed_unanswered", "responder"),
    (f"{HELLO} <0.5>cFA sFA cA", "c", "client_gave_up", "originator"),
    (f"{HELLO} <0.5>cFA sA <0.2>sPA900 cR", "c", "write_after_peer_close", "originator"),
    (f"{HELLO} <0.5>cFA sA <0.2>sPA900 cR", "s", "client_gave_up", "originator"),
    (f"{EXCHANGE} cFA sA <0.2>sPA900 cR", "s", "still_open", "originator"),
    (f"{EXCHANGE} <0.5>sFA cA cPA20 sR", "c", "stale_keepalive", "responder"),
    (f"{EXCHANGE} <0.5>sFA cA cPA20 sR", "s", "stale_keepalive", "responder"),
    (f"{EXCHANGE} sFA cA cPA20 sR", "c", "write_after_peer_close", "responder"),
    (f"{EXCHANGE} sFA cA cPA20 sR", "s", "write_after_peer_close", "responder"),
    (f"{HELLO} cFA sA sPA50 cA sFA cA", "s", "half_close", "originator"),
    (f"{EXCHANGE} cPA20 sA sRAt", "s", "aborted", "responder"),
    (f"{EXCHANGE} cPA20 sA sRAt", "c", "still_open", None),
    # what answers a keep-alive is in the other direction; that its sender gave up is in this one
    (f"{EXCHANGE} <5>cAk sA <5>cAk sA <5>cAk sA <5>cAk sA", "c", "still_open", None),
    (f"{EXCHANGE} <5>cAk <1>cAk <1>cAk <1>cRAt", "c", "keepalive_timeout", None),
]


def only(side: str, text: str) -> str:
    """The other side's packets marked as not captured."""
    out = []
    for token in text.split():
        match = TOKEN.match(token)
        assert match
        out.append(token if match[2] == side else f"{token}x")
    return " ".join(out)


@pytest.mark.parametrize(("text", "side", "cause", "first"), CASES, ids=[f"{c[1]} of {c[0]}" for c in CASES])
def test_what_its_acks_tell(text: str, side: str, cause: str, first: str | None) -> None:
    verdict = judge(flow_table(only(side, text))).of(0)
    assert (verdict.cause, verdict.closed_first) == (cause, first), verdict.sentence
    assert verdict.certainty == "possible" or verdict.cause == "aborted"


@pytest.mark.parametrize(
    ("text", "side", "errors"),
    [
        (f"{EXCHANGE} <0.5>sFA cA cPA20 sR", "s", ("EOF", "EPIPE")),  # the RST's number tells that the FIN had come
        (f"{EXCHANGE} cPA20 sA sRAt", "s", ("ECONNRESET", "ECONNRESET")),
        (f"{HELLO} <0.5>sFA cFA sA", "c", ("EOF", "EPIPE")),
    ],
)
def test_the_clients_errors(text: str, side: str, errors: tuple[str, str]) -> None:
    calls = judge(flow_table(only(side, text))).of(0).errors["originator"]
    assert (calls.read, calls.write) == errors


def test_evidence_says_that_it_is_an_ack() -> None:
    verdict = judge(flow_table(only("c", f"{HELLO} <0.5>sFA cFA sA"))).of(0)
    assert [(e.packet, "acknowledges it" in e.text) for e in verdict.evidence] == [(3, False), (4, True)]


def test_where_the_other_side_comes_later_its_own_packets_count() -> None:
    both = "cPA20 sA sPA50x cA sPA1x cA sPA60 cA cFA sFA cA"
    kinds = [event.kind.name for event in judge(flow_table(both)).template(0).history.events if event.side]
    assert kinds.count("FIN") == 1


def test_what_one_direction_makes_a_guess_is_information_and_a_reset_is_not() -> None:
    for text, side, severity in (
        (f"{HELLO} <0.5>sFA cFA sA", "s", "info"),
        (f"{HELLO} <0.5>sFA cFA sA", "", "critical"),
        (f"{HELLO} <0.5>sRAt", "s", "critical"),
    ):
        table = flow_table(only(side, text) if side else text)
        assert [f.severity.value for f in find_groups(table, judge(table))] == [severity], text
