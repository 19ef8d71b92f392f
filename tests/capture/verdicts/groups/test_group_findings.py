"""Groups: one problem is one finding, with what its connections have in common."""

from __future__ import annotations

import numpy as np
import pytest

from capture.model import Finding, Severity
from capture.verdicts.groups.group import Group
from capture.verdicts.groups.group_findings import find_groups, severity_of
from capture.verdicts.groups.proxy_findings import Hop
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import NORMAL, flow_table

RESET = "cS sSA cA cPA20 sA sPA50 cA <0.3>sRAt"
GAVE_UP = "cS sSA cA cPA20 sA <{}>cFA sA <1>sPA40 cR"


def found(*texts: str, **more: list) -> list[Finding]:  # type: ignore[type-arg]
    table = flow_table(*texts, **more)
    return find_groups(table, judge(table))


def test_ordinary_traffic_has_no_finding() -> None:
    assert found(*[NORMAL] * 15) == []
    assert found() == []


def test_the_same_resets_are_one_finding() -> None:
    findings = found(*[RESET] * 30, *[NORMAL] * 10)
    assert [(f.code, f.connections) for f in findings] == [("aborted", 30)]
    finding = findings[0]
    assert finding.severity is Severity.CRITICAL
    assert "30 connections of 10.0.0.2:80 were reset by the server" in finding.title
    assert "All right after a response." in finding.text
    assert "75.0% of the 40 connections" in finding.text
    assert finding.sample == tuple(range(10))
    assert finding.playbook == "connection-reset"


def test_a_time_out_shows_in_the_waits() -> None:
    finding = found(*[GAVE_UP.format(3.0 + i / 1000) for i in range(20)], GAVE_UP.format(0.7))[0]
    assert finding.code == "client_gave_up"
    assert "gives up after 3.0 s: 20 of 21" in finding.text
    assert finding.facts["wait_count"] == 20


def test_listeners_are_told_apart_until_they_are_many() -> None:
    two = found(*["cS sRA"] * 6, ports=[80, 80, 80, 443, 443, 443])
    assert sorted(f.title for f in two) == [
        "3 connects to 10.0.0.2:443 were refused: nothing listens there",
        "3 connects to 10.0.0.2:80 were refused: nothing listens there",
    ]
    scan = found(*["cS sRA"] * 40, ports=list(range(1, 41)))
    assert [f.connections for f in scan] == [40]
    assert "10.0.0.2 (40 ports)" in scan[0].title


def test_rare_problems_weigh_less() -> None:
    assert found(RESET, *[NORMAL] * 10)[0].severity is Severity.CRITICAL
    assert found(RESET, *[NORMAL] * 300)[0].severity is Severity.WARNING


def test_harmless_resets_are_called_so() -> None:
    findings = found(*["cS sSA cA cRAt"] * 5, *[NORMAL] * 5)
    assert [(f.code, f.severity) for f in findings] == [("harmless", Severity.INFO)]


def test_the_same_offset_shows() -> None:
    cut = "cS sSA cA cPA20 sA sPA1448 cA sPA1448 cA <0.3>sRAt"
    sizes = [NORMAL.replace("50", str(50 + size)) for size in range(12)]
    assert "After the same 2,896 bytes from the server in 8 of 8" in found(*[cut] * 8, *sizes)[0].text
    # where all answers there have one size, or there are no others, that says nothing
    assert "After the same" not in found(*[cut] * 8, *[NORMAL] * 12)[0].text
    assert "After the same" not in found(*[cut] * 8)[0].text


def test_the_same_minute_shows() -> None:
    starts = [float(i * 60) for i in range(10)] + [180.0 + i for i in range(10)]
    finding = found(*[NORMAL] * 10, *[RESET] * 10, starts=starts)[0]
    assert "10 of 10 within one minute" in finding.text


def test_the_worst_comes_first() -> None:
    findings = found(*["cS sRA"] * 3, *[GAVE_UP.format(1)] * 9, ports=[81] * 3 + [80] * 9)
    assert [f.severity for f in findings] == [Severity.CRITICAL, Severity.WARNING]


@pytest.mark.parametrize(
    ("cause", "actor", "members", "total", "severity"),
    [
        ("aborted", 1, 1, 1, Severity.CRITICAL),
        ("aborted", 1, 1, 100, Severity.CRITICAL),  # a hundredth of them
        ("aborted", 1, 1, 101, Severity.WARNING),
        ("aborted", 1, 99, 9901, Severity.WARNING),
        ("aborted", 1, 100, 10_001, Severity.CRITICAL),  # … or as many as a hundred
        ("aborted", 1, 9, 9000, Severity.WARNING),  # a thousandth of them
        ("aborted", 1, 9, 9001, Severity.INFO),
        ("aborted", 1, 10, 10_001, Severity.WARNING),
        ("aborted", 0, 1, 1, Severity.WARNING),  # whoever asked went away by itself
        ("aborted", 0, 9, 9001, Severity.INFO),
        ("aborted", None, 1, 1, Severity.CRITICAL),
        ("client_gave_up", 0, 1, 1, Severity.WARNING),
        ("client_gave_up", 0, 1, 101, Severity.INFO),
        ("normal_close", None, 5, 5, Severity.INFO),
        ("harmless", None, 5, 5, Severity.INFO),
        ("refused", 1, 1, 0, Severity.CRITICAL),
    ],
)
def test_what_a_group_costs(cause: str, actor: int | None, members: int, total: int, severity: Severity) -> None:
    assert severity_of(cause, actor, members, total) is severity


def test_every_group_that_a_proxy_may_join_says_what_it_means() -> None:
    # a variant of a cause is a group, too: what the other hop's group means is then the variant's
    for code in ("aborted", "reset_when_answered", "reset_by_habit", "answer_cut_short"):
        table = flow_table(RESET, RESET)
        group = Group(table, judge(table), code, 0, np.array([0, 1]), 2)
        assert Hop(group, 2, "10.0.0.9", client_first=False).clause()
