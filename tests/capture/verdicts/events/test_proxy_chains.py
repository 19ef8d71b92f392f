"""Which upstream connections belong to which of a proxy's clients: both sides of each threshold."""

from __future__ import annotations

from typing import Any

import pytest

from capture.verdicts.events.relations import relations_of
from tests.capture.verdicts.notation import flow_table

CLIENT, PROXY, PROXY_OUT, UPSTREAM, DATABASE = 0x0A000001, 0x0A000002, 0x0A000102, 0x0A000103, 0x0A000104
SLOW = "cS sSA cA cPA300 sA <5>sPA9 cA cFA sFA cA"  # its request is sent 4 ms after its start
BACK = "cS sSA cA cPA300 sA sPA9 cA cFA sFA cA"  # it begins 1 ms after its start
FAR = 8.0  # seconds after a client's connection began: it is over


def hops(
    delays: list[float], front: str = SLOW, back: str = BACK, proxy: int = PROXY_OUT, most: float = 10.0
) -> set[tuple[int, int, bool]]:
    """(client's connection, upstream's, sure) where the upstreams' begin so long after each client's request."""
    n = len(delays)
    starts = [most * i for i in range(n)]
    table = flow_table(
        *[front] * n,
        *[back] * n,
        clients=[CLIENT] * n + [proxy] * n,
        servers=[PROXY] * n + [UPSTREAM] * n,
        ports=[80] * n + [9000] * n,
        starts=starts + [start + 0.003 + delay for start, delay in zip(starts, delays, strict=True)],
    )
    return {(chain.front, chain.back, chain.sure) for chain in relations_of(table).chains.values()}


def all_of(count: int, sure: bool = True) -> set[tuple[int, int, bool]]:
    return {(i, i + count, sure) for i in range(count)}


NO_REQUEST = SLOW.replace("cPA300", "cA")
TABLE: dict[str, tuple[set[tuple[int, int, bool]], set[tuple[int, int, bool]]]] = {
    "at once, and nobody else asked": (hops([0.05] * 3), all_of(3)),
    "not at once": (hops([0.051] * 3), all_of(3, sure=False)),
    "a second later": (hops([1.0] * 3), all_of(3, sure=False)),
    "more than a second later": (hops([1.001] * 3), set()),
    "when its client's connection begins": (hops([0.04] * 3, NO_REQUEST), all_of(3)),
    "more than a second after it began": (hops([1.0] * 3, NO_REQUEST), set()),
    "before its client's request was there": (hops([-0.002] * 3), all_of(3)),
    "600 bytes more": (hops([0.01] * 3, back=BACK.replace("300", "900")), all_of(3)),
    "601 bytes more": (hops([0.01] * 3, back=BACK.replace("300", "901")), set()),
    "600 bytes less": (hops([0.01] * 3, SLOW.replace("300", "900")), all_of(3)),
    "601 bytes less": (hops([0.01] * 3, SLOW.replace("300", "901")), set()),
    "nothing was sent": (hops([0.01] * 3, back="cS sRA"), all_of(3)),
    "the client has its answer": (hops([0.01] * 3, SLOW.replace("<5>sPA9", "sPA9")), set()),
    "the client has left": (hops([0.01] * 3, "cS sSA cA cPA300 sA cRAt"), set()),
    "four of five fit": (hops([0.01, FAR, 0.01, 0.01, 0.01]), {(i, i + 5, True) for i in (0, 2, 3, 4)}),
    "three of five fit": (hops([0.01, FAR, FAR, 0.01, 0.01]), set()),
    "half fit, at the same address": (hops([0.01, FAR, 0.01, FAR], proxy=PROXY), {(0, 4, True), (2, 6, True)}),
    "a quarter fits, at the same address": (hops([0.01, FAR, FAR, FAR], proxy=PROXY), set()),
    "one of a client's own": (hops([0.01] * 3, proxy=CLIENT), set()),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_hops(name: str) -> None:
    found, expected = TABLE[name]
    assert found == expected


def chains(*hop: tuple[int, int, int, float, str]) -> set[tuple[int, int, bool]]:
    """Of connections (client, server, port, start, text)."""
    more: dict[str, list[Any]] = {"clients": [], "servers": [], "ports": [], "starts": []}
    for client, server, port, start, _ in hop:
        for name, value in zip(more, (client, server, port, start), strict=True):
            more[name].append(value)
    found = relations_of(flow_table(*(each[-1] for each in hop), **more)).chains
    return {(chain.front, chain.back, chain.sure) for chain in found.values()}


def test_who_waited_longest_is_who_is_served() -> None:
    two = [(CLIENT, PROXY, 80, start, SLOW) for start in (0.0, 0.001)]
    assert chains(*two, (PROXY_OUT, UPSTREAM, 9000, 0.01, BACK)) == {(0, 2, False)}


def test_an_upstream_serves_one_client_each() -> None:
    two = [(PROXY_OUT, UPSTREAM, 9000, start, BACK) for start in (0.01, 0.011)]
    assert chains((CLIENT, PROXY, 80, 0.0, SLOW), *two) == set()
    at_home = [(PROXY, UPSTREAM, 9000, start, BACK) for start in (0.01, 0.011)]
    assert chains((CLIENT, PROXY, 80, 0.0, SLOW), *at_home) == {(0, 1, True)}


def test_of_two_upstreams_the_sooner_is_the_clients() -> None:
    front = (CLIENT, PROXY, 80, 0.0, SLOW)
    sooner, later = (PROXY, UPSTREAM, 9000, 0.01, SLOW.replace("<5>", "<4>")), (PROXY, DATABASE, 9001, 0.02, BACK)
    assert chains(front, sooner, later) == {(0, 1, True)}
    assert chains(front, later, sooner) == {(0, 2, True)}


def test_a_proxy_that_asks_itself_is_not_its_own_client() -> None:
    """It listens at another address than it asks from: what it asks there itself is no client's."""
    loop = (PROXY_OUT, PROXY, 80, 0.0, SLOW)
    assert chains(loop, (PROXY_OUT, UPSTREAM, 9000, 0.01, BACK)) == set()
    assert chains(loop, (CLIENT, PROXY, 80, 0.002, SLOW), (PROXY_OUT, UPSTREAM, 9000, 0.01, BACK)) == {(1, 2, True)}


def test_of_many_clients_the_latest_are_looked_at() -> None:
    """64 of them: it is a bound on work, and the one that caused it is among them."""
    early = [(CLIENT, PROXY, 80, 0.0, SLOW)] * 70
    last = (CLIENT, PROXY, 80, 4.0, SLOW)
    found = chains(*early, last, (PROXY, UPSTREAM, 9000, 4.01, BACK))
    assert found == {(70, 71, True)}


def test_what_took_much_longer_than_most_was_another_requests() -> None:
    near = [0.001] * 4
    assert hops([*near, 0.009]) == all_of(5)
    assert hops([*near, 0.04]) == all_of(5) - {(4, 9, True)}
    assert hops([0.01] * 4 + [0.04]) == all_of(5)


def test_an_answer_that_the_client_had_before_the_upstreams_was_not_its() -> None:
    assert hops([0.01] * 3, back=BACK.replace("sPA9", "<4.8>sPA9")) == all_of(3)
    assert hops([0.01] * 3, back=BACK.replace("sPA9", "<5.2>sPA9")) == set()
