"""All that small captures tell of their connections: contexts, causes, which belong together, where it was taken.

captures_golden.txt holds it; `python -m tests.capture.verdicts.test_captures_golden` writes it anew: the diff shows
what changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from capture.verdicts.events.context import context_of, listeners_of
from capture.verdicts.events.event_codes import Context
from capture.verdicts.events.ttl import with_foreign_marks
from capture.verdicts.groups.group_findings import find_groups
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import NORMAL, flow_table
from tests.golden_files import held, hold

TOLD = Path(__file__).with_name("captures_golden.txt")
CLIENT, SERVER, OTHER = 0x0A000001, 0x0A000002, 0x0A000009
HELLO = "cS sSA cA cPA20 sA"
SERVED = f"{HELLO} sPA50 cA"
RESET = f"{SERVED} <0.3>sRAt"
IGNORED = "cS sSA cA cPA20 <0.2>cPA20* <0.4>cPA20*"
TWICE = {"servers": [SERVER, OTHER], "isns": [7, 7]}
ASIDE = {"servers": [SERVER, OTHER], "isns": [7, 7], "sources": [4000, 4000], "starts": [0, 0.001]}
Case = tuple[list[str], dict[str, Any]]


def aside(asked: str, answer: str, **more: Any) -> Case:
    """A connection, and packets of another host that answer its client; what the client sent is not in those."""
    return [asked, answer], ASIDE | more


CAPTURES: dict[str, Case] = {
    # the same connection under another address
    "twice: at once": ([RESET, RESET], TWICE | {"starts": [0, 0.001]}),
    "twice: a second later": ([RESET, RESET], TWICE | {"starts": [0, 1.0]}),
    "twice: more than a second later": ([RESET, RESET], TWICE | {"starts": [0, 1.001]}),
    "twice: the later one first in the file": ([RESET, RESET], TWICE | {"starts": [1.0, 0]}),
    "twice: another client": ([RESET, RESET], {"clients": [CLIENT, OTHER], "isns": [7, 7]}),
    "twice: in the same place": ([RESET, RESET], {"isns": [7, 7]}),
    "twice: unanswered": (["cS <1>cS*", "cS <1>cS*"], TWICE),
    "twice: begun before the capture": (["cPA20 sA sPA9", "cPA20 sA sPA9"], TWICE),
    "three times": ([RESET] * 3, {"servers": [SERVER, OTHER, OTHER + 1], "isns": [7, 7, 7]}),
    "twice, two of them": (
        [RESET, NORMAL, RESET, NORMAL], {"servers": [SERVER, SERVER, OTHER, OTHER], "isns": [7, 8, 7, 8]}
    ),
    # an answer from another address
    "aside: to a SYN": aside("cS <1>cS* <2>cS*", "cSx sSA cR"),
    "aside: to a SYN, never reset": aside("cS <1>cS* <2>cS*", "cSx sSA <1>sSA*"),
    "aside: to a SYN, of something else": aside("cS <1>cS* <2>cS*", "cSx cPA9x sSA cR"),
    "aside: to a SYN, before it": aside("cS <1>cS* <2>cS*", "cSx sSA cR", starts=[0.1, 0.001]),
    "aside: to a SYN, an hour later": aside("cS <1>cS* <2>cS*", "cSx sSA cR", starts=[0, 3599.999]),
    "aside: to a SYN, more than an hour later": aside("cS <1>cS* <2>cS*", "cSx sSA cR", starts=[0, 3600.0]),
    "aside: to a SYN, at another port": aside("cS <1>cS* <2>cS*", "cSx sSA cR", sources=[4000, 4001]),
    "aside: to a SYN, from another port": aside("cS <1>cS* <2>cS*", "cSx sSA cR", ports=[80, 81]),
    "aside: to a SYN, another number": aside("cS <1>cS* <2>cS*", "cSx sSA cR", isns=[7, 8]),
    "aside: to a SYN, data": aside("cS <1>cS* <2>cS*", "cSx sPA9 cR"),
    "aside: to a request": aside(f"{HELLO} cPA20 <1>cPA20*", "cSx cPA20x sSAx sPA50 cR", starts=[0, 0.01]),
    "aside: to a request, acknowledging all of it": aside(
        f"{HELLO} cPA20 <1>cPA20*", "cSx cPA40x sSAx sPA50 cR", starts=[0, 0.01]
    ),
    "aside: to a request, acknowledging more": aside(
        f"{HELLO} cPA20 <1>cPA20*", "cSx cPA41x sSAx sPA50 cR", starts=[0, 0.01]
    ),
    "aside: to a request, a little ahead": aside(
        f"{HELLO} cPA20 <1>cPA20*", "cSx cPA20x sSAx sPA1048575x sPA50 cR", starts=[0, 0.01]
    ),
    "aside: to a request, far ahead": aside(
        f"{HELLO} cPA20 <1>cPA20*", "cSx cPA20x sSAx sPA1048576x sPA50 cR", starts=[0, 0.01]
    ),
    "aside: to a request, its numbers wrap": aside(
        "cS sSA cA cPA37500 sA cPA20 <1>cPA20*", "cSx cPA37520x sSAx sPA50 cR", starts=[0, 0.01], isns=[42948, 42948]
    ),
    "aside: to a request, its numbers wrap, acknowledging more": aside(
        "cS sSA cA cPA37500 sA cPA20 <1>cPA20*", "cSx cPA37521x sSAx sPA50 cR", starts=[0, 0.01], isns=[42948, 42948]
    ),
    "aside: to a request, the answer's numbers wrap": aside(
        f"{HELLO} sPA50 cPA20 <1>cPA20*", "cSx cPA40x sSAx sPA50x sPA98500x sPA50 cR",
        starts=[0, 0.01], isns=[22948, 22948],
    ),
    "aside: to a request, the answer's numbers wrap, far ahead": aside(
        f"{HELLO} sPA98500 cPA20 <1>cPA20*", "cSx cPA40x sSAx sPA98500x sPA1048576x sPA50 cR",
        starts=[0, 0.01], isns=[22948, 22948],
    ),
    "aside: to a request, reset there": aside(
        f"{HELLO} cPA20 <1>cPA20* <1>cR", "cSx cPA20x sSAx sPA50 cR", starts=[0, 0.01]
    ),
    "aside: to a request, of the same host": aside(
        f"{HELLO} cPA20 <1>cPA20*", "cSx cPA20x sSAx sPA50 cR", starts=[0, 0.01], servers=[SERVER, SERVER],
        ports=[80, 81],
    ),
    "aside: two connections": (
        ["cS <1>cS*", "cSx sSA cR", "cS <1>cS*", "cSx sSA cR"],
        {"servers": [SERVER, OTHER] * 2, "isns": [7, 7, 8, 8], "sources": [4000, 4000, 4001, 4001],
         "starts": [0, 0.001] * 2},
    ),
    "aside: the port was used before": (
        ["cS <1>cS*", "cS <1>cS*", "cSx sSA cR"],
        {"servers": [SERVER, SERVER + 1, OTHER], "isns": [7, 7, 7], "sources": [4000] * 3, "starts": [0, 0.1, 0.2]},
    ),
    # where the capture was taken
    "taken at the client": (["cS <0.03>sSA cA"], {}),
    "taken at the server": (["cS sSA <0.03>cA"], {}),
    "taken between": (["cS <0.02>sSA <0.02>cA"], {}),
    "taken at both": (["cS <0.03>sSA cA", "cS sSA <0.03>cA"], {}),
    "taken at both, and between": (["cS <0.03>sSA cA", "cS sSA <0.03>cA", "cS <0.02>sSA <0.02>cA"], {}),
    "taken where no TTL is told": (["cS^0 sSA^0"], {}),
    "taken where one side's TTL is told": (["cS^60 sSA^0"], {}),
    "taken at the client, by the TTLs": (["cS^64 sSA^60"], {}),
    "taken at the server, by the TTLs": (["cS^60 sSA^64"], {}),
    "taken between, by the TTLs": (["cS^60 sSA^60"], {}),
    "taken at the client, or between": (["cS <0.03>sSA cA", "cS <0.02>sSA <0.02>cA"], {}),
    "taken at four of five clients": ([*["cS <0.03>sSA cA"] * 4, "cS sSA <0.03>cA"], {}),
    "taken at three of four clients": ([*["cS <0.03>sSA cA"] * 3, "cS sSA <0.03>cA"], {}),
    "TTLs of the client's": (["cPA9^64 sPA9^57 cA^64"], {}),
    "TTLs of the server's": (["cPA9^57 sPA9^255 cA^57"], {}),
    "TTLs of neither": (["cPA9^57 sPA9^58 cA^57"], {}),
    "TTLs of both": (["cPA9^64 sPA9^128 cA^64"], {}),
    "TTLs of one side": (["cPA9^64 cPA9^64"], {}),
    "TTLs of the other side": (["sPA9^64 sPA9^64"], {}),
    # a listener that takes some and not others
    "busy: SYNs unanswered": (["cS sSA cA", "cS <1>cS* <2>cS*"], {}),
    "busy: SYNs unanswered at another port": (["cS sSA cA", "cS <1>cS* <2>cS*"], {"ports": [80, 81]}),
    "busy: a SYN of a moment ago": ([f"{SERVED} <4>cPA9", "cS"], {"starts": [0, 3.1]}),
    "busy: a SYN of a second ago": ([f"{SERVED} <4>cPA9", "cS"], {"starts": [0, 3.007]}),
    "busy: first data unanswered, and one that waits": ([IGNORED, "cS sSA cA cPA20 sA"], {}),
    "busy: first data unanswered, and one that is served": ([IGNORED, NORMAL], {}),
    "busy: later data unanswered": ([f"{SERVED} cPA20 <0.2>cPA20* <0.4>cPA20*", "cS sSA cA cPA20 sA"], {}),
    "busy: the server's data unanswered": (["cS sSA cA sPA20 <0.2>sPA20* <0.4>sPA20*", "cS sSA cA cPA20 sA"], {}),
    "busy: beside it a SYN of half a second ago": (["cS", "cS sSA cA <0.5>cPA9", "cS <0.2>cS*"], {}),
    "busy: beside it a SYN of a second ago": (["cS", "cS sSA cA <1.5>cPA9", "cS <0.2>cS*"], {}),
    "busy: accepted again": (["cS sSA cA cPA20 <1>sSA* cPA20*", "cS sSA cA", NORMAL], {}),
    "busy: accepted again, without data": (["cS sSA cA <1>sSA* cA", "cS sSA cA", NORMAL], {}),
    # a crowd of handshakes
    "crowd: eight": (["cS sSA <1>sSA*"] * 8, {}),
    "crowd: seven": (["cS sSA <1>sSA*"] * 7, {}),
    "crowd: eight, and SYNs without an answer": ([*["cS sSA"] * 8, "cS <1>cS*", "cS <1>cS*"], {}),
    "crowd: eight, and a whole one": ([*["cS sSA"] * 8, NORMAL], {}),
    "crowd: at two listeners": (["cS sSA"] * 10, {"ports": [80, 81] * 5}),
    "crowd: eight at one of two listeners": (["cS sSA"] * 12, {"ports": [80] * 8 + [81] * 4}),
    "crowd: with third packets": (["cS sSA cA"] * 9, {}),
    "crowd: reset by the client": (["cS sSA cR"] * 9, {}),
    "crowd: one direction": (["sSA"] * 9, {}),
    # who refuses
    "refused: the host itself": (["cS sRA"], {"clients": [SERVER], "servers": [SERVER]}),
    "refused: behind a router": (["cS^63 sRA"], {}),
    "refused: behind a router, the RST too": (["cS^63 sRA^62"], {}),
    "refused: by whoever": (["cS sRA"], {}),
    "refused: a host that answers elsewhere": (["cS sRA", NORMAL], {"ports": [80, 81]}),
    "refused: a host that answers elsewhere, with another TTL": (["cS sRA^61", NORMAL], {"ports": [80, 81]}),
    "refused: another host answers": (["cS sRA^61", NORMAL], {"servers": [SERVER, OTHER]}),
    "refused: others at that host are refused alike": (["cS sRA^61", "cS sRA^61"], {"ports": [80, 81]}),
    "refused: a host whose client talks": (["cS sRA^61", NORMAL], {"clients": [CLIENT, SERVER],
                                                                  "servers": [SERVER, CLIENT]}),
    "a RST before anything": (["sRA"], {}),
    # how the capture went on
    "quiet: the last packet of all": ([f"{HELLO} <4>cFA"], {}),
    "quiet: a second before the end": ([HELLO, "cS <0.5>sSA <0.506>cA"], {}),
    "quiet: less than a second before the end": ([HELLO, "cS <0.5>sSA <0.5>cA"], {}),
    "quiet: a SYN, the last packet of all": (["cS"], {}),
    "quiet: a SYN, a second before the end": (["cS", "cS <0.5>sSA <0.498>cA"], {}),
    "quiet: a SYN, less than a second before the end": (["cS", "cS <0.5>sSA <0.497>cA"], {}),
    # what was sent
    "upload: 4,096 bytes": (["cS sSA cA cPA4096 sA sPA2047 cA sRAt"], {}),
    "upload: 4,095 bytes": (["cS sSA cA cPA4095 sA sPA9 cA sRAt"], {}),
    "upload: twice the answer": (["cS sSA cA cPA4096 sA sPA2048 cA sRAt"], {}),
    "a long answer": ([f"{HELLO} sPA14601 cA cFA sFA cA"], {}),
    "a long answer, reset": ([f"{HELLO} sPA14601 cA sRAt"], {}),
    "an answer of an initial window": ([f"{HELLO} sPA14600 cA cFA sFA cA"], {}),
    "timestamps, of the side that reset": ([f"{SERVED} sRAt"], {}),
    "timestamps, not in the RST": ([f"{SERVED} sRA"], {}),
    "a RST of the side without a packet": (["cS cA sRAt"], {}),
    "a RST first": (["sRAt cPA9"], {}),
}  # fmt: skip


def told(name: str) -> list[str]:
    """What is told of each connection, and of all of them."""
    texts, more = CAPTURES[name]
    table = flow_table(*texts, **more)
    words = context_of(table, with_foreign_marks(table), listeners_of(table)).tolist()
    verdicts = judge(table)
    lines, before = [f"{verdicts.vantage.place}: {verdicts.vantage.why}"], ""
    for number, word in enumerate(words):
        verdict, first = verdicts.of(number), int(table.first_number[number])
        context = " ".join(bit.name or "" for bit in Context if bit in Context(word))
        proofs = ",".join(str(one.packet - first) for one in verdict.evidence)
        cost = int(verdicts.badness[number])
        said = f"{verdict.cause} {verdict.certainty.value} {cost} [{proofs}] {context or '-'}: {verdict.sentence}"
        if said != before:  # of a crowd the first
            lines.append(f"{number}: {said}")
        before = said
    related = verdicts.relations
    lines.append(f"same {related.same_as}, elsewhere {related.elsewhere}, chains {len(related.chains)}")
    lines += [f"{one.code} of {one.connections} {one.sample}" for one in find_groups(table, verdicts)]
    return lines


HELD = held(TOLD)


@pytest.mark.parametrize("name", CAPTURES)
def test_what_is_told(name: str) -> None:
    assert told(name) == HELD.get(name)


def test_nothing_else_is_held() -> None:
    assert list(HELD) == list(CAPTURES)


if __name__ == "__main__":
    hold(TOLD, CAPTURES, told)
