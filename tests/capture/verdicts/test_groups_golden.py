"""All that is said of groups of connections, word by word. groups_golden.txt holds it.

`python -m tests.capture.verdicts.test_groups_golden` writes it anew: what changed is read in the diff.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from capture.verdicts.groups.group_findings import find_groups
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import NORMAL, flow_table
from tests.golden_files import held, hold

TOLD = Path(__file__).with_name("groups_golden.txt")
STALE = "cS sSA cA cPA20 sA sPA50 cA <{}>sFA cA <0.5>cPA20 sR"
LIVED = "cS sSA cA cPA20 sA sPA50 cA <{}>cFA sFA cA"
LEFT = "cS sSA cA cPA20 sA <{}>cFA sA <0.5>sPA900 cR"
ABORT = "cS sSA cA cPA20 sA <{}>sRAt"
SERVED = "cS sSA cA cPA20 sA sPA50 cA <{}>sRAt"
FRONT, BACK = "cS sSA cA cPA300 sA <0.8>cFA sFA cA", "cS sSA cA cPA310 sA <0.79>cFA sA <1>sPA40 cR"
CLIENT, PROXY, OUT, UPSTREAM = 0x0A000001, 0x0A000002, 0x0A000002, 0x0A000103


def each(text: str, *numbers: float) -> list[str]:
    """A connection for each number."""
    return [text.format(number) for number in numbers]


GROUPS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "one refusal": (["cS sRA"], {}),
    "refusals of two clients": (["cS sRA"] * 5 + [NORMAL] * 3, {"clients": [1, 1, 1, 1, 2, 3, 3, 3]}),
    "refusals of as many clients": (["cS sRA"] * 4, {"clients": [1, 2, 3, 4]}),
    "refusals of many ports": (["cS sRA"] * 4, {"ports": [1, 2, 3, 4]}),
    "refusals of many hosts": (["cS sRA"] * 4, {"servers": [1, 2, 3, 4]}),
    "refusals of two ports": (["cS sRA"] * 4, {"ports": [1, 2, 1, 2]}),
    "refusals of two hosts": (["cS sRA"] * 4, {"servers": [1, 2, 1, 2]}),
    "two waits": (each(LEFT, 0.8, 0.8), {}),
    "the same wait": (each(LEFT, 0.801, 0.802, 0.803, 0.8), {}),
    "a round wait": (each(LEFT, 4.99, 5.0, 5.0, 5.01), {}),
    "no common wait": (each(LEFT, 0.5, 1.5, 3, 6), {}),
    "aborts, unanswered": (each(ABORT, 0.02, 0.3, 0.5, 0.9), {}),
    "two aborts": (each(ABORT, 0.3, 0.5), {}),
    "aborts after responses": (each(SERVED, 0.02, 0.3, 0.5, 0.9), {}),
    "aborts of both kinds": ([*each(SERVED, 0.3, 0.5), *each(ABORT, 0.3, 0.5)], {}),
    "aborts at the same age": (each(SERVED, 9, 9, 9, 9.1, 9), {}),
    "aborts at scattered ages": (each(SERVED, 0.3, 1.9, 1.2, 0.9, 0.6), {}),
    "aborts at once": (each(ABORT, 0.001, 0.002, 0.001), {}),
    "an idle time": (each(STALE, 60, 60.2, 60.1), {}),
    "an idle limit": ([*each(STALE, 61, 95, 200), *each(LIVED, 5, 31, 58)], {}),
    "a restart": (each(STALE, 20, 16, 11), {"starts": [0.0, 4.0, 9.0]}),
    "after the same bytes": (["cS sSA cA cPA20 sA sPA900 cA cPA900 sRAt"] * 3 + [NORMAL], {}),
    "after other bytes": ([f"cS sSA cA cPA20 sA sPA{n} cA cPA900 sRAt" for n in (600, 700, 800)] + [NORMAL], {}),
    "over minutes": (each(ABORT, *[0.3] * 6), {"starts": [0, 70, 150, 200, 290, 400]}),
    "all in one minute": ([*each(ABORT, *[0.3] * 6), NORMAL], {"starts": [10, 12, 14, 16, 18, 20, 400]}),
    "a proxy's two sides": (
        [FRONT, BACK] * 3,
        {
            "clients": [CLIENT, OUT] * 3,
            "servers": [PROXY, UPSTREAM] * 3,
            "ports": [80, 9000] * 3,
            "starts": [x for i in range(3) for x in (i * 5.0, i * 5.0 + 0.005)],
        },
    ),
    "a proxy's two sides, once": (
        [FRONT, BACK],
        {"clients": [CLIENT, OUT], "servers": [PROXY, UPSTREAM], "ports": [80, 9000], "starts": [0.0, 0.005]},
    ),
    "a flood": (["cS sSA"] * 9 + [NORMAL], {}),
    "a full queue": (["cS sSA cA cPA20 <0.2>cPA20* <0.4>cPA20* sA sPA9 cA cFA sFA cA"] * 3 + [NORMAL], {}),
    "stalls": (["cS sSA cA cPA20 sA sA1448 cAz sAk cAz sAk cAz cRAt"] * 3, {}),
    "drops": (["cS sSA cA cPA20 sA sPA9 cA <40>cPA20 <0.2>cPA20* <0.4>cPA20* <0.8>cPA20*"] * 3, {}),
    "late closes": (["cS sSA cA cPA20 sA sPA40 cA cFA sA <3>sFA cR"] * 3, {}),
    # both sides of what makes a pattern
    "a wait 40 ms off a round one": (each(LEFT, *[1.038] * 3), {}),
    "a wait 41 ms off": (each(LEFT, *[1.039] * 3), {}),
    "a wait 2 % off a round one": (each(LEFT, *[5.098] * 3), {}),
    "a wait more than 2 % off": (each(LEFT, *[5.099] * 3), {}),
    "a wait of half a second": (each(LEFT, *[0.458] * 3), {}),
    "a wait too short for a round one": (each(LEFT, *[0.24] * 3), {}),
    "a wait of 50 ms": (each(LEFT, *[0.048] * 3), {}),
    "a wait of 49 ms": (each(LEFT, *[0.047] * 3), {}),
    "four of five waited as long": (each(LEFT, 3, 3, 3, 3, 9), {}),
    "three of five waited as long": (each(LEFT, 3, 3, 3, 9, 20), {}),
    "aborts at the same age, four": (each(SERVED, *[9] * 4), {}),
    "ages around a second": (each(ABORT, *[0.994] * 5), {}),
    "ages of a second": (each(ABORT, *[0.996] * 5), {}),
    "a silence of a second": (each(SERVED, *[0.999] * 4), {}),
    "a silence under a second": (each(SERVED, *[0.998] * 4), {}),
    "an idle limit of two seconds": ([*each(STALE, 1.999, 3, 9), *each(LIVED, 0.5, 1, 1.5)], {}),
    "no limit under two seconds": ([*each(STALE, 1.998, 3, 9), *each(LIVED, 0.5, 1, 1.5)], {}),
    "one that lived as long as one died": ([*each(STALE, 61, 95, 200), *each(LIVED, 5, 31, 61)], {}),
    "aborts at once, four of five": (each(ABORT, 0.001, 0.002, 0.001, 0.009, 0.5), {}),
    "aborts at once, three of five": (each(ABORT, 0.001, 0.002, 0.001, 0.5, 0.9), {}),
    "aborts at once, by the client": (["cS sSA cA cPA20 sA cRAt"] * 3, {}),
    "closed at once": (["cS sSA cA cPA20 sA sFA cFA sA"] * 3, {}),
    "a restart within half a second": (each(STALE, 20, 16, 11.5), {"starts": [0.0, 4.0, 9.0]}),
    "a restart within more": (each(STALE, 20, 16, 11.501), {"starts": [0.0, 4.0, 9.0]}),
    "a restart, begun within two seconds": (each(STALE, 20, 19, 18), {"starts": [0.0, 1.0, 2.0]}),
    "no restart, begun within less": (each(STALE, 20, 19, 18.001), {"starts": [0.0, 1.0, 1.999]}),
    "after 512 bytes": (
        ["cS sSA cA cPA20 sA sPA512 cA sRAt"] * 5 + [NORMAL.replace("50", f"{n}") for n in (50, 60, 70)],
        {},
    ),
    "after 511 bytes": (
        ["cS sSA cA cPA20 sA sPA511 cA sRAt"] * 5 + [NORMAL.replace("50", f"{n}") for n in (50, 60, 70)],
        {},
    ),
    "after 900 bytes of the client's": (
        ["cS sSA cA cPA900 sA sRAt"] * 5 + [NORMAL.replace("20", f"{n}") for n in (50, 60, 70)],
        {},
    ),
    "after as many bytes as half of the others have": (
        ["cS sSA cA cPA20 sA sPA900 cA sRAt"] * 5 + [NORMAL.replace("50", f"{n}") for n in (900, 900, 60, 70)],
        {},
    ),
    "after the same bytes, four": (
        ["cS sSA cA cPA20 sA sPA900 cA sRAt"] * 4 + [NORMAL.replace("50", f"{n}") for n in (50, 60, 70)],
        {},
    ),
    "over five minutes": ([*each(ABORT, *([0.3] * 3)), NORMAL], {"starts": [0, 70, 150, 299.991]}),
    "over less than five minutes": ([*each(ABORT, *([0.3] * 3)), NORMAL], {"starts": [0, 70, 150, 299.98]}),
    "four of five in one minute": ([*each(ABORT, *[0.3] * 5), NORMAL], {"starts": [0, 181, 190, 200, 210, 400]}),
    "three of five in one minute": ([*each(ABORT, *[0.3] * 5), NORMAL], {"starts": [0, 181, 190, 200, 250, 400]}),
    "sixty over six minutes": (each(ABORT, *[0.3] * 60), {"starts": [6.0 * i for i in range(60)]}),
    "refusals of a client that has most": (["cS sRA"] * 5, {"clients": [1, 2, 2, 3, 3]}),
    "refusals on eight ports": (["cS sRA"] * 8, {"ports": list(range(1, 9))}),
    "refusals on nine ports": (["cS sRA"] * 9, {"ports": list(range(1, 10))}),
    "refusals on nine hosts": (["cS sRA"] * 9, {"servers": list(range(1, 10))}),
    "one abort of a hundred": ([*each(ABORT, 0.3), *[NORMAL] * 99], {}),
    "one abort of a hundred and one": ([*each(ABORT, 0.3), *[NORMAL] * 100], {}),
    "twenty exchanges, two a second": ([NORMAL] * 20, {"starts": [i * 10 / 19 for i in range(20)]}),
    "nineteen exchanges": ([NORMAL] * 19, {"starts": [i / 2 for i in range(19)]}),
    "twenty exchanges, less than two a second": ([NORMAL] * 20, {"starts": [i * 10.1 / 19 for i in range(20)]}),
    "half of the exchanges closed by the client": (
        [NORMAL] * 10 + [NORMAL.replace("cFA sFA cA", "sFA cFA sA")] * 10,
        {},
    ),
    "most of the exchanges closed by the server": (
        [NORMAL] * 9 + [NORMAL.replace("cFA sFA cA", "sFA cFA sA")] * 11,
        {},
    ),
    "a proxy's two sides, four of five": (
        [FRONT, BACK] * 4 + [FRONT],
        {
            "clients": [CLIENT, OUT] * 4 + [CLIENT],
            "servers": [PROXY, UPSTREAM] * 4 + [PROXY],
            "ports": [80, 9000] * 4 + [80],
            "starts": [*(x for i in range(4) for x in (i * 5.0, i * 5.0 + 0.005)), 40.0],
        },
    ),
    "a proxy's two sides, three of five": (
        [FRONT, BACK] * 3 + [FRONT] * 2,
        {
            "clients": [CLIENT, OUT] * 3 + [CLIENT] * 2,
            "servers": [PROXY, UPSTREAM] * 3 + [PROXY] * 2,
            "ports": [80, 9000] * 3 + [80] * 2,
            "starts": [*(x for i in range(3) for x in (i * 5.0, i * 5.0 + 0.005)), 40.0, 50.0],
        },
    ),
    "waits 60 ms apart": (each(LEFT, 2, 2, 2, 2.06, 2.06), {}),
    "waits 61 ms apart": (each(LEFT, 2, 2, 2, 2.061, 2.061), {}),
    "waits 2 % apart": (each(LEFT, 3.998, 3.998, 3.998, 4.078, 4.078), {}),
    "waits more than 2 % apart": (each(LEFT, 3.998, 3.998, 3.998, 4.079, 4.079), {}),
    "aborts within 10 ms": (each(ABORT, *[0.009] * 5), {}),
    "aborts within 11 ms": (each(ABORT, *[0.010] * 5), {}),
    "a restart, four of five": (each(STALE, 20, 16, 11, 8, 9), {"starts": [0.0, 4.0, 9.0, 12.0, 40.0]}),
    "a restart, three of five": (each(STALE, 20, 16, 11, 9, 9), {"starts": [0.0, 4.0, 9.0, 30.0, 60.0]}),
    "after the same bytes, four of five": (
        [f"cS sSA cA cPA20 sA sPA{n} cA sRAt" for n in (900, 900, 900, 900, 700)]
        + [NORMAL.replace("50", f"{n}") for n in (50, 60, 70)],
        {},
    ),
    "after the same bytes, three of five": (
        [f"cS sSA cA cPA20 sA sPA{n} cA sRAt" for n in (900, 900, 900, 800, 700)]
        + [NORMAL.replace("50", f"{n}") for n in (50, 60, 70)],
        {},
    ),
    "after the same bytes, two others": (
        ["cS sSA cA cPA20 sA sPA900 cA sRAt"] * 5 + [NORMAL.replace("50", f"{n}") for n in (50, 60)],
        {},
    ),
    "after the same bytes, others alike": (["cS sSA cA cPA20 sA sPA900 cA sRAt"] * 5 + [NORMAL] * 4, {}),
    "exchanges from four tenths of a second on": ([NORMAL] * 20, {"starts": [0.4 + i / 20 for i in range(20)]}),
    "exchanges of six clients": (
        [NORMAL] * 120,
        {"clients": [1 + i // 20 for i in range(120)], "starts": [(i % 20) / 4 for i in range(120)]},
    ),
    "exchanges, four of five": (
        [NORMAL] * 20 + [NORMAL.replace("cPA20 sA", "cPA20 sA sPA5 cA cPA20 sA")] * 5,
        {"starts": [i / 5 for i in range(25)]},
    ),
    "exchanges, fewer than that": (
        [NORMAL] * 20 + [NORMAL.replace("cPA20 sA", "cPA20 sA sPA5 cA cPA20 sA")] * 6,
        {"starts": [i / 5 for i in range(26)]},
    ),
    "over two hours": ([*each(ABORT, *([0.3] * 3)), NORMAL], {"starts": [0, 70, 7199.69, 7199]}),
    "over more than two hours": ([*each(ABORT, *([0.3] * 3)), NORMAL], {"starts": [0, 70, 7199.695, 7200]}),
    "an idle limit, in milliseconds": ([*each(STALE, 61.0004, 95, 200), *each(LIVED, 5, 31, 58.0004)], {}),
    "an idle limit, two died": ([*each(STALE, 61, 95), *each(LIVED, 5, 31, 58)], {}),
    "an idle time, in milliseconds": (each(STALE, 60.0004, 60.0004, 60.0004), {}),
    "clients that reset in the middle of an answer": (["cS sSA cA cPA20 sA sPA900 cRAt"] * 3, {}),
    "requests right before the capture's end": (["cS sSA cA <0.8>cPA9 sA"] * 3, {}),
    "requests that nobody had answered or given up yet": (
        [*["cS sSA cA <0.8>cPA9 sA"] * 3, "cS sSA cA <2>cPA9 sA sPA9 cA"], {"ports": [80, 80, 80, 81]}
    ),
    "late writes, of one direction": (
        ["cSx sSA cAx cPA20x sA sPA50 cAx <0.5>sFA cAx cPA20x sA cFAx sA"] * 3,
        {},
    ),
    "an idle limit, two lived": ([*each(STALE, 61, 95, 200), *each(LIVED, 5, 31)], {}),
}  # fmt: skip


def told(name: str) -> list[str]:
    """What is told of a group's findings, in lines."""
    texts, more = GROUPS[name]
    table = flow_table(*texts, **more)
    lines = []
    for finding in find_groups(table, judge(table)):
        sample = ",".join(map(str, finding.sample))
        lines += [f"{finding.severity.value} {finding.code} of {finding.connections} ({sample}): {finding.title}"]
        lines += [finding.text, "; ".join(f"{key}={value}" for key, value in finding.facts.items())]
    return lines or ["nothing"]


HELD = held(TOLD)


@pytest.mark.parametrize("name", GROUPS)
def test_what_is_told(name: str) -> None:
    assert told(name) == HELD.get(name)


def test_nothing_else_is_held() -> None:
    assert list(HELD) == list(GROUPS)


if __name__ == "__main__":
    hold(TOLD, GROUPS, told)
