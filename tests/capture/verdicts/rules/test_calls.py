"""The application's next calls, against what Linux gives: every state that a RST or a time-out can meet."""

from __future__ import annotations

import pytest

from capture.model import NextCalls, Side
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import flow_table

HELLO = "cS sSA cA cPA20 sA"


def calls(text: str, side: Side) -> NextCalls:
    return judge(flow_table(text)).of(0).errors[side]


@pytest.mark.parametrize(
    ("text", "read", "write"),
    [
        (f"{HELLO} sRAt", "ECONNRESET", "ECONNRESET"),  # ESTABLISHED
        (f"{HELLO} sFA cA cPA9 sR", "EOF", "EPIPE"),  # CLOSE-WAIT
        (f"{HELLO} cFA sA sRAt", "ECONNRESET", "ECONNRESET"),  # FIN-WAIT-2
        (f"{HELLO} cFA sRAt", "ECONNRESET", "ECONNRESET"),  # FIN-WAIT-1
        (f"{HELLO} sFA cA cFA sR", "EOF", "ECONNRESET"),  # LAST-ACK
        (f"{HELLO} sFA cPA9~ sR", "EOF", "EPIPE"),  # the FIN was on its way before the RST
        (f"{HELLO} sPA9 cA cPA9 <1>cPA9* <1>cPA9* <1>cPA9*", "ETIMEDOUT", "ETIMEDOUT"),
        (f"{HELLO} sFA cA cPA9 <1>cPA9* <1>cPA9* <1>cPA9*", "EOF", "ETIMEDOUT"),
        (f"{HELLO} sFA cA", "EOF", "ok"),
        (f"{HELLO} sPA9 cA", None, "ok"),
        (f"{HELLO} cFA sA", None, "EPIPE"),
    ],
)
def test_what_the_client_gets(text: str, read: str | None, write: str | None) -> None:
    found = calls(text, Side.ORIGINATOR)
    assert (found.connect, found.read, found.write) == ("ok", read, write)


def test_a_fin_that_a_socket_no_longer_met() -> None:
    text = f"{HELLO} sPA50 <0.2>sPA50* <0.4>sPA50* <0.8>sPA50*"
    assert calls(f"{text} <9>cFA~ sR", Side.RESPONDER).read == "ETIMEDOUT"
    assert calls(f"{text} <1>cFA~ sA <1>sPA50*", Side.RESPONDER).read == "EOF"


def test_a_router_tells_the_sender_of_what_it_quotes() -> None:
    repeats = " ".join(f"<{gap}>cPA9* cPA9* sPA50*~" for gap in (0.2, 0.4, 0.8, 1.6))
    text = f"{HELLO} sPA50 cPA9 i3.1 {repeats} <3>cPA9* i3.1"
    assert calls(text, Side.ORIGINATOR).read == "EHOSTUNREACH"
    assert calls(text, Side.RESPONDER).read == "ETIMEDOUT"


def test_connect() -> None:
    assert calls("cS sRA", Side.ORIGINATOR).connect == "ECONNREFUSED"
    assert calls("cS <1>cS*", Side.ORIGINATOR).connect == "ETIMEDOUT"
    assert calls("cS i3.13", Side.ORIGINATOR).connect == "EHOSTUNREACH"
    assert calls("cS sSA cA", Side.ORIGINATOR).connect == "ok"
    assert calls("cS sSA", Side.ORIGINATOR).connect is None
    assert calls("cS sSA cA", Side.RESPONDER).connect is None


def test_a_gateway_that_forgot_resets_both_sides() -> None:
    # captured at the server: the gateway answers its FIN in the client's name, and will answer the client likewise
    found = calls(f"{HELLO} sPA9 cA <6>sFA cR^61", Side.ORIGINATOR)
    assert found.read == "ECONNRESET"


def test_the_side_that_reset_has_no_next_call() -> None:
    found = calls(f"{HELLO} sRAt", Side.RESPONDER)
    assert (found.read, found.write) == (None, None)


def test_the_far_side_of_a_silence_is_unknown() -> None:
    found = calls(f"{HELLO} sPA9 cA cPA9 <1>cPA9* <1>cPA9* <1>cPA9*", Side.RESPONDER)
    assert (found.read, found.write) == (None, None)
