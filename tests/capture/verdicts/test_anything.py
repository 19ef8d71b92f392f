"""Any packets in any order: a verdict, states, evidence and JSON, and no alarm where both sides simply closed."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from capture.report.json_members import members
from capture.verdicts import catalogue
from capture.verdicts.events.vantage import vantage_of
from capture.verdicts.groups.group_findings import find_groups
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import flow_table

GAPS = st.sampled_from(["", "", "", "<0.3>", "<3>", "<61>"])
PACKETS = st.sampled_from(
    [
        "cS",
        "sS",
        "sSA",
        "cSA",
        "cA",
        "sA",
        "cPA20",
        "sPA20",
        "cPA1448",
        "sPA1448",
        "cFA",
        "sFA",
        "cFPA9",
        "sFPA9",
        "cR",
        "sR",
        "cRAt",
        "sRAt",
        "sRA",
        "sRA!^9",
        "cPA20*",
        "sPA1448*",
        "cS*",
        "sSA*",
        "sFA*",
        "cAk",
        "sAk",
        "sAz",
        "cAz",
        "cPA5~",
        "sFA~",
        "cFA~",
        "sR^61",
        "sRAt#40000",
        "i3.1",
        "i3.3",
        "i3.13",
        "i11.0",
    ]
)
TOKENS = st.tuples(GAPS, PACKETS).map("".join)
STARTS = st.sampled_from(["cS", "sSA", "cPA20", "sR"])
TEXTS = st.builds(lambda first, rest: " ".join([first, *rest]), STARTS, st.lists(TOKENS, max_size=14))
TALK = st.lists(
    st.sampled_from(["cPA20 sA", "cPA900 sPA20", "sPA1448 cA", "<2>cPA20 sA sPA9 cA", "<70>cAk sA"]), max_size=6
)
CLOSES = st.sampled_from(["cFA sA sFA cA", "sFA cFA sA", "cFA sFA~ cA sA", "cFA sA sPA5000 cA sFA cA", "cFPA9 sFA cA"])


@given(st.lists(TEXTS, min_size=1, max_size=4))
@settings(max_examples=250, deadline=None)
def test_anything_has_a_verdict(texts: list[str]) -> None:
    table = flow_table(*texts)
    verdicts = judge(table)
    find_groups(table, verdicts)
    vantage_of(table)
    for i, text in enumerate(members(verdicts, range(len(table)))):
        found = json.loads("{" + text + "}")
        assert found["cause"] in catalogue.causes()
        assert "{" not in found["sentence"]
        packets = set(range(1, int(table.packet_count.sum()) + 1))
        assert len(verdicts.states(i, sorted(packets))) == len(packets)
        packets |= {error.number for error in table.quoted.get(i, [])}
        assert {evidence["packet"] for evidence in found["evidence"]} <= packets


@given(TALK, CLOSES, st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_alarm_where_both_sides_closed(talk: list[str], close: str, whole: bool) -> None:
    answered = ["cPA30 sA sPA9 cA"]  # a request that nobody ever answers is another matter
    text = " ".join([*(["cS sSA cA"] if whole else []), *answered, *talk, *answered, close])
    verdict = judge(flow_table(text)).of(0)
    assert catalogue.causes()[verdict.cause].clean, (text, verdict)
    assert verdict.ended_by == "fin"
