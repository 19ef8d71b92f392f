"""Facts of logs and packets at the edges for test_made_golden: one more than is shown, just long enough."""

from __future__ import annotations

from typing import Any

import msgspec

from capture.model import Endpoint
from playbooks.facts.facts import Facts
from playbooks.facts.log_facts import LogGroup, Route, SymptomLog, Times
from playbooks.facts.packet_facts import Captured, CapturedConnection
from playbooks.facts.socket_facts import Holder
from tests.playbooks.checks import test_nginx_checks as nginx
from tests.playbooks.checks.made_nginx_rows import (
    EVENTS,
    HTTP,
    PLACE,
    UPSTREAM,
    after,
    at_nginx,
    configured,
    requests,
)
from tests.playbooks.checks.made_rows import Row
from tests.playbooks.checks.making import (
    changed,
    ended,
    host,
    kernel,
    listener,
    row,
    sockets,
    traffic,
)  # fmt: skip

RESET = {"symptoms": ["reset"]}
LOST = {"causes": ["aborted"]}
BOTH = {"symptoms": ["gone"], "fits": {"gone": ["for a server"]}, "calls": {"gone": ["for a client"]}}


def group(symptom: str = "reset", peer: str = "10.0.0.9:80", count: int = 4, **more: Any) -> LogGroup:
    values: dict[str, Any] = {"first": "10:00", "last": "10:05", "sample": f"sample of {symptom}", "line": 7}
    return LogGroup(symptom, peer, count, **(values | more))


def written(*groups: LogGroup, **settings: str) -> Facts:
    return changed(host(), log=SymptomLog("app.log", 100, groups), settings=settings)


def sample(number: int = 0, cause: str = "aborted", **more: Any) -> CapturedConnection:
    values: dict[str, Any] = {
        "id": number, "originator": Endpoint("10.0.0.7", 40_000 + number), "responder": Endpoint("10.0.0.1", 8080),
        "cause": cause, "certainty": "likely", "closed_first": None, "ended_by": "rst", "reset_by": "responder",
        "sentence": f"Said of {number}.", "evidence": ("p", "q", "r", "s"), "longest_gap_ms": None, "bytes": (1, 2),
    }  # fmt: skip
    return CapturedConnection(**(values | more))


def capture(causes: dict[str, int], *samples: CapturedConnection, **more: Any) -> Facts:
    return host(capture=Captured("x.pcap", sum(causes.values()), causes, samples, **more))


def gone(times: Times | None, closed: int = 10, lines: int = 100, **more: Any) -> Facts:
    log = requests(status={"200": lines - closed, "499": closed}, closed_request=times, **more)
    return nginx.facts(access_log=msgspec.structs.replace(log, lines=lines))


