from __future__ import annotations

from capture.model import Severity
from capture.verdicts.judging import judge
from capture.verdicts.short_connections import short_connections
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
