"""Both sides of each threshold: what just passes, and what just does not."""

from __future__ import annotations

from typing import Any

import pytest

from capture.model import Endpoint
from playbooks.checks.leaks import PILE, leak_first
from playbooks.checks.queues import is_full
from playbooks.checks.registry import known_checks
from playbooks.facts.facts import Facts
from playbooks.facts.socket_facts import Holder, Processes
from playbooks.model import Outcome
from tests.playbooks.checks.making import (
    captured,
    changed,
    ended,
    host,
    kernel,
    listener,
    load,
    process,
    row,
    rows,
    run,
    sockets,
    traffic,
    url,
)

PASS, WARN, FAIL, UNKNOWN = Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.UNKNOWN


def close_wait(count: int, **more: Any) -> Facts:
    return host(*rows("CLOSE-WAIT", count, **more))


def fin_wait(count: int, **more: Any) -> Facts:
    return host(*rows("FIN-WAIT-2", count, **more))


def descriptors(open_files: int, pile: int = 12) -> Facts:
    return changed(close_wait(pile), processes=Processes((process(open_files, 1000),), 0))


def orphans(count: int, most: int) -> Facts:
    lost = rows("FIN-WAIT-2", count, owners=(), inode=0, owner_missing="orphan")
    return changed(host(*lost), kernel=kernel(tcp_max_orphans=str(most)))


def queue(waiting: int, most: int = 100, **more: Any) -> Facts:
    return host(listener(waiting=waiting, most=most), **more)


def half_open(count: int, most: int = 128, **more: Any) -> Facts:
    stale = rows("SYN-RECV", count, owners=(), inode=0, **({"age_s": 2.0} | more))
    return host(listener(most=most), *stale)


def stuck(count: int, unanswered: int, **more: Any) -> Facts:
    values = {"timer": "on", "unanswered": unanswered, "remote": Endpoint("203.0.113.1", 80)} | more
    return host(*(row("ESTAB", number, **values) for number in range(count)))


def toward(count: int, ports: int = 100) -> Facts:
    used = [
        row("TIME-WAIT", n, local=Endpoint("10.0.0.1", 32768 + n), remote=Endpoint("10.0.0.9", 80), owners=())
        for n in range(count)
    ]
    return changed(host(), sockets=sockets(*used, ephemeral_ports=ports, port_range=(32768, 32867)))


def window(seconds: float) -> Facts:
    return host(row("ESTAB", closed_window_s=seconds, timer="persist", send_q=10))


def tracked(count: int) -> Facts:
    return changed(host(row()), kernel=kernel(nf_conntrack_count=str(count), nf_conntrack_max="100"))


def packets(bad: int, of: int, **more: Any) -> Facts:
    groups = (ended("write_after_peer_close", bad, of), ended("normal_close", of - bad, of))
    return host(listener(), row(), traffic=traffic(*groups, connections=of), **more)


def counted(name: str, by: int) -> Facts:
    return host(listener(), row(), moved={name: by} if by else None)


