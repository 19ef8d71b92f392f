from __future__ import annotations

from capture.verdicts.events.context import context_of, listeners_of
from capture.verdicts.events.event_codes import Context
from capture.verdicts.events.ttl import with_foreign_marks as build
from tests.capture.verdicts.notation import NORMAL, flow_table


def contexts(*texts: str, **more: list) -> list[Context]:  # type: ignore[type-arg]
    table = flow_table(*texts, **more)
    return [Context(word) for word in context_of(table, build(table), listeners_of(table)).tolist()]


def test_where_the_capture_began() -> None:
    late, whole, half = contexts("cPA9 sA", "cS sSA cA", "cS cA cPA9")
    assert Context.MIDSTREAM in late
    assert Context.MIDSTREAM not in whole
    assert Context.ONE_SIDED in half


def test_a_listener_that_takes_some_and_not_others() -> None:
    first, second = contexts("cS sSA cA", "cS <1>cS* <2>cS*")
    assert Context.BUSY_LISTENER in first
    assert Context.BUSY_LISTENER in second
    assert Context.BUSY_LISTENER not in contexts("cS sSA cA", "cS <1>cS*", ports=[80, 81])[0]


def test_a_crowd_of_half_open_handshakes() -> None:
    crowd = contexts(*["cS sSA <1>sSA*"] * 10, "cS", NORMAL)
    assert all(Context.CROWD_OF_SYNS in word for word in crowd[:11])
    assert Context.CROWD_OF_SYNS not in crowd[11]
    assert not any(Context.CROWD_OF_SYNS in word for word in contexts(*["cS sSA"] * 3))


def test_a_quiet_end() -> None:
    early, late = contexts("cS sSA cA cPA9 sA", "cS sSA cA <5>cPA9 sA")
    assert Context.QUIET_END in early
    assert Context.QUIET_END in late  # the capture's last packet
    soon, _ = contexts("cS sSA cA cPA9 sA", "cS sSA cA <0.5>cPA9 sA")
    assert Context.QUIET_END not in soon


def test_a_plain_close_has_hardly_any_context() -> None:
    assert len({int(word) for word in contexts(*[NORMAL] * 5, starts=[0.0, 1, 2, 3, 4])}) == 1
