from __future__ import annotations

import pytest

from capture.verdicts.judge import judge
from capture.verdicts.words.sentence_numbers import Numbers, duration
from tests.capture.verdicts.notation import flow_table


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ms"),
        (350_000, "0.35 ms"),
        (35_000_000, "35 ms"),
        (531_400_000, "531 ms"),
        (3_090_000_000, "3.1 s"),
        (125_000_000_000, "2 min 5 s"),
        (7_200_000_000_000, "2 h 0 min"),
        (-5, "0 ms"),
    ],
)
def test_durations_as_people_say_them(ns: int, text: str) -> None:
    assert duration(ns) == text


def test_numbers_of_many_connections_at_once() -> None:
    table = flow_table(*[f"cS sSA cA cPA20 sA <{wait}>cFA sA <1>sPA40 cR" for wait in (0.5, 1.5, 1.7)])
    verdicts = judge(table)
    waits = [
        Numbers(table, verdicts.signed, verdicts.template(i), [i]).waited.tolist()[0] // 10_000_000 for i in range(3)
    ]
    assert waits == [50, 150, 170]


def test_an_icmp_error_has_a_packet_number_too() -> None:
    table = flow_table("cS i3.1 <1>cS* i3.1")
    verdict = judge(table).of(0)
    assert [e.packet for e in verdict.evidence] == [1, 901]
    assert "10.9.9.9" in verdict.sentence
