from __future__ import annotations

import pytest

from capture.model import Ending
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import flow_table

HELLO = "cS sSA cA"


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("cS", Ending.OPEN),
        ("cS <1>cS*", Ending.TIMEOUT),
        ("cS i3.1", Ending.ICMP),
        ("cS sRA", Ending.RST),
        ("cS sSA <1>sSA* <2>sSA*", Ending.TIMEOUT),
        (f"{HELLO} cPA20 sA", Ending.OPEN),
        (f"{HELLO} cPA20 sA cFA sA", Ending.OPEN),
        (f"{HELLO} cPA20 sA cFA sFA", Ending.FIN),
        (f"{HELLO} cPA20 sA cFA sFA cA sR", Ending.FIN),
        (f"{HELLO} cPA20 sA cFA sFA <1>sFA* <1>sFA* <1>sFA*", Ending.FIN),
        (f"{HELLO} cPA20 sA cFA sA sPA5~ sFA~ <1>sFA* <1>sFA* <1>sFA*", Ending.FIN),
        (f"{HELLO} cPA20 sA cPA20 i3.1 <1>cPA20* <1>cPA20* <1>cPA20* i3.1", Ending.TIMEOUT),
        (f"{HELLO} cPA20 sA cPA20 <1>cPA20* <1>cPA20* <1>cPA20* <5>sFA~ cR", Ending.TIMEOUT),
        (f"{HELLO} cPA20 sA <1>cAk <1>cAk cRAt", Ending.TIMEOUT),
        ("cPA20 cA cFA", Ending.FIN),
    ],
)
def test_how_it_ended(text: str, ending: Ending) -> None:
    assert judge(flow_table(text)).of(0).ended_by is ending


def test_a_capture_that_stops_early_shows_no_time_out() -> None:
    # two repeats, and the capture goes on elsewhere for less than a second
    texts = (f"{HELLO} cPA20 sA sPA9 cA cPA20 <0.2>cPA20* <0.4>cPA20*", f"{HELLO} cPA20 sA <0.9>sPA5 cA")
    assert judge(flow_table(*texts)).of(0).ended_by is Ending.OPEN
