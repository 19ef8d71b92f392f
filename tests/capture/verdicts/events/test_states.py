"""RFC 9293's states, from both sides' packets alone."""

from __future__ import annotations

from capture.model import TcpState as S
from capture.verdicts.judge import judge
from tests.capture.verdicts.notation import flow_table, numbers


def states(text: str) -> list[tuple[S, S]]:
    table = flow_table(text)
    return judge(table).states(0, numbers(table))


def last(text: str) -> tuple[S, S]:
    return states(text)[-1]


HELLO = "cS sSA cA"


def test_handshake() -> None:
    assert last("cS") == (S.SYN_SENT, S.LISTEN)
    assert last("cS sSA") == (S.SYN_SENT, S.SYN_RECEIVED)
    assert last(HELLO) == (S.ESTABLISHED, S.ESTABLISHED)


def test_one_side_closed() -> None:
    assert last(f"{HELLO} cPA20 sA cFA") == (S.FIN_WAIT_1, S.CLOSE_WAIT)
    assert last(f"{HELLO} cPA20 sA cFA sA") == (S.FIN_WAIT_2, S.CLOSE_WAIT)
    assert last(f"{HELLO} cPA20 sA cFA sA sPA5 cA") == (S.FIN_WAIT_2, S.CLOSE_WAIT)


def test_both_sides_closed() -> None:
    assert last(f"{HELLO} cPA20 sA cFA sFA") == (S.TIME_WAIT, S.LAST_ACK)
    assert last(f"{HELLO} cPA20 sA cFA sFA cA") == (S.TIME_WAIT, S.CLOSED)


def test_fins_that_cross() -> None:
    found = states(f"{HELLO} cPA20 sA cFA sFA~ cA sA")
    assert found[5] == (S.FIN_WAIT_1, S.ESTABLISHED)  # the FIN is on its way: the other side sends its own first
    assert found[6] == (S.CLOSING, S.FIN_WAIT_1)
    assert found[-1] == (S.TIME_WAIT, S.TIME_WAIT)


def test_a_reset_closes_both() -> None:
    assert last(f"{HELLO} cPA20 sA sRAt") == (S.CLOSED, S.CLOSED)


def test_a_forged_reset_closes_its_receiver_only() -> None:
    assert last(f"{HELLO} cPA20 sA sPA5 cA cPA20 sR^61") == (S.CLOSED, S.ESTABLISHED)


def test_begun_late() -> None:
    assert last("cPA20 sA sPA50 cA") == (S.ESTABLISHED, S.ESTABLISHED)


def test_an_ignored_reset_changes_nothing() -> None:
    found = states(f"{HELLO} cPA20 sA sPA9 cA sRA!^200 cA cPA11 sPA10 cA")
    assert set(found[3:]) == {(S.ESTABLISHED, S.ESTABLISHED)}
