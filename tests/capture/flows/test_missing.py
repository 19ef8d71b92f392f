"""What the capture lacks of a connection: acknowledged, and never captured. `x` marks what was sent and is not here."""

from __future__ import annotations

import pytest

from tests.capture.verdicts.notation import NORMAL, flow_table

OPEN = "cS sSA cA"
CASES = [
    # a connection, and of whom something is missing
    (NORMAL, ""),
    (f"{OPEN} cPA20 sA sPA50x cA", "s"),  # the last that it said
    (f"{OPEN} cPA20 sA sPA50x sPA60 cA", "s"),
    (f"{OPEN} cPA20 sA sPA50x sPA60 sPA60* cA", "s"),  # a repetition makes up for nothing
    (f"{OPEN} cPA20 sA cPA20* sPA50x sPA60 cA cFA sFA cA", "s"),
    (f"{OPEN} cPA20x sA sPA50x cA cPA9 sA", "cs"),
    (f"{OPEN} cPA20 sA sPA50x cA sPA50* cA", ""),  # it came late
    (f"{OPEN} cPA20 sA sPA50x sPA60", ""),  # passed over, and acknowledged by nobody yet
    (f"{OPEN} cPA20 sA sFAx cFA sA", "s"),  # a FIN takes a number
    (f"{OPEN} cPA20x cRAt sR!", ""),  # a RST proves nothing
    (f"{OPEN} cPA20 sA cRAt", ""),
    ("cS sA cR <1>cS* sSA cA cPA20 sA sPA3 cA", ""),  # an older connection's number
    ("cPA20 sA sPA50 cA", ""),  # begun in the middle
    ("sSA sPA50x sPA60", "s"),  # one direction: what was passed over cannot be known to be lost
    (f"{OPEN} sPA1400x " + "sPA1400 sPA1400x " * 9 + "cA", "s"),  # more gaps than are kept
]


@pytest.mark.parametrize(("text", "whose"), CASES, ids=[case[0][:60] for case in CASES])
def test_missing(text: str, whose: str) -> None:
    flows = flow_table(text)
    assert flows.missing[0].tolist() == ["c" in whose, "s" in whose]
    assert flows.packets_missing == bool(whose)


def test_an_answer_to_a_syn_that_was_not_captured() -> None:
    assert flow_table("cS sSAx cA cPA20 sA sPA50 cA").packets_missing == 1
    assert flow_table("cS sSAx cA").packets_missing == 0
    assert flow_table("cS sRA", "cS").packets_missing == 0


def test_one_direction_is_told_by_what_the_other_side_acknowledged() -> None:
    def counted(*texts: str) -> int:
        return flow_table(*texts).one_direction

    assert counted("cS sSAx cA cPA20 sAx sPA50x cA") == 1
    assert counted("cSx sSA cAx cPA20x sA sPA50 cAx", NORMAL) == 1
    assert counted("cS sSA cA cPA20 sAx sPA50x cA") == 0  # one packet of a side is seen
    assert counted("cPA20 <1>cPA20*") == 0  # nobody else was heard
    assert counted("cS sSAx cA sFAx cA") == 0  # no data


def test_times_that_run_back_are_counted_beyond_a_tenth_of_a_second() -> None:
    assert flow_table("cS sSA <-0.101>cA").times_run_back == (0, 100_000_000)
    assert flow_table("cS sSA <-0.101001>cA").times_run_back == (1, 100_001_000)
    assert flow_table(NORMAL).times_run_back == (0, 0)