CAUSES = {"causes": ["write_after_peer_close"]}
NAMES = {"names": ["EstabResets"]}
BREAKS = captured({"normal_close": 9, "write_after_peer_close": 1})
TABLE: list[tuple[str, dict[str, Any], Facts, Outcome]] = [
    # a pile: ten of one process, that stayed for two seconds; or three that stayed for a minute
    ("close-wait-pile", {}, close_wait(9), PASS),
    ("close-wait-pile", {}, close_wait(10), FAIL),
    ("close-wait-pile", {}, close_wait(10, age_s=1.9), PASS),
    ("close-wait-pile", {}, close_wait(10, age_s=2.0), FAIL),
    ("close-wait-pile", {}, close_wait(10, stayed=False), PASS),
    ("close-wait-pile", {}, close_wait(10, send_q=1), PASS),
    ("close-wait-pile", {}, close_wait(2, age_s=60.0), PASS),
    ("close-wait-pile", {}, close_wait(3, age_s=59.9), PASS),
    ("close-wait-pile", {}, close_wait(3, age_s=60.0), FAIL),
    (
        "close-wait-pile",
        {},
        host(*rows("CLOSE-WAIT", 9), *rows("CLOSE-WAIT", 9, owners=(Holder(5, "other", 3),))),
        PASS,
    ),
    ("close-wait-pile", {}, close_wait(9, owners=(), owner_missing="not yet accepted", inode=0), PASS),
    ("close-wait-pile", {}, close_wait(10, owners=(), owner_missing="not yet accepted", inode=0), WARN),
    ("close-wait-descriptors", {}, descriptors(799), PASS),
    ("close-wait-descriptors", {}, descriptors(800), FAIL),
    ("close-wait-descriptors", {}, descriptors(800, pile=9), PASS),
    ("fin-wait-2-pile", {}, fin_wait(9), PASS),
    ("fin-wait-2-pile", {}, fin_wait(10), FAIL),
    ("orphans", {}, orphans(8, 16), PASS),
    ("orphans", {}, orphans(9, 16), WARN),
    # a queue refuses once it holds more than its maximum
    ("accept-queue-full", {}, queue(49), PASS),
    ("accept-queue-full", {}, queue(50), WARN),
    ("accept-queue-full", {}, queue(100), WARN),
    ("accept-queue-full", {}, queue(101), FAIL),
    ("accept-queue-full", {}, queue(1, most=1), PASS),
    ("accept-queue-full", {}, queue(0, moved={"ListenOverflows": 1}), WARN),
    ("listen-counters", {}, queue(0), PASS),
    ("listen-counters", {}, queue(0, moved={"ListenOverflows": 1}), FAIL),
    ("backlog-settings", {}, queue(31, most=63), PASS),
    ("backlog-settings", {}, queue(32, most=63), WARN),
    ("backlog-settings", {}, queue(32, most=64), PASS),
    ("syn-recv-pile", {}, half_open(15), PASS),
    ("syn-recv-pile", {}, half_open(16), FAIL),
    ("syn-recv-pile", {}, half_open(16, age_s=0.9, stayed=False), PASS),
    ("syn-recv-pile", {}, half_open(16, age_s=1.0, stayed=False), FAIL),
    ("syn-recv-pile", {}, half_open(8, most=12), PASS),
    ("syn-recv-pile", {}, half_open(9, most=12), FAIL),
    ("syn-recv-pile", {}, counted("SyncookiesSent", 1), WARN),
    ("syn-defences", {}, counted("TCPReqQFullDoCookies", 0), PASS),
    ("syn-defences", {}, counted("TCPReqQFullDoCookies", 1), WARN),
    ("syn-defences", {}, counted("TCPReqQFullDrop", 1), FAIL),
    # silence: one lost host is everyday; three connections, or six attempts, or a host that was asked for, are not
    ("unanswered", {}, stuck(1, 1), PASS),
    ("unanswered", {}, stuck(1, 2), WARN),
    ("unanswered", {}, stuck(2, 5), WARN),
    ("unanswered", {}, stuck(3, 2), FAIL),
    ("unanswered", {}, stuck(1, 6), FAIL),
    ("unanswered", {}, stuck(3, 2, stayed=False), PASS),
    ("unanswered", {}, stuck(3, 3, stayed=False), FAIL),
    ("unanswered", {}, changed(stuck(1, 2), settings={"host": "203.0.113.1"}), FAIL),
    ("unanswered", {}, counted("TCPSynRetrans", 1), WARN),
    ("zero-window", {}, window(1.4), PASS),
    ("zero-window", {}, window(1.5), FAIL),
    ("zero-window", {}, counted("TCPToZeroWindowAdv", 1), WARN),
    ("conntrack", {}, tracked(74), PASS),
    ("conntrack", {}, tracked(75), WARN),
    ("conntrack", {}, tracked(89), WARN),
    ("conntrack", {}, tracked(90), FAIL),
    ("ports-toward-one-peer", {}, toward(49), PASS),
    ("ports-toward-one-peer", {}, toward(50), WARN),
    ("ports-toward-one-peer", {}, toward(69), WARN),
    ("ports-toward-one-peer", {}, toward(70), FAIL),
    ("time-wait-settings", {}, changed(toward(89), kernel=kernel(tcp_max_tw_buckets="100")), PASS),
    ("time-wait-settings", {}, changed(toward(90), kernel=kernel(tcp_max_tw_buckets="100")), WARN),
    ("time-wait-settings", {}, counted("TCPTimeWaitOverflow", 1), WARN),
    # resets among many requests are everyday: three, and one in twenty, are not
    ("traffic-causes", CAUSES, packets(0, 40), PASS),
    ("traffic-causes", CAUSES, packets(2, 40), PASS),
    ("traffic-causes", CAUSES, packets(3, 60), FAIL),
    ("traffic-causes", CAUSES, packets(3, 61), PASS),
    ("traffic-causes", CAUSES, packets(2, 5), UNKNOWN),  # too few to tell of one in twenty
    ("traffic-causes", CAUSES, packets(0, 19), UNKNOWN),
    ("traffic-causes", CAUSES, packets(0, 20), PASS),
    ("traffic-causes", CAUSES, packets(2, 4), UNKNOWN),
    ("traffic-causes", CAUSES, packets(0, 40, moved={"EstabResets": 1}), WARN),
    ("capture-causes", CAUSES, host(capture=captured({"normal_close": 9})), PASS),
    ("capture-causes", CAUSES, host(capture=BREAKS), FAIL),
    ("counters-moved", NAMES, counted("EstabResets", 0), PASS),
    ("counters-moved", NAMES, counted("EstabResets", 1), WARN),
    ("connecting-now", {}, counted("AttemptFails", 0), PASS),
    ("connecting-now", {}, counted("AttemptFails", 1), WARN),
    ("load-run", {}, host(load=load(close_wait_after=4)), PASS),
    ("load-run", {}, host(load=load(close_wait_after=5)), FAIL),
    ("load-run", {}, host(load=load(errors={"EOF": 2})), WARN),
    ("load-run", {}, host(load=load(errors={"EOF": 3})), FAIL),
    ("url-times", {}, host(url=url(run(connect=0.99, total=1.2))), PASS),
    ("url-times", {}, host(url=url(run(connect=1.01, total=1.2))), WARN),
    ("url-times", {}, host(url=url(run(status=399))), PASS),
    ("url-times", {}, host(url=url(run(status=400))), WARN),
    ("url-times", {}, host(url=url(run(status=500))), FAIL),
]


