from __future__ import annotations

from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import flow_table

HELLO = "cS sSA cA cPA20 sA"


def sentence(text: str) -> str:
    return judge(flow_table(text)).of(0).sentence


def test_a_sentence_tells_who_and_how_long() -> None:
    assert sentence(f"{HELLO} <3>cFA sA <1>sPA40 cR").startswith("The client gave up waiting after 3.0 s and closed")


def test_it_says_what_the_capture_cannot_tell() -> None:
    told = sentence(f"{HELLO} sFA cA cPA20 sR")
    assert told.endswith("writes again it gets EPIPE (broken pipe); if it only reads, EOF; if it had closed, nothing.")


def test_a_well_known_silence_is_named() -> None:
    told = sentence(f"{HELLO} sPA9 cA <60>sFA cPA20~ sR")
    assert "matches the default of nginx proxy_read_timeout" in told
    assert "matches" not in sentence(f"{HELLO} sPA9 cA <42>sFA cPA20~ sR")


def test_a_percent_sign_in_a_text_is_harmless() -> None:
    from capture.verdicts.words.sentences import _format

    text, names = _format("silent_drop", 0, "en")
    assert names == ("span",)
    assert text % ("1 s",)
