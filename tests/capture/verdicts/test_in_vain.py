"""What was sent again and never acknowledged: nobody says that it arrived, or that nothing was lost.

And what a socket that had given up, or one that a forged RST did not reach, does later.
"""

from __future__ import annotations

import pytest

from capture.model import Side
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import flow_table
from tests.capture.verdicts.test_thresholds import HELLO, LIKELY, POSSIBLE, SERVED

GONE = f"{SERVED} cPA20 <0.2>cPA20* <0.4>cPA20* <0.8>cPA20*"
ANSWER = f"{HELLO} sPA50 <0.2>sPA50* <0.4>sPA50* <0.8>sPA50*"

TABLE = [
    # after the peer's FIN: what was meant timed out, a goodbye and a FIN were only not heard
    (f"{SERVED} sFA cA cPA20 <0.2>cPA20* <0.4>cPA20* <0.8>cPA20* cFA", "silent_drop", LIKELY, False),
    (f"{SERVED} sFA cA cPA20 <0.2>cPA20* <0.4>cPA20* cFA", "half_close", LIKELY, False),
    (f"{SERVED} sFA cA cPA20 <0.2>cPA20* cFA", "half_close", LIKELY, False),
    (f"{SERVED} sFA cA cPA24g <0.2>cPA24g* <0.4>cPA24g* <0.8>cPA24g* cFA", "normal_close", LIKELY, True),
    (f"{SERVED} sFA cA cPA9m <0.2>cPA9m* <0.4>cPA9m* <0.8>cPA9m* cFA", "half_close", LIKELY, False),
    (f"{SERVED} sFA cA cPA24g cFA <0.2>cFA* <0.4>cFA* <0.8>cFA*", "normal_close", LIKELY, True),
    (f"{SERVED} sFA cA cFPA20 <0.2>cFPA20* <0.4>cFPA20* <0.8>cFPA20*", "silent_drop", LIKELY, False),
    (f"{SERVED} cFA sA sPA24g sFA <0.2>sFA* <0.4>sFA*", "normal_close", LIKELY, True),
    # the rest of a half-close: acknowledged, or not
    (f"{HELLO} cFA sA sPA50 sFA cA", "half_close", "certain", True),
    (f"{HELLO} cFA sA sPA50 sFA", "half_close", LIKELY, False),
    (f"{HELLO} cFA sA sPA50 <0.2>sPA50* sFA", "half_close", LIKELY, False),
    (f"{HELLO} cFA sA sPA50 <0.2>sPA50* <0.4>sPA50* <0.8>sPA50* sFA", "silent_drop", LIKELY, False),
    (f"{SERVED} <0.1>sFA cA cPA20 cFA", "half_close", LIKELY, False),
    # a client that closes with its answer sent again, and not acknowledged by its FIN either
    (f"{HELLO} sPA50 <0.2>sPA50* <1>cFA~ sFA", "client_gave_up", LIKELY, False),
    (f"{HELLO} sPA50 <0.2>sPA50* <1>cFA~ sA", "client_gave_up", LIKELY, False),
    (f"{HELLO} sPA50 <0.2>sPA50* <1>cFA sFA", "normal_close", LIKELY, True),
    (f"{HELLO} sPA50 <1>cFA~ sFA", "normal_close", LIKELY, True),
    (f"{HELLO} sPA50g <0.2>sPA50g* <1>cFA~ sFA", "client_gave_up", LIKELY, False),
    ("cS sSA cA sPA50 <0.2>sPA50* <1>cFA~ sFA", "normal_close", LIKELY, False),  # it had not asked
    (f"{ANSWER} cFA~ sFA", "silent_drop", LIKELY, False),
    (f"{ANSWER} cA cFA sFA cA", "normal_close", "certain", True),
    # the capture's last packet is a first request that was taken, or might be yet
    (HELLO, "no_response", POSSIBLE, False),
    ("cS sSA cA cPA20", "still_open", POSSIBLE, True),
]


@pytest.mark.parametrize(("text", "cause", "certainty", "harmless"), TABLE, ids=[case[0] for case in TABLE])
def test_what_was_sent_in_vain(text: str, cause: str, certainty: str, harmless: bool) -> None:
    verdicts = judge(flow_table(text))
    diagnosis = verdicts.template(0).diagnosis
    sentence = verdicts.of(0).sentence
    assert (diagnosis.cause, diagnosis.certainty.value, diagnosis.harmless) == (cause, certainty, harmless), sentence
    assert "harmless" not in sentence.lower() or harmless


