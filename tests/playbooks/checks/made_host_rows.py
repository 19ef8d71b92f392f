"""Facts of a host, its loads, queues, silences, packets, for test_made_golden: (check, given, facts) by name."""

from __future__ import annotations

from typing import Any

import msgspec

from capture.model import Endpoint
from playbooks.facts.facts import Facts
from playbooks.facts.log_facts import ErrorLine
from playbooks.facts.nginx_facts import Worker
from playbooks.facts.socket_facts import Elsewhere, Process, Processes, UnixListener
from tests.playbooks.checks import test_nginx_checks as nginx
from tests.playbooks.checks.made_nginx_rows import (
    EMPTY,
    EVENTS,
    HTTP,
    KEPT,
    UPSTREAM,
    V11,
    after,
    at_nginx,
    configured,
    requests,
)
from tests.playbooks.checks.made_rows import GO, OTHER, Row
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
    sockets,
    traffic,
)  # fmt: skip

CAUSES = {"causes": ["client_gave_up"], "fixes": ["client-timeout"]}


def left_after(*gaps_ms: float) -> Facts:
    """A capture whose clients left after so long."""
    found = captured({"client_gave_up": len(gaps_ms), "normal_close": 5})
    (sample, *_) = found.samples
    samples = tuple(msgspec.structs.replace(sample, id=n, longest_gap_ms=gap) for n, gap in enumerate(gaps_ms))
    return host(capture=msgspec.structs.replace(found, samples=samples))


def half_open(count: int, most: int = 128, **more: Any) -> list[Any]:
    stale = [
        row("SYN-RECV", n, owners=(), inode=0, age_s=2.0, remote=Endpoint(f"10.0.1.{n % 3}", 2000 + n))
        for n in range(count)
    ]
    return [listener(most=most, **more), *stale]