@pytest.mark.parametrize(
    ("name", "given", "facts", "expected"), TABLE, ids=[f"{n}-{i}" for i, (n, *_) in enumerate(TABLE)]
)
def test_threshold(name: str, given: dict[str, Any], facts: Facts, expected: Outcome) -> None:
    found = known_checks()[name].judge(facts, **given)
    assert found.outcome is expected, found.evidence


@pytest.mark.parametrize(
    ("left", "descriptors", "offered"), [(PILE, 2 * PILE, True), (PILE, 2 * PILE + 1, False), (PILE - 1, 2, False)]
)
def test_a_leak_comes_before_a_higher_limit_where_it_is_half_of_the_descriptors(
    left: int, descriptors: int, offered: bool
) -> None:
    other = Holder(99, "other")
    facts = host(*rows("CLOSE-WAIT", left), *rows("ESTAB", 40), row("CLOSE-WAIT", 90, owners=(other,)))
    assert bool(leak_first(facts, 812, descriptors)) == offered


def test_a_queue_of_no_place_is_full_only_where_its_maximum_is_told() -> None:
    assert is_full(listener(waiting=129, most=128))
    assert not is_full(listener(waiting=128, most=128))
    assert is_full(listener(waiting=1, most=0))  # listen(fd, 0)
    assert not is_full(row("LISTEN", recv_q=1, send_q=0))  # /proc/net/tcp tells no maximum
