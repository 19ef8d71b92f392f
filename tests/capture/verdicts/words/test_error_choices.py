from __future__ import annotations

import pytest

from capture.verdicts.judge import judge
from capture.verdicts.words.error_choices import error_choice
from tests.capture.verdicts.notation import NORMAL, flow_table

HELLO = "cS sSA cA cPA20 sA"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{HELLO} sRAt", "next read or write of the client gets ECONNRESET"),
        (f"{HELLO} sFA cA cPA20 sR", "If the client writes again it gets EPIPE (broken pipe)"),
        (f"{HELLO} sPA9 cA cPA9 <1>cPA9* <1>cPA9* <1>cPA9*", "The next call of the client gets ETIMEDOUT"),
        (f"{HELLO} sFA cA cPA9 <1>cPA9* <1>cPA9* <1>cPA9*", "If the client writes again it gets ETIMEDOUT"),
        ("cS sRA", "connect() gets ECONNREFUSED"),
    ],
)
def test_who_gets_what(text: str, words: str) -> None:
    verdicts = judge(flow_table(text))
    assert words in error_choice(verdicts.template(0))
    assert words in verdicts.of(0).sentence


def test_a_good_end_needs_no_outlook() -> None:
    for text in (NORMAL, "cS sSA cA cRAt", f"{HELLO} sPA9 cA"):
        assert error_choice(judge(flow_table(text)).template(0)) == ""
