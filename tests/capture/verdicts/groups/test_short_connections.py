from __future__ import annotations

from capture.model import Severity
from capture.verdicts.groups.short_connections import short_connections
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import NORMAL, flow_table


def test_one_exchange_each_is_told() -> None:
    table = flow_table(*[NORMAL] * 40, starts=[i / 50 for i in range(40)])
    (finding,) = short_connections(table, judge(table))
    assert finding.connections == 40
    assert finding.severity is Severity.INFO
    assert finding.facts["closed_by"] == "originator"
    assert "each leaves a TIME-WAIT" in finding.text


def test_keep_alive_is_fine() -> None:
    many = "cS sSA cA " + "cPA20 sPA50 " * 5 + "cA cFA sFA cA"
    table = flow_table(*[many] * 40, starts=[i / 50 for i in range(40)])
    assert short_connections(table, judge(table)) == []


def test_a_few_a_minute_are_fine() -> None:
    table = flow_table(*[NORMAL] * 40, starts=[i * 5.0 for i in range(40)])
    assert short_connections(table, judge(table)) == []


def test_each_client_and_listener_on_its_own() -> None:
    other = 0x0A000003
    texts = [NORMAL] * 60
    table = flow_table(*texts, servers=[0x0A000002] * 40 + [other] * 20, starts=[i / 50 for i in range(60)])
    assert [finding.connections for finding in short_connections(table, judge(table))] == [40, 20]
    few = flow_table(*texts[:59], servers=[0x0A000002] * 40 + [other] * 19, starts=[i / 50 for i in range(59)])
    assert [finding.connections for finding in short_connections(few, judge(few))] == [40]
    # of one pair the exchanges must be most: four in five
    many = "cS sSA cA " + "cPA20 sPA50 " * 5 + "cA cFA sFA cA"
    mixed = flow_table(*[NORMAL] * 40, *[many] * 10, starts=[i / 50 for i in range(50)])
    (finding,) = short_connections(mixed, judge(mixed))
    assert finding.connections == 40
    more = flow_table(*[NORMAL] * 40, *[many] * 11, starts=[i / 50 for i in range(51)])
    assert short_connections(more, judge(more)) == []