@pytest.mark.parametrize(
    "text",
    [
        f"{SERVED} sFA cA cPA24g cFA <0.2>cFA*",
        f"{SERVED} cFA sA sFA <0.2>sFA* <0.4>sFA*",
        f"{HELLO} cFA sA sPA50 sFA",
        f"{HELLO} sPA50 <0.2>sPA50* <1>cFA~ sFA",
    ],
)
def test_nobody_says_that_it_arrived(text: str) -> None:
    sentence = judge(flow_table(text)).of(0).sentence
    assert "acknowledge" in sentence
    assert "nothing was lost" not in sentence
    assert "all that was sent arrived" not in sentence


@pytest.mark.parametrize(
    ("text", "side", "read", "write"),
    [
        # it had given up: what comes later meets no socket, and tells its application nothing
        (f"{GONE} <60>sFA~ cR", 0, "ETIMEDOUT", "ETIMEDOUT"),
        (f"{GONE} <60>sPA9~ cR", 0, "ETIMEDOUT", "ETIMEDOUT"),
        (f"{GONE} <60>cR", 0, "ETIMEDOUT", "ETIMEDOUT"),
        (f"{ANSWER} <60>cFA~ sR", 1, "ETIMEDOUT", "ETIMEDOUT"),
        # of a FIN that it had acknowledged before, it knows
        (f"{SERVED} sFA cA cPA20 <0.2>cPA20* <0.4>cPA20* <0.8>cPA20* <60>sFA*~ cR", 0, "EOF", "ETIMEDOUT"),
        # two repetitions are enough, as of a silence to the end; after one, what became of it is unknown
        (f"{SERVED} cPA20 <0.2>cPA20* <0.4>cPA20* <60>sFA~ cR", 0, "ETIMEDOUT", "ETIMEDOUT"),
        (f"{SERVED} cPA20 <0.2>cPA20* <60>sFA~ cR", 0, None, None),
        (f"{SERVED} <5>cFA sR", 1, None, None),
        # repeated, and acknowledged after all, if only by the FIN that met no socket: EOF it did not read
        (f"{GONE} sA <60>sFA cR", 0, None, None),
        (f"{GONE} <60>sFA cR", 0, None, None),
        (f"{ANSWER} <60>cFA sR", 1, None, None),
        # behind data that did not arrive, a FIN is read by nobody
        (f"{HELLO} cFA sA sPA50 <0.2>sPA50* sFA", 0, None, "EPIPE"),
        (f"{HELLO} cFA sA sPA50 sFA", 0, "EOF", "EPIPE"),
    ],
)
def test_what_the_side_gets_that_was_not_heard(text: str, side: int, read: str | None, write: str | None) -> None:
    calls = judge(flow_table(text)).of(0).errors[(Side.ORIGINATOR, Side.RESPONDER)[side]]
    assert (calls.read, calls.write) == (read, write)


OPEN = f"{SERVED} cPA20 sA"


@pytest.mark.parametrize(
    ("text", "cause", "reset_by"),
    [
        # a forged RST that the client outlived: it went on, and reset by itself
        (f"{OPEN} sRAt^57 cPA20 cRAt", "client_gave_up", "originator"),
        (f"{OPEN} sRAt^57 cA cRAt", "client_gave_up", "originator"),
        (f"{OPEN} sRAt^57 sPA50 cRAt", "aborted", "originator"),  # which acknowledges what came after the forged one
        (f"{OPEN} cRAt^57 sPA50 cA cPA20 sRAt", "aborted", "responder"),
        # nothing shows that it did: both may have been forged, or one have crossed the other
        (f"{OPEN} sRAt^57 cRAt", "middlebox_reset", "middlebox"),
        (f"{OPEN} sRAt^57 sPA50 cRAt~", "middlebox_reset", "middlebox"),
        (f"{OPEN} sRAt^57 cPA20 cRAt^57", "middlebox_reset", "middlebox"),
        (f"{OPEN} sRAt^57 cPA20 cRA", "middlebox_reset", "middlebox"),
        (f"{OPEN} sR^57 cPA20~ cR", "middlebox_reset", "middlebox"),
        (f"{OPEN} sRAt cPA20~ cRAt", "aborted", "responder"),  # the server's own
    ],
)
def test_a_reset_after_a_forged_one(text: str, cause: str, reset_by: str) -> None:
    verdict = judge(flow_table(text)).of(0)
    assert (verdict.cause, verdict.reset_by) == (cause, reset_by), verdict.sentence
    if reset_by != "middlebox" and "^57" in text:
        assert "middlebox_reset" in verdict.alternatives
