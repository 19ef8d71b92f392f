from __future__ import annotations

from capture.model import Certainty
from capture.verdicts.events.event_codes import Kind, Trait, decoded
from capture.verdicts.events.ttl import with_foreign_marks as build
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import flow_table

TALK = "cS sSA cA cPA20 sA sPA9 cA cPA20"


def traits(text: str) -> Trait:
    codes = [decoded(code) for code in build(flow_table(text)).code.tolist()]
    return Trait(next(event.traits for event in codes if event.kind is Kind.RST))


def test_ip_ids_make_a_line() -> None:
    assert Trait.ODD_ID not in traits(f"{TALK} sRAt")
    assert Trait.ODD_ID in traits(f"{TALK} sRAt#40000")
    assert Trait.ODD_ID not in traits(f"{TALK} sR#40000")  # kernels number bare RSTs apart
    assert Trait.ODD_ID not in traits("cS sSA#9 cA cPA20 sA#30000 cPA9 sRAt#50000")  # random IP-IDs: no line


def test_an_odd_ip_id_alone_is_only_possible() -> None:
    verdict = judge(flow_table(f"{TALK} sRAt#40000")).of(0)
    assert (verdict.cause, verdict.certainty) == ("middlebox_reset", Certainty.POSSIBLE)
    assert verdict.alternatives == ("aborted",)


def test_life_after_a_reset() -> None:
    assert Trait.AFTERLIFE in traits(f"{TALK} sR <1>sPA5")
    assert Trait.AFTERLIFE not in traits("cS sSA cA cPA20 sA sPA9 sRAt")
