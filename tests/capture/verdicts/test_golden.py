"""All that is said of a connection, word by word, for each mechanism and both sides of each threshold.

golden.txt holds it: a connection in the notation (several that share a capture: with ` & `), then what is told of the
first. `python -m tests.capture.verdicts.test_golden` writes it anew: what changed is read in the diff.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

from capture.model import Side, Verdict
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import NORMAL, flow_table, numbers
from tests.capture.verdicts.test_in_vain import TABLE as IN_VAIN
from tests.capture.verdicts.test_judge import CASES
from tests.capture.verdicts.test_one_direction import CASES as ONE_WAY
from tests.capture.verdicts.test_one_direction import only
from tests.capture.verdicts.test_thresholds import HELLO, IN_ORDER, SERVED, TABLE
from tests.golden_files import held, hold

TOLD = Path(__file__).with_name("golden.txt")
REPEATED = " <0.2>cPA20* <0.4>cPA20* <0.8>cPA20*"
MORE = [
    # what the tables lack
    "cS cR",
    "cS sSA <1>sSA* <2>sSA* <4>sSA*",
    "cS sSA",
    "cS sSA <1>cS* sSA* <2>cS* sSA*",
    "cS <1>cS* sSA <1>sSA* <2>sSA* <4>sSA*",
    "sR",
    "sRA",
    "sRAt",
    "cS sRA^63 & cS sSA cA cPA20 sA sPA50 cA cFA sFA cA",
    "cS i3.13",
    "cS i3.9 <1>cS* i3.9",
    "cS sSA i3.1",
    f"{HELLO} sPA50 cA sRAt#9000",
    "cS#1 sSA#1 cA#2 cPA20#3 sA#2 sPA50#3 cA#4 sRAt#9000",
    f"{SERVED} cPA20 sRAt^63",
    f"{SERVED} cPA20 sR^63",
    f"{SERVED} cPA20 sRA",
    f"{SERVED} <3>sRA",
    f"{SERVED} <3>cPA20 sR",
    f"{HELLO} cPA20 sR",
    f"{SERVED} cFA sA <0.5>sPA9 cRAt",
    f"{SERVED} sFA cA cRAt",
    "cS sSAz cA <1>cAk <2>cAk <4>cAk <8>cAk",
    f"{HELLO} sPA900 cAz cPA20z sR",
    "cS sSA cA cPA239? sPA1307? cPA64? sA cPA118? sPA453? <9>sPA24? sFA cPA24?~ sR",
    " & ".join(["cS sSA cA cPA300? sA sPA900? cA cRAt"] * 3),
    f"{SERVED} cPA20 sPA50c cA cFA sPA9 cR",
    f"{HELLO} <0.5>sFA cRAt",
    f"{HELLO} <0.5>cFA sRAt",
    f"{SERVED} cPA24g cFA sRAt",
    f"{HELLO} sPA1448 cPA24g cFA sRAt",
    f"{SERVED} cPA24g sPA24g cFA sFA~ cR",
    f"{SERVED} cFA sFA~ sPA24g cR",
    f"{SERVED} cPA9? cFA sPA24g sFA cR",
    f"{HELLO} cFA sPA24g sFA cR",
    "cS sSA cA sFA cFA sA",
    "cS sSA cA cPA9000 sA cPA9000 sA sPA70 cA sFA cPA9000 sR",
    f"{HELLO} <4>cFA",
    f"{HELLO} & cS sSA cA <5>cPA9 sA",
    f"{HELLO} <4>cFA & {NORMAL}",
    f"{SERVED} cFA sA",
    f"{SERVED} cFA sA & cS sSA cA <5>cPA9 sA",
    f"{SERVED} sFA cA & cS sSA cA <5>cPA9 sA",
    f"{HELLO} sA1448 cAz <0.2>sAk cAz <0.4>sAk cAz sRAt",
    f"{HELLO} sA1448 cAz <0.2>sAk cAz <0.4>sAk cAz",
    f"{HELLO} sA1448 cAz <0.2>sAk <0.4>sAk <0.8>sAk <1.6>sAk",
    f"{SERVED} <1>sAk <1>sAk <1>sAk <1>sAk",
    f"{SERVED} <40>sAk <1>sAk <1>sAk <1>sRAt",
    f"cS sSA cA cPA20{REPEATED} & cS sSA cA cPA20{REPEATED}",
    f"cS sSA cA cPA20{REPEATED} & cS sSA cA cPA20 <5>cFA",
    f"cS sSA cA cPA20{REPEATED} sR",
    "cS sSA cA cPA20 <0.2>sSA* <0.4>cPA20* <0.8>sSA* cPA20* <1>sR",
    "cS sSA cA & cS <1>cS* <2>cS* <4>cS*",
    "cS sSA & " + " & ".join(["cS sSA"] * 9),
    "cS & " + " & ".join(["cS sSA"] * 9),
    "cS <1>cS* sSA cA cPA20 sA sPA50 cA cFA sFA cA",
    "cS <1>cS* sSA cA cPA20 sA sPA50 cA sFA cFA sA",
    f"{SERVED} cPA1448 i3.4 <0.2>cPA1448* i3.4 <0.4>cPA1448* <0.8>cPA1448*",
    f"{SERVED} sPA1448 i3.4 <0.2>sPA1448* <0.4>sPA1448* <0.8>sPA1448*",
    f"{SERVED} cPA20 i3.13{REPEATED} i3.13",
    f"{SERVED} cPA20 i3.3{REPEATED} i3.3",
    f"{SERVED} cPA20 i3.10{REPEATED} i3.10",
    f"{SERVED} cPA20 i3.1 <0.2>cPA20* sA sPA50 cA cFA sFA cA",  # an error, and it went on
    f"{SERVED} cPA20 i4.0 <0.2>cPA20* sA",
    f"{SERVED} sFA cA cPA20{REPEATED}",
    f"{SERVED} sFA cA cFA <0.2>cFA* <0.4>cFA* <0.8>cFA*",
    f"{SERVED} cFA <0.2>cFA* <0.4>cFA* <0.8>cFA*",
    f"{SERVED} cFA sA sFA <0.2>sFA* <0.4>sFA* <0.8>sFA*",
    f"{SERVED} sPA50{REPEATED.replace('c', 's').replace('20', '50')}",
    f"{SERVED} sPA50 <0.2>sPA50* cPA20~ <0.2>cPA20*~ sPA50* <0.4>sPA50* cPA20*~ <0.4>cPA20*~ <0.8>sPA50*",
    f"{SERVED} sR! <1>cPA20 sA sPA50 cA",
    f"{SERVED} sRAt! <1>cPA20 sA sPA50 cA sFA cFA sA",
    f"{SERVED} sR <0.4>sPA50 cR",
    f"{SERVED} cPA20 <0.2>cPA20* sR & cS sSA cA <5>cPA9 sA",
    f"{SERVED} <0.1>cA <0.1>cA cFA sFA cA",
    "cS sA cR & cS sSA cA <5>cPA9 sA",
    "cPA20 sA sPA50 cA cFA sFA cA",
    "sPA50 cA sFA cFA sA",
    "cPA20 sA <0.5>cFA sA",
    "cPA20 <0.2>cPA20* <0.4>cPA20* <0.8>cPA20*",
    "cAk <1>cAk <1>cAk",
    "sFA cA cFA sA",
    "cFA sR",
    "cFPA20 sA sFPA50 cA",
    "cS sSA cA cFPA20 sA sFPA50 cA",
    "cS sSA cFA sFA cA",
    "cS sSA cA cPA20 sA sPA50 cA <31>cPA20 sRAt",
    f"{SERVED} cPA20 sPA50 cA cPA20 sRAt",
    f"{SERVED} <0.5>cPA20 sA <0.5>sRAt",
    f"{SERVED} <0.5>sRAt",
    f"{HELLO} sPA1448 <0.5>cRAt",
    f"{HELLO} sPA1448 cA <0.5>cRAt",
    f"{SERVED} <3>cRAt",
    f"{HELLO} <60>cRAt",
    f"{HELLO} <60>sRAt",
    f"{SERVED} <75>sFA cA <1>cPA20 sR",
    f"{SERVED} <350>cPA20 sR",
    "cS sSA cA cPA15? sA cRAt",
    "sR sR cS sSA cA cPA20 sA sPA50 cA cFA sFA cA",
    f"{SERVED} cPA20 sR cPA20* sR",
    f"{SERVED} sFA cPA20* cA cFA sA",
]


ODD = [
    f"{SERVED} sFA cA <3>cFA sR",
    f"{HELLO} cA1448 sAz <0.2>cAk sAz <0.4>cAk sAz",
    f"{HELLO} sPA50 <2>cPA20 sA sRAt",
    f"{HELLO} sPA50 <0.3>cPA20 sA sRAt",
    f"{SERVED} cPA20 cFA cPA20* sR",
    f"{SERVED} cFA sA <1>cAk sR",
    f"{SERVED} cFA <0.3>cFA* sR",
    f"{SERVED} sFA cPA20 <0.2>cPA20* sR",
    f"{SERVED} sFA cA <1>sAk cR",
    f"{SERVED} sPA20 sFA sPA20* cR",
    "sR cPA20 sR",
    "sRAt cPA20 sR",
    "sA cPA20 sR",
    "cR sPA20 cR",
    "cS <0.5>sSA cA sPA33 cRAt",
    "cS <0.5>sSA cA cPA33 cRAt",
    "cS sS cA sA cPA20 sA",
    "cS sSA cPA20 sA sPA50 cA",
    "cS sSA cFA sA",
    "cS sSA sPA20 cA",
    f"{SERVED} cPA20 <0.199>sR^63",
    f"{SERVED} cPA20 <0.198>sR^63",
    f"{SERVED} cFA sFA~ cR",
    f"{SERVED} cFA sFA~ sR",
    f"{SERVED} cFA sFA~ sRAt",
    f"{SERVED} sFA cFA~ cRAt",
    f"{SERVED} sFA cFA sR",
    f"{SERVED} sFA cFA sA cR",
    f"{SERVED} <2>cPA20 sA <0.1>sPA9 cA cPA20 sA sRAt",
    f"{SERVED} <2>cPA20 sA sPA9 cA <2>cPA20 sA sRAt",
    f"{SERVED} cPA20 sA sPA9 cA <0.3>cPA20 sA sRAt",
    "cS sSA cA & cS <1>cS* <2>cS*",
    "cS sSA cA cPA20 sA & cS <1>cS* <2>cS*",
    "cS sSA cA sPA20 cA & cS <1>cS* <2>cS*",
    "cPA20 sA & cS <1>cS* <2>cS*",
    # what no table above tells apart: found by small changes to the rules that nothing else noticed
    f"{SERVED} sFA cPA20* sR",
    f"{SERVED} sFA cA cPA20* sR",
    f"{SERVED} sFA cPA20 sA cPA20* sR",
    "cS sSA cA <1>sSA* cA cPA20 sA sPA9 cA cPA20 <0.2>cPA20* <0.4>cPA20* <0.8>cPA20*",
    f"{HELLO} <0.5>cFA sA & cS sSA cA <0.8>cPA9 sA",
    f"{HELLO} <0.198>cFA sA & cS sSA cA <0.8>cPA9 sA",
    "cS sSAx cA cPA20 sAx sPA50x cA <0.5>sFAx cA cPA20 sAx cFA sAx",
    "cSx sSA cAx cPA20x sA sPA50 cAx <0.5>sFA cAx cPA20x sA cFAx sA",
    f"{SERVED} cPA1448 i3.4:1400 <0.2>cPA1448* <0.4>cPA1448* <0.8>cPA1448*",
    f"{SERVED} cPA1448 i3.4:1400 <0.2>cPA1448* i3.4:1280 <0.4>cPA1448* <0.8>cPA1448*",
    f"{SERVED} cPA20 i3.1",
    f"{SERVED} cPA20 i3.1 i3.1 i3.13 cPA20* i3.1 i3.1",
    "cS i3.2",
    "cS i3.5",
    "cS i3.6",
    "cS i3.7",
    "cS i3.8",
    "cS i3.10",
    "cS i3.11",
    "cS i3.12",
    "cS i3.14",
    "cS i3.15",
    "cS i11.0",
    f"{HELLO} sPA50 cA <59.998>cFA sFA cA",
    "cS sSA cA <118.5>cPA20 sRAt",
    "cS sSA cA <119.6>cRAt",
    "cS sSA cA <7199>cRAt",
    "cS sSA cA <7201>cRAt",
    "cS <0.0984>sSA cR",
    "cS sSA cA <0.098>cRAt",
    "cS sSA cA <0.0986>cRAt",
    "cS sSA cA <0.9985>cRAt",
    "cS sSA cA <0.9984>cRAt",
    " ".join(["cS sSA cA", *["cPA20 sA sPA50 cA <0.3>cAk sA"] * 20, "sRAt"]),
    " ".join(["cS sSA cA cPA20 sA", *["<0.2>sPA50 <0.2>cPA9 <0.2>sFPA9 cFA"] * 30, "sRAt"]),
    "cS sSA cA cPA20 <0.2>cPA20* <0.4>cPA20* <0.8>cPA20* <0.3>sAk cAz & cS sSA cA cPA20 <5>cFA",
    "cS sSA sA sPA20 cA cFA sA sPA20 cR",
    "cS sSA sA sPA24 cA cFA sA cPA500 sRAt",
    "cS sSA cA cPA20 sA sPA50 cA cFA sA <29.999>sPA9 cRAt",
    "cS sRAt sSA sA <1.998>sRAt",
    "cS cPA24g sSA <0.198>cA & cS <1>cS* <2>cS* <4>cS*",
    "cS i3.1 sAz & cS sSA & cS sSA & cS sSA & cS sSA & cS sSA & cS sSA & cS sSA & cS sSA & cS sSA",
    "cSx cAz sSA cPA20 sA sPA50 cA cAx cPA20x sA <0.5>sFA cFAx sA",
    "cS sSA cA cPA20 sA sPA50 cA cFA <1.999>sPA24 cR",
    "cS sSA sA sPA20 cA cRAt",
    "cS sSA cA cPA20 sA cA <0.199>sFA cA cPA9 sR",
    "cS sSA sA sPA20 cA cPA50 sA <40>cAk <1>cAk <1>cAk <1>cRAt cPA24g",
    "cS sSA cA cPA20 sA sPA50 cA cFA sPA24? cR",
    "cS sSA cA sPA24g cA1448 sAz <0.2>cAk sAz <0.4>cAk sA cPA900 sA sPA9 cA <0.3>cAk sA cFA sFA cA",
    "cS sSAx sA sPA20 cAx <0.5>cFAx <0.3>sAk cAz sFA cAx",
    "cS sSA sRAt sA sPA20 cA cPA1448 sPA24g sFA cRAt",
    "cPA20 sA <0.5>cFA <5>sA",
    "cSx sSA sAx sPA20x cA cPA50 sAx sPA20x cA cRAt",
    "sSA cFA sFA cA",
    "cS cRAt sSA sA sPA20 cA <29.999>sRAt",
    "cS sSAx cA cPA20 sAx <0.5>sFAx cFA sAx sR",
    "cS i3.1 i3.1 <1>cS* i3.1",
    f"{HELLO} sA1448 cAz sAk sRAt",
    f"{SERVED} cPA20 sR^63 <0.1>cPA9~ <0.1>sPA50 cR",
    f"{SERVED} cPA20 sPA9 sR^63 <0.1>cPA9~ <0.1>sPA50 cR",
    f"{HELLO} sPA24g sFA cA cFA sA",
    f"{SERVED} cPA20 sA sPA24g sPA24g sFA cA cFA",
    "cPA20 sA sPA24g sFA cA cFA",
    "cPA20 sA <9>sFA",
    f"{SERVED} <31>cAk sR",
    "cS i3.3",
    "cS sSA cA sPA50 cA cFA sPA24g cR",
    "cS sSA cS* <1>sSA* cS* <2>sSA*",
    "cPA20~ sSA cA cPA20",
    f"{SERVED} sR! <1>sR",
    f"{HELLO} <0.5>cFA sA & cS sSA cA <5>cPA9 sA",
    f"{HELLO} cFA sA & cS sSA cA <5>cPA9 sA",
    "cS <1>cS* sSA cA cPA20 sSA* cPA20* sA sPA50 cA cFA sFA cA",
    f"{SERVED} cPA20 sFA~ sR",
    f"{SERVED} sPA24g sFA cPA24g cFA sRAt",
    "cS <1>cS* sA",
    "cS sSA cA cPA1448 sA cFPA1448 <0.2>cFPA1448* <0.4>cFPA1448* <0.8>cFPA1448*",
    "cS sSA cA cPA1447 sA cFPA1448 <0.2>cFPA1448* <0.4>cFPA1448* <0.8>cFPA1448*",
]  # fmt: skip


def texts() -> list[str]:
    """All that is held, each once, in the order of the tables."""
    tables = [case[0] for case in CASES] + [case[0] for case in TABLE] + [only(case[1], case[0]) for case in ONE_WAY]
    return list(dict.fromkeys([*tables, *(case[0] for case in IN_ORDER + IN_VAIN), *MORE, *ODD]))


def told(text: str) -> list[str]:
    """What is told of the first connection, in lines."""
    table = flow_table(*text.split(" & "))
    verdicts = judge(table)
    verdict, diagnosis = verdicts.of(0), verdicts.template(0).diagnosis
    about = "-" if diagnosis.actor is None else str(diagnosis.actor)
    cost = verdicts.badness.tolist()[0]
    return [
        f"{verdict.cause}, {verdict.certainty.value}; or {', '.join(verdict.alternatives) or '-'}; cost {cost}",
        f"by {verdict.ended_by.value}; first {_name(verdict.closed_first)}; reset by {_name(verdict.reset_by)}",
        f"about {about}; {'harmless' if diagnosis.harmless else 'a fault'}; {diagnosis.variant or diagnosis.sentence}",
        *(f"{side.value}: {' '.join(_calls(verdict, side))}" for side in Side),
        f"states {' '.join(f'{a.value}/{b.value}' for (a, b), _ in groupby(verdicts.states(0, numbers(table))))}",
        verdict.sentence,
        *(f"{evidence.packet}: {evidence.text}" for evidence in verdict.evidence),
    ]


def _name(token: object) -> str:
    return str(getattr(token, "value", None) or "-")


def _calls(verdict: Verdict, side: Side) -> list[str]:
    calls = verdict.errors[side]
    return [call or "-" for call in (calls.connect, calls.read, calls.write)]


HELD = held(TOLD)


@pytest.mark.parametrize("text", texts())
def test_what_is_told(text: str) -> None:
    assert told(text) == HELD.get(text)


def test_nothing_else_is_held() -> None:
    assert list(HELD) == texts()


if __name__ == "__main__":
    hold(TOLD, texts(), told)
