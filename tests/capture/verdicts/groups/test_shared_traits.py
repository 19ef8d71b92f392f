"""What the ends of a group are alike in: both sides of each threshold."""

from __future__ import annotations

import pytest

from capture.model import Finding
from capture.verdicts import catalogue
from capture.verdicts.groups.group_findings import find_groups
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import NORMAL, flow_table

STALE = "cS sSA cA cPA20 sA sPA50 cA <{}>sFA cA <0.5>cPA20 sR"
IDLE_THEN_FINE = "cS sSA cA cPA20 sA sPA50 cA <{}>cPA20 sA sPA50 cA cFA sFA cA"
CUT_OFF = "cS sSA cA cPA20 sA <{}>sRAt"


def found(*texts: str, **more: list) -> Finding:  # type: ignore[type-arg]
    table = flow_table(*texts, **more)
    return find_groups(table, judge(table))[0]


def test_a_limit_lies_between_those_that_died_and_those_that_lived() -> None:
    died = [STALE.format(seconds) for seconds in (61, 95, 200)]
    finding = found(*died, *[IDLE_THEN_FINE.format(seconds) for seconds in (5, 31, 58)])
    assert (
        "All 3 had been idle for 61.0 s or longer, and none of the 3 others there for longer than 58.0 s"
        in finding.text
    )
    assert "60 s, the default of nginx" in finding.text
    assert "75 s" not in finding.text
    # one that lived longer than one that died: there is no limit between
    assert "an idle limit" not in found(*died, *[IDLE_THEN_FINE.format(seconds) for seconds in (5, 31, 62)]).text


@pytest.mark.parametrize(("died", "lived", "told"), [(3, 3, True), (2, 3, False), (3, 2, False)])
def test_a_limit_needs_three_on_either_side(died: int, lived: int, told: bool) -> None:
    texts = [STALE.format(seconds) for seconds in (61, 95, 200)[:died]]
    texts += [IDLE_THEN_FINE.format(seconds) for seconds in (5, 31, 58)[:lived]]
    assert ("an idle limit" in found(*texts).text) is told


def test_http_defaults_are_told_of_http_ports_only() -> None:
    alike = [STALE.format(5.0 + i / 1000) for i in range(4)]
    assert "Node.js" in found(*alike, ports=[3000] * 4).text
    assert "Node.js" not in found(*alike, ports=[1883] * 4).text
    assert "After 5.0 s of silence in 4 of 4." in found(*alike, ports=[1883] * 4).text


def test_a_forwarder_cuts_off_at_once() -> None:
    fast, slow = CUT_OFF.format(0.008), CUT_OFF.format(0.011)
    assert "A forwarder without a backend" in found(fast, fast, fast, fast).text
    assert "A forwarder without a backend" not in found(slow, slow, slow, slow).text
    assert "A forwarder without a backend" not in found(fast, fast, fast, fast, NORMAL).text  # it serves others


def test_ends_at_one_moment_are_a_restart() -> None:
    def at(*begins: float, moment: float) -> Finding:
        texts = [STALE.format(round(moment - begin, 3)) for begin in begins]
        return found(*texts, starts=list(begins))

    assert "stopped or restarted" in at(0, 4, 9, moment=20).text
    assert "stopped or restarted" not in at(0, 4, moment=20).text  # two are no pattern
    spread = [STALE.format(seconds) for seconds in (20, 30, 47)]
    assert "stopped or restarted" not in found(*spread, starts=[0.0, 4.0, 9.0]).text


@pytest.mark.parametrize(("seconds", "named"), [(59.05, False), (59.15, True), (60.85, True), (60.95, False)])
def test_a_silence_near_a_default(seconds: float, named: bool) -> None:
    assert ("ALB" in (catalogue.timeout_names(seconds) or "")) is named
    assert catalogue.timeout_names(seconds, http=False) is None


def test_a_client_that_aborts_weighs_less_than_a_server_that_does() -> None:
    by_client = found(*["cS sSA cA cPA20 sA sPA1448 cA <0.5>cRAt"] * 5)
    by_server = found(*["cS sSA cA cPA20 sA sRAt"] * 5)
    assert (by_client.severity.value, by_server.severity.value) == ("warning", "critical")


ASKED = "cS sSA cA cPA20 sA"


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        # a client that leaves while the answer comes (`curl | head`): by FIN, by RST, or by its HTTP header
        (f"{ASKED} sPA1448 cA sA1448 cFA~ sA1448 cR", "info"),
        (f"{ASKED} sPA1448 cA sA1448 cRAt~", "info"),
        (f"{ASKED} sPA1448c cA sA1448 cRAt~", "info"),
        # after a pause, before an answer, with its window closed, or where the rest came long after
        (f"{ASKED} sPA1448 cA sA1448 <0.199>cFA~ sA1448 cR", "warning"),
        (f"{ASKED} sPA1448 cA cPA20 cFA sA1448 cR", "warning"),
        (f"{ASKED} sPA1448 cA sA1448 cAz~ cRAt~", "warning"),
        (f"{ASKED} sPA1448 cA cFA <0.198>sA1448 cR", "info"),
        (f"{ASKED} sPA1448 cA cFA <0.199>sA1448 cR", "warning"),
        # of a server that leaves in the same way
        (f"{ASKED} sPA1448 cA sA1448 sFA cPA20~ sR", "warning"),
    ],
)
def test_a_client_that_leaves_amid_the_answer_is_no_alarm(text: str, severity: str) -> None:
    assert found(text).severity.value == severity