ROWS: dict[str, Row] = {
    # aborts.py
    "log: one program, told": ("log-symptoms", RESET, written(group(sources={"app": 4}))),
    "log: of a port, by its peer": ("log-symptoms", RESET, written(group(), group(peer="10.0.0.9:81"), port="80")),
    "log: of a port, without a peer": ("log-symptoms", RESET, written(group(peer=""), port="80")),
    "log: of a port, by its sample": (
        "log-symptoms", RESET, written(group(peer="10.0.0.9:4000", sample="from 10.0.0.1:80 to"), port="80"),
    ),
    "log: of a port, neither": ("log-symptoms", RESET, written(group(peer="10.0.0.9:4000"), port="80")),
    "log: six peers, and five other symptoms": (
        "log-symptoms", RESET,
        written(*[group(peer=f"10.0.0.{n}:80", count=4 + n) for n in range(6)],
                *[group(f"s{n}", count=n) for n in range(5)]),
    ),
    "log: whoever wrote it had connected": ("log-symptoms", BOTH, written(group("gone", "10.0.0.9:32767"))),
    "log: whoever wrote it served": ("log-symptoms", BOTH, written(group("gone", "10.0.0.9:32768"))),
    "log: whoever wrote it is a client's library": (
        "log-symptoms", BOTH, written(group("gone", "", sources={"kafka": 4, "sarama": 4, "go": 4}))),
    "log: who wrote seldom": (
        "log-symptoms", BOTH | {"fixes": ["f"]}, written(group("gone", count=9, sources={"go": 8, "redis": 1}))),
    "log: of a server that is full": (
        "log-symptoms", BOTH | {"led": "server-full"}, written(group("", playbooks=("server-full",)))),
    "log: of a server that is full, where that is not asked": (
        "log-symptoms", BOTH, written(group("", playbooks=("server-full",)))),
    "log: for the server behind a proxy": (
        "log-symptoms", BOTH | {"served": True, "fixes": ["f"]}, written(group("gone", sources={"nginx": 4}))),
    "log: for the store that a driver names": (
        "log-symptoms", BOTH | {"served": True, "fixes": ["f"]}, written(group("gone", sources={"go": 4, "redis": 4}))),
    "log: times half told": ("log-symptoms", RESET, written(group(last=""))),
    "log: another program's, besides": (
        "log-symptoms", RESET | {"besides": ["nginx"]}, written(group(sources={"nginx": 2, "app": 1})),
    ),
    "log: only that of another step": (
        "log-symptoms", RESET | {"besides": ["nginx"]}, written(group(sources={"nginx": 2})),
    ),
    "log: a fix that fits, and one for all": (
        "log-symptoms", RESET | {"fixes": ["client-timeout"], "fits": {"reset": ["topic:idle"], "refused": ["x"]}},
        written(group()),
    ),
    "counters: some are not told": ("counters-moved", {"names": ["EstabResets", "NoSuch"]}, host(row())),
    "counters: two looks at once": (
        "counters-moved", {"names": ["EstabResets"]}, changed(host(), sockets=sockets(row(), elapsed_s=0.0)),
    ),
    "send buffer": ("send-buffer", {}, host()),
    "send buffer, half told": ("send-buffer", {}, changed(host(), kernel=kernel() | {"net.ipv4.tcp_wmem": "1 2"})),
    # capture_causes.py, failing_now.py
    "a capture: four packets prove it": ("capture-causes", LOST, capture({"aborted": 2}, sample(), sample(1))),
    "a capture: by the client": (
        "capture-causes", LOST,
        capture({"aborted": 2}, sample(reset_by="originator"), sample(1, reset_by="originator")),
    ),
    "a capture: six causes": (
        "capture-causes", LOST, capture({"normal_close": 9, "still_open": 1, "half_close": 2, "harmless": 1,
                                         "simultaneous_close": 3, "reset_ignored": 1}),
    ),
    "a capture: some unknown": ("capture-causes", LOST, capture({"normal_close": 9, "unknown": 1})),
    "a capture: some answers untold": (
        "capture-causes", {"causes": ["response_cut_short"]}, capture({"normal_close": 9}, untold_responses=2),
    ),
    "a capture: some answers untold, not asked": (
        "capture-causes", LOST, capture({"normal_close": 9}, untold_responses=2),
    ),
    "a capture: packets are missing": ("capture-causes", LOST, capture({"normal_close": 9}, losses=("lost some",))),
    "a capture: nothing in it": ("capture-causes", LOST, capture({}, notices=("it is empty",))),
    "a capture: many samples": (
        "capture-causes", LOST | {"fixes": ["client-timeout"], "fits": {"aborted": ["topic:idle"]}},
        capture({"aborted": 9}, *map(sample, range(9))),
    ),
    "a capture: as a warning": ("capture-causes", LOST | {"as_warning": True}, capture({"aborted": 1}, sample())),
    "a capture: who left after half a second": (
        "capture-causes", {"causes": ["client_gave_up"], "fixes": ["client-timeout"]},
        capture({"client_gave_up": 1}, sample(cause="client_gave_up", longest_gap_ms=500.0)),
    ),
    "packets: none of these, and no causes": ("traffic-causes", {}, host(traffic=traffic(ended("aborted", 9, 20)))),
    "packets: of a process": (
        "traffic-causes", LOST,
        changed(host(listener(), traffic=traffic(ended("aborted", 9, 20), connections=20)), settings={"pid": "812"}),
    ),
    "packets: of another process": (
        "traffic-causes", LOST,
        changed(host(listener(), traffic=traffic(ended("aborted", 9, 20), connections=20)), settings={"pid": "5"}),
    ),
    "packets: five services": (
        "traffic-causes", LOST | {"fixes": ["client-timeout"]},
        host(listener(), traffic=traffic(*[
            msgspec.structs.replace(ended("aborted", 9 + n, 20), port=8080 + n, samples=(sample(n), sample(n + 9)))
            for n in range(5)
        ], connections=100)),
    ),
    "packets: with callers": (
        "traffic-causes", LOST,
        host(traffic=traffic(msgspec.structs.replace(
            ended("aborted", 9, 20), ip="10.0.0.9",
            callers=tuple(Holder(70 + n, f"c{n}") for n in range(4))), connections=20)),
    ),
    "packets: cut off": (
        "traffic-causes", LOST,
        host(listener(), traffic=traffic(ended("no_socket", 5, 60, cut_off=4), ended("normal_close", 60, 60),
                                         connections=65)),
    ),
    "packets: resets of a host that was asked for": (
        "traffic-causes", LOST,
        changed(host(listener(), traffic=traffic(ended("normal_close", 60, 60), connections=60),
                     moved={"EstabResets": 2}), settings={"port": "8080"}),
    ),
    "packets: nothing was seen": ("traffic-causes", LOST, host(listener(), traffic=traffic(connections=0))),
    # clients_gone.py
    "499: nine of ten within a seventh": ("access-499", {}, gone(Times(40, 3.0, 3.4, 3.5, 3.6, 2.901))),
    "499: not so": ("access-499", {}, gone(Times(40, 3.0, 3.4, 3.5, 3.6, 2.9))),
    "499: a short time": ("access-499", {}, gone(Times(40, 0.1, 0.16, 0.2, 0.2, 0.1))),
    "499: a short time, apart": ("access-499", {}, gone(Times(40, 0.1, 0.17, 0.2, 0.2, 0.1))),
    "499: five of five hundred": ("access-499", {}, gone(None, 5, 500)),
    "499: five of more": ("access-499", {}, gone(None, 5, 501)),
    "499: four": ("access-499", {}, gone(Times(4, 3.0, 3.0, 3.0, 3.0, 3.0), 4, 100)),
    "499: the upstream is slower": ("access-499", {}, gone(after(0.5), upstream=Times(9, 1, 1, 7.0, 8.0))),
    "499: no time is told": ("access-499", {}, gone(None)),
    "499: within a second": ("access-499", {}, gone(after(0.3))),
    "499: of one request": ("access-499", {}, gone(None, 1, 1)),
    "499: of a log without requests": ("access-499", {}, gone(None, 0, 0)),
    "499: at once": ("access-499", {}, gone(Times(40, 0.0, 0.05, 0.1, 0.1, 0.0))),
    "499: how soon the first left is not told": ("access-499", {}, gone(Times(40, 0.5, 0.6, 0.7, 0.8))),
    "499: five times": ("access-499", {}, gone(Times(5, 3.0, 3.0, 3.0, 3.0, 3.0), 5, 100)),
    "499: counted by routes alone": (
        "access-499", {},
        nginx.facts(access_log=requests(
            status={"499": 7, "200": 93}, routes=(Route("/r", 9, 0, 0), Route("/s", 9, 7, 0)))),
    ),
    "ignored aborts: of six places": (
        "ignore-client-abort", {},
        at_nginx(configured(EVENTS, HTTP, *[("proxy_pass", PLACE, 6, f"http://b{n}") for n in range(6)])),
    ),
    "ignored aborts: on": (
        "ignore-client-abort", {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, ("proxy_ignore_client_abort", PLACE, 6, "on"))),
    ),
    "ignored aborts: off": (
        "ignore-client-abort", {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, ("proxy_ignore_client_abort", PLACE, 6, "off"))),
    ),
    "chain: the only request": (
        "chain-log", {},
        nginx.facts(access_log=msgspec.structs.replace(requests(status={"504": 1}), lines=1)),
    ),
    "chain: late, and nothing is passed on": (
        "chain-log", {},
        at_nginx(configured(EVENTS, HTTP), access_log=requests(status={"200": 9, "504": 3})),
    ),
    "packets: two listen": (
        "traffic-causes", LOST,
        host(listener(owners=(Holder(7, "a"), Holder(8, "b"))), row(remote=Endpoint("10.0.0.1", 8080), owners=(
            Holder(70, "c"), Holder(71, "d"))), traffic=traffic(ended("aborted", 9, 20), connections=20)),
    ),
    "packets: without sockets": (
        "traffic-causes", LOST, changed(host(traffic=traffic(ended("aborted", 9, 20), connections=20)), sockets=None),
    ),
    "packets: five services, cut off": (
        "traffic-causes", LOST,
        host(traffic=traffic(*[msgspec.structs.replace(ended("no_socket", 5, 60, cut_off=4), port=81 + n)
                               for n in range(5)], connections=300)),
    ),
    "packets: no causes, all in order": (
        "traffic-causes", {}, host(traffic=traffic(ended("normal_close", 60, 60), connections=60, untold_responses=3)),
    ),
    "counters: one segment came": (
        "listen-counters", {},
        changed(host(), sockets=sockets(listener(), moved={"InSegs": 1}, totals={
            "InSegs": 9, "ListenOverflows": 4, "ListenDrops": 4}, counters={"InSegs": 1})),
    ),
    "counters: one segment ever": (
        "listen-counters", {},
        changed(host(), sockets=sockets(listener(), totals={"InSegs": 1, "ListenOverflows": 0, "ListenDrops": 0})),
    ),
    "counters: segments are not told": (
        "listen-counters", {}, changed(host(), sockets=sockets(listener(), totals={"ListenOverflows": 0})),
    ),
}  # fmt: skip