ROWS: dict[str, Row] = {
    # load.py
    "load: what it left, without what was there": (
        "load-run",
        {},
        host(load=load(close_wait_before=4, close_wait_after=8)),
    ),
    "load: what it left": ("load-run", {}, host(load=load(close_wait_before=4, close_wait_after=9))),
    "load: all that is told": (
        "load-run",
        {},
        host(load=load(total=after(0.3), errors={"EOF": 1}, counters={"ListenOverflows": 2})),
    ),
    "load: nothing was sent": ("load-run", {}, host(load=load(0))),
    # nginx_logs.py, nginx_passes.py
    "errors: toward an upstream that is not configured": (
        "nginx-error-lines",
        {"kinds": ["timed_out"], "fixes": {"timed_out": ["read-timeout"]}},
        at_nginx(
            configured(EVENTS, HTTP, *UPSTREAM),
            error_log=nginx.log(9, kinds={"timed_out": ErrorLine("timed_out", 3, {"10.9.9.9:1": 3}, "x", "t")}),
        ),
    ),
    "errors: of an upstream of this machine": (
        "nginx-error-lines",
        {"kinds": ["prematurely_closed"], "fixes": {"prematurely_closed": ["topic:idle"]}},
        at_nginx(
            configured(EVENTS, HTTP, *UPSTREAM),
            error_log=nginx.log(
                9, kinds={"prematurely_closed": ErrorLine("prematurely_closed", 3, {"127.0.0.1:8080": 3}, "x", "t")}
            ),
            sockets=sockets(listener(owners=(GO,)), listener(9)),
        ),
    ),
    # leaks.py, queues.py, awaiting.py
    "close-wait descriptors, some hidden": (
        "close-wait-descriptors",
        {},
        host(*rows("CLOSE-WAIT", 3), row("CLOSE-WAIT", 9, owners=())),
    ),
    "close-wait descriptors, one untold": (
        "close-wait-descriptors",
        {},
        changed(
            host(*rows("CLOSE-WAIT", 3), row("CLOSE-WAIT", 9, owners=(OTHER,))), processes=Processes((process(),), 0)
        ),
    ),
    "orphans: what counts": (
        "orphans",
        {},
        changed(
            host(
                *rows("TIME-WAIT", 9, owners=(), inode=0),
                *rows("LAST-ACK", 2, owners=(), inode=0),
                row("FIN-WAIT-1", 7),
            ),
            kernel=kernel(tcp_max_orphans="16"),
        ),
    ),
    "orphans: no limit is shown": (
        "orphans",
        {},
        changed(host(*rows("LAST-ACK", 2, owners=(), inode=0)), kernel=kernel(tcp_max_orphans="")),
    ),
    "orphans: the kernel ended some": ("orphans", {}, host(row(), moved={"TCPAbortOnMemory": 1})),
    "fin-wait-2: one of this server's ports": (
        "fin-wait-2-pile",
        {},
        host(*[row("FIN-WAIT-2", n, local=Endpoint("10.0.0.1", 80)) for n in range(12)]),
    ),
    "fin-wait-2: one client's many ports": (
        "fin-wait-2-pile",
        {},
        host(
            *[
                row("FIN-WAIT-2", n, local=Endpoint("10.0.0.1", 41000 + n), remote=Endpoint("10.0.0.9", 80))
                for n in range(12)
            ]
        ),
    ),
    "a backlog of one, full": ("backlog-settings", {}, host(listener(most=1, waiting=1))),
    "a backlog of none": ("backlog-settings", {}, host(listener(most=0, waiting=0))),
    "queue: 95 % of the descriptors": (
        "accept-queue-full",
        {},
        changed(
            host(listener(waiting=130)),
            processes=Processes((Process(812, "java", 1000, open_files=950, soft_limit=1000),), 0),
        ),
    ),
    "queue: two unix sockets": (
        "accept-queue-full",
        {},
        changed(
            host(listener()),
            sockets=sockets(
                listener(),
                unix=(UnixListener("/run/a", 12, 10, (GO,), 3.0), UnixListener("/run/b", 30, 20, (OTHER,), 1.0)),
            ),
        ),
    ),
    "waiting for: two processes": (
        "waiting-for",
        {},
        host(
            *rows("CLOSE-WAIT", 4),
            *[row("CLOSE-WAIT", 40 + n, owners=(OTHER,)) for n in range(5)],
            *[row("ESTAB", 80 + n, remote=Endpoint("10.0.0.9", 5432), awaiting_s=3.0) for n in range(4)],
            *[
                row("ESTAB", 90 + n, remote=Endpoint("10.0.0.8", 5432), awaiting_s=5.0, owners=(OTHER,))
                for n in range(5)
            ],
        ),
    ),
    # half_open.py
    "half open: three sources": ("syn-recv-pile", {}, host(*half_open(20))),
    "half open: behind a full queue": ("syn-recv-pile", {}, host(*half_open(20, waiting=129))),
    "half open: of another port": ("syn-recv-pile", {}, changed(host(*half_open(20)), settings={"port": "9"})),
    "half open: no cookies": ("syn-defences", {}, changed(host(row()), kernel=kernel(tcp_syncookies="0"))),
    "half open: dropped": ("syn-defences", {}, host(*half_open(2), moved={"TCPReqQFullDrop": 3})),
    # stalls.py
    "conntrack: idle for five days": (
        "conntrack",
        {},
        changed(
            host(),
            kernel=kernel(nf_conntrack_count="95", nf_conntrack_max="100")
            | {"net.netfilter.nf_conntrack_tcp_timeout_established": "432000"},
        ),
    ),
    "conntrack: idle for two hours": (
        "conntrack",
        {},
        changed(
            host(),
            kernel=kernel(nf_conntrack_count="95", nf_conntrack_max="100")
            | {"net.netfilter.nf_conntrack_tcp_timeout_established": "7200"},
        ),
    ),
    "keep-alive: idle without, 349 s": (
        "keepalive-settings",
        {},
        host(row(age_s=349.0), row(number=1, age_s=400.0, timer="keepalive")),
    ),
    "keep-alive: idle without, 350 s": ("keepalive-settings", {}, host(row(age_s=350.0), row(number=1, age_s=10.0))),
    "keep-alive: on this machine": (
        "keepalive-settings",
        {},
        host(row(age_s=900.0, remote=Endpoint("127.0.0.1", 9)), row(number=1)),
    ),
    # capture_causes.py, failing_now.py
    "a capture: clients left after 800 ms": ("capture-causes", CAUSES, left_after(800.0, 801.0, 790.0)),
    "a capture: clients left after 5 s": ("capture-causes", CAUSES, left_after(5000.0, 5001.0)),
    "packets: half of a listener's": (
        "traffic-causes",
        {"causes": ["aborted"]},
        host(listener(), traffic=traffic(ended("aborted", 2, 4), ended("normal_close", 60, 60), connections=64)),
    ),
    "packets: too many to keep": (
        "traffic-causes",
        {"causes": ["aborted"]},
        host(
            listener(),
            traffic=traffic(ended("aborted", 3, 9), ended("normal_close", 60, 60), connections=69, full=True),
        ),
    ),
    "packets: too many, none of these": (
        "traffic-causes",
        {"causes": ["aborted"]},
        host(listener(), traffic=traffic(ended("normal_close", 60, 60), connections=60, full=True)),
    ),
    "packets: resets of which one is shown": (
        "traffic-causes",
        {"causes": ["refused"]},
        host(
            listener(),
            traffic=traffic(ended("aborted", 1, 60, resets=1), ended("normal_close", 60, 60), connections=61),
            moved={"EstabResets": 1},
        ),
    ),
    "packets: resets that are not shown": (
        "traffic-causes",
        {"causes": ["refused"]},
        host(
            listener(),
            traffic=traffic(ended("aborted", 1, 60, resets=1), ended("normal_close", 60, 60), connections=61),
            moved={"EstabResets": 2},
        ),
    ),
    "packets: without data": (
        "traffic-causes",
        {"causes": ["aborted"]},
        host(
            listener(),
            traffic=traffic(ended("aborted", 9, 60, carried=0), ended("normal_close", 60, 60), connections=69),
        ),
    ),
    "504: three of a thousand": (
        "chain-log",
        {},
        nginx.facts(access_log=msgspec.structs.replace(requests(status={"200": 997, "504": 3}), lines=1000)),
    ),
    "queue: five unix sockets": (
        "accept-queue-full",
        {},
        changed(
            host(listener()),
            sockets=sockets(listener(), unix=tuple(UnixListener(f"/run/{n}", 20 + n, 10, (GO,)) for n in range(5))),
        ),
    ),
    "unanswered: where the kernel tells no settings": (
        "unanswered",
        {},
        changed(
            host(*[row("ESTAB", n, timer="on", unanswered=3) for n in range(3)], settings={"host": "10.0.0.7"}),
            kernel={},
        ),
    ),
    "unanswered: with settings of its own": (
        "unanswered",
        {},
        changed(
            host(*[row("ESTAB", n, timer="on", unanswered=3) for n in range(3)], settings={"host": "10.0.0.7"}),
            kernel=kernel(tcp_keepalive_intvl="7", tcp_keepalive_probes="8", tcp_retries2="6", tcp_keepalive_time="70"),
        ),
    ),
    "counters that are not told": (
        "listen-counters",
        {},
        changed(host(), sockets=msgspec.structs.replace(sockets(listener()), totals={"InSegs": 9})),
    ),
    "worker files: exactly 90 % used": (
        "worker-files",
        {},
        at_nginx(configured(EVENTS, HTTP, workers=(Worker(7, nginx.START, 900, 1000, 4096),))),
    ),
    "errors: of an upstream whose connections are kept": (
        "nginx-error-lines",
        {"kinds": ["prematurely_closed"], "fixes": {"prematurely_closed": ["topic:idle"]}},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT, V11, EMPTY), "prematurely_closed"),
    ),
    "errors: of an upstream whose connections are not kept": (
        "nginx-error-lines",
        {"kinds": ["prematurely_closed"], "fixes": {"prematurely_closed": ["topic:idle"]}},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM), "prematurely_closed"),
    ),
    # looked.py
    "other namespaces, five": (
        "close-wait-pile",
        {},
        changed(host(), sockets=sockets(row(), elsewhere=tuple(Elsewhere(f"c{n}", n or None) for n in range(5)))),
    ),
    "other namespaces, four": (
        "close-wait-pile",
        {},
        changed(host(), sockets=sockets(row(), elsewhere=tuple(Elsewhere(f"c{n}", n + 1) for n in range(4)))),
    ),
    "counters that never moved": (
        "listen-counters",
        {},
        changed(
            host(),
            sockets=msgspec.structs.replace(
                sockets(listener()), totals={"InSegs": 9, "ListenOverflows": 0, "ListenDrops": 0}
            ),
        ),
    ),
    "counters that moved before": (
        "listen-counters",
        {},
        changed(
            host(),
            sockets=msgspec.structs.replace(
                sockets(listener()), totals={"InSegs": 9, "ListenOverflows": 1, "ListenDrops": 0}
            ),
        ),
    ),
    "counters of nothing": (
        "listen-counters",
        {},
        changed(
            host(),
            sockets=msgspec.structs.replace(
                sockets(listener()), totals={"InSegs": 0, "ListenOverflows": 0, "ListenDrops": 0}
            ),
        ),
    ),
}
