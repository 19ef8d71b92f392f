"""Folding: what says nothing about an end is left out, what does is kept with its traits."""

from __future__ import annotations

from capture.verdicts.events.event_codes import Kind, Trait, decoded
from capture.verdicts.events.ttl import with_foreign_marks as build
from tests.capture.verdicts.notation import NORMAL, flow_table

HELLO = "cS sSA cA"


def kept(text: str) -> list[str]:
    events = build(flow_table(text))
    names = []
    for code in events.code.tolist():
        event = decoded(code)
        names.append("cs"[event.side] + event.kind.name)
    return names


def traits(text: str, kind: Kind) -> list[int]:
    return [decoded(code).traits for code in build(flow_table(text)).code.tolist() if decoded(code).kind is kind]


def test_plain_acks_are_left_out() -> None:
    assert kept(NORMAL) == ["cSYN", "sSYN_ACK", "cACK", "cDATA", "sDATA", "cFIN", "sFIN", "cACK"]


def test_a_long_transfer_folds_to_its_ends() -> None:
    short = kept(f"{HELLO} cPA20 {'sA1448 cA ' * 3} cFA sFA cA")
    long = kept(f"{HELLO} cPA20 {'sA1448 cA ' * 300} cFA sFA cA")
    assert short == long


def test_many_exchanges_fold_to_the_same_signature() -> None:
    twenty = build(flow_table(f"{HELLO} {'cPA20 sPA50 ' * 20} cFA sFA cA"))
    hundred = build(flow_table(f"{HELLO} {'cPA20 sPA50 ' * 100} cFA sFA cA"))
    assert twenty.code.tolist() == hundred.code.tolist()


def test_unanswered_repeats_fold_to_three() -> None:
    names = kept(f"{HELLO} cPA20 sA sPA9 cA cPA20 {'<1>cPA20* ' * 12}")
    assert names[-4:] == ["cDATA", "cDATA", "cDATA", "cDATA"]
    assert len(names) == 9


def test_data_that_nobody_acknowledged_is_lost() -> None:
    assert [m & Trait.LOST for m in traits(f"{HELLO} cPA20 sA cPA20 sR", Kind.DATA)] == [0, Trait.LOST]


def test_one_direction_loses_nothing() -> None:
    assert not any(m & Trait.LOST for m in traits("cS cA cPA20 cPA20 cFA", Kind.DATA))


def test_ack_numbers_tell_who_knew_of_the_fin() -> None:
    knew = traits(f"{HELLO} cPA20 sA sFA cA cPA20 sR", Kind.DATA)[-1]
    crossed = traits(f"{HELLO} cPA20 sA sFA cPA20~ sR", Kind.DATA)[-1]
    assert knew & Trait.ACKS_FIN
    assert not crossed & Trait.ACKS_FIN


def test_shapes_of_a_reset() -> None:
    assert traits(f"{HELLO} cPA20 sR", Kind.RST)[0] & Trait.BARE
    assert traits("cS sRA", Kind.RST)[0] & Trait.ANSWER
    assert not traits(f"{HELLO} cPA20 sA sRAt", Kind.RST)[0] & (Trait.BARE | Trait.ANSWER)


def test_a_foreign_ttl_is_seen() -> None:
    assert traits(f"{HELLO} cPA20 sA sR^61", Kind.RST)[0] & Trait.FOREIGN
    assert not traits(f"{HELLO} cPA20 sA sR", Kind.RST)[0] & Trait.FOREIGN


def test_a_refusal_is_held_against_the_hosts_other_packets() -> None:
    ours = build(flow_table(NORMAL, "cS sRA^61"))
    assert decoded(int(ours.code[-1])).has(Trait.FOREIGN)
    alone = build(flow_table("cS sRA^61"))
    assert not decoded(int(alone.code[-1])).has(Trait.FOREIGN)


def test_life_after_a_reset_is_seen() -> None:
    assert traits(f"{HELLO} cPA20 sA sR <1>sPA5", Kind.RST)[0] & Trait.AFTERLIFE
    assert not traits(f"{HELLO} cPA20 sA sR sR", Kind.RST)[0] & Trait.AFTERLIFE


def test_rows_point_at_the_packets() -> None:
    table = flow_table(NORMAL, NORMAL)
    events = build(table)
    assert events.first.tolist() == [0, 8, 16]
    assert events.number[8:].tolist() == [11, 12, 13, 14, 16, 18, 19, 20]


def test_no_packets_no_events() -> None:
    assert build(flow_table()).first.tolist() == [0]
