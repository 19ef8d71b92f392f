from __future__ import annotations

from capture.verdicts.events.event_codes import Context
from capture.verdicts.judge import judge
from capture.verdicts.rules.signatures import CONTEXT_BITS, MOST_EVENTS
from tests.capture.verdicts.notation import NORMAL, flow_table, numbers


def test_each_context_has_room_in_a_signature() -> None:
    assert max(Context) < 1 << CONTEXT_BITS


def test_equal_stories_share_a_template() -> None:
    verdicts = judge(flow_table(NORMAL, NORMAL.replace("cPA20", "cPA900"), "cS sRA", NORMAL))
    assert verdicts.template_of.tolist() == [0, 0, 1, 0]


def test_icmp_errors_stand_where_they_came() -> None:
    verdicts = judge(flow_table("cS i3.1 <1>cS* i3.1"))
    kinds = [event.kind.name for event in verdicts.template(0).history.events]
    assert kinds == ["SYN", "ICMP", "SYN", "ICMP"]
    assert verdicts.signed.rows(0) == [0, -1, 1, -2]


def test_a_storm_of_icmp_errors_stays_short() -> None:
    verdicts = judge(flow_table("cS sSA cA cPA9 sA cPA9 " + "i3.1 <1>cPA9* " * 200))
    assert len(verdicts.template(0).history.events) < 20


def test_a_restless_connection_is_cut_in_the_middle() -> None:
    # windows that close and open in no regular order
    text = "cS sSA cA " + " ".join(f"cA{1000 + i} sAz {'<1>cAk sAz ' * (i % 3)}sA" for i in range(200))
    verdicts = judge(flow_table(text + " cFA sFA cA"))
    assert len(verdicts.template(0).history.events) <= MOST_EVENTS
    assert verdicts.of(0).cause == "normal_close"
    packets = numbers(verdicts.flows)
    assert len(verdicts.states(0, packets)) == len(packets)
