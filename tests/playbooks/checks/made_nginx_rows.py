"""Facts of nginx, its logs and its configuration for test_made_golden: (check, what it is given, facts) by name."""

from __future__ import annotations

from typing import Any

import msgspec

from capture.model import Endpoint
from playbooks.facts.facts import Absence, Facts
from playbooks.facts.log_facts import AccessLog, ErrorLine, Route, Times
from playbooks.facts.measured_facts import IdlePeer
from playbooks.facts.nginx_facts import Directive, NginxServer, Worker
from playbooks.facts.socket_facts import Holder
from tests.playbooks.checks import test_nginx_checks as nginx
from tests.playbooks.checks.making import changed, host, kernel, row, run, sockets, url

Row = tuple[str, dict[str, Any], Facts]
PLACE, PATH = ("http", "server", "location /"), "/etc/nginx/nginx.conf"


def requests(**more: Any) -> AccessLog:
    values: dict[str, Any] = {
        "status": {"200": 90, "499": 10},
        "routes": (Route("/r", 50, 10, 0), Route("/s", 50, 0, 4)),
    }
    return AccessLog(("/a",), 100, 0, 0, **values | {"own": True} | more)


def after(p50: float, count: int = 40, p10: float | None = None) -> Times:
    return Times(count, p50, p50 + 0.1, p50 + 0.2, p50 + 0.3, p10 if p10 is not None else p50 - 0.01)


def configured(*directives: tuple[Any, ...], **more: Any) -> NginxServer:
    """(name, context, innermost block, *arguments): a line each, the blocks 2 (http), 5 (server), 6 (location)."""
    outer = {0: (), 1: (1,), 2: (2,), 3: (2, 3), 5: (2, 5), 6: (2, 5, 6)}
    made = tuple(
        Directive(name, tuple(args), PATH, 10 + at, context, block, outer[block])
        for at, (name, context, block, *args) in enumerate(directives)
    )
    values: dict[str, Any] = {"master": 6, "workers": (Worker(7, nginx.START, 20, 2048, 4096),), "cpus": 4}
    return NginxServer(PATH, (), made, (), nginx.START - 60, **values | more)


EVENTS, HTTP = ("events", (), 0), ("http", (), 0)
ADDRESS = (EVENTS, HTTP, ("proxy_pass", PLACE, 6, "http://10.0.0.5:8080/x"))
UPSTREAM = (
    ("upstream", ("http",), 2, "b"),
    ("server", ("http", "upstream b"), 3, "10.0.0.5:8080"),
    ("proxy_pass", PLACE, 6, "http://b"),
)
KEPT = ("keepalive", ("http", "upstream b"), 3, "16")
V11, EMPTY = ("proxy_http_version", PLACE, 6, "1.1"), ("proxy_set_header", PLACE, 6, "Connection", "")


def at_nginx(server: NginxServer, *kinds: str, **more: Any) -> Facts:
    """Facts of an nginx whose error log has one line of each kind."""
    lines = {
        kind: ErrorLine(kind, 3, {"10.0.0.5:8080": 2, "10.0.0.6:8080": 1}, f"last of {kind}", "t") for kind in kinds
    }
    return nginx.facts(server, **{"error_log": nginx.log(9, kinds=lines), "kernel": kernel()} | more)


def workers(*held: tuple[int | None, int], limit: str = "100", hidden: int = 0, **more: Any) -> Facts:
    """Workers of (descriptors, connections) under worker_connections."""
    at = tuple(Worker(7 + n, nginx.START, files, 4096, 4096) for n, (files, _) in enumerate(held))
    found = [
        row("ESTAB", 100 * n + k, owners=(Holder(7 + n, "nginx"),))
        for n, (_, count) in enumerate(held)
        for k in range(count)
    ]
    server = configured(EVENTS, ("worker_connections", ("events",), 1, limit), HTTP, workers=at)
    return at_nginx(server, sockets=sockets(*found, hidden_owners=hidden), **more)


def idle(peer: IdlePeer, *more: tuple[Any, ...]) -> Facts:
    return at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT, *more), idle_peers=(peer,))


def peer(closed_after: float | None, waited: float = 70.0, keeps_alive: bool = True, error: str = "") -> IdlePeer:
    return IdlePeer("10.0.0.5:8080", closed_after, waited, keeps_alive, error)


ROWS: dict[str, Row] = {
    # clients_gone.py, timeout_chains.py
    "499: by route, together": (
        "access-499",
        {},
        nginx.facts(access_log=requests(closed_request=after(3.0), sample=("GET /r", "GET /s"))),
    ),
    "499: older ones": (
        "access-499",
        {},
        nginx.facts(
            access_log=AccessLog(
                ("/a", "/b"),
                100,
                0,
                11,
                {"200": 90, "499": 10},
                (),
                older_status={"499": 3, "504": 1, "200": 7},
                since=nginx.START,
                own=True,
            )
        ),
    ),
    "499: older ones in order": (
        "access-499",
        {},
        nginx.facts(access_log=AccessLog(("/a",), 100, 0, 7, {"200": 100}, (), older_status={"200": 7}, own=True)),
    ),
    "clients and upstream: nothing was served": (
        "client-against-upstream",
        {},
        nginx.facts(access_log=requests(closed_request=after(3.0))),
    ),
    "clients and upstream: it is faster": (
        "client-against-upstream",
        {},
        nginx.facts(access_log=requests(closed_request=after(3.0), upstream=after(2.19))),
    ),
    "clients and upstream: it is as slow": (
        "client-against-upstream",
        {},
        nginx.facts(access_log=requests(closed_request=after(3.0), upstream=after(2.2))),
    ),
    "clients and requests": (
        "client-against-upstream",
        {},
        nginx.facts(access_log=requests(closed_request=after(3.0), request=after(2.2))),
    ),
    "clients: aborts are ignored": (
        "ignore-client-abort",
        {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, ("proxy_ignore_client_abort", ("http",), 2, "on"))),
    ),
    "clients: aborts are heard": (
        "ignore-client-abort",
        {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, ("proxy_ignore_client_abort", ("http",), 2, "off"))),
    ),
    "clients: nothing is passed on": ("ignore-client-abort", {}, at_nginx(configured(EVENTS, HTTP))),
    "504: three": (
        "chain-log",
        {},
        nginx.facts(access_log=requests(status={"200": 997, "504": 3}, upstream=after(59.9), request=after(60.0))),
    ),
    "504: two of a thousand": (
        "chain-log",
        {},
        nginx.facts(access_log=msgspec.structs.replace(requests(status={"200": 998, "504": 2}), lines=1000)),
    ),
    "504: two of two hundred": (
        "chain-log",
        {},
        nginx.facts(access_log=msgspec.structs.replace(requests(status={"200": 198, "504": 2}), lines=200)),
    ),
    "url: what curl calls them": (
        "url-times",
        {},
        host(
            url=url(
                run(status=None, error="APP_TIMEOUT", connect=None),
                run(status=None, error="APP_TIMEOUT"),
                run(status=None, error="DNS", connect=None),
                run(status=None, error="ECONNREFUSED", connect=None),
                run(status=None, error="TLS"),
                run(status=None, error="EOF"),
                run(status=None, error="ECONNRESET"),
                run(),
            )
        ),
    ),
    "url: late at an nginx": (
        "url-times",
        {},
        changed(
            at_nginx(configured(EVENTS, HTTP, *UPSTREAM, ("proxy_read_timeout", ("http",), 2, "30s"))),
            url=url(run(status=504, total=30.0), run(total=0.2)),
        ),
    ),
    # nginx_limits.py
    "workers: 74 of 100": ("worker-connections", {}, workers((80, 73), (80, 10))),
    "workers: 75 of 100": ("worker-connections", {}, workers((80, 74), (80, 10))),
    "workers: 89 of 100": ("worker-connections", {}, workers((90, 88))),
    "workers: 90 of 100": ("worker-connections", {}, workers((95, 89))),
    "workers: hidden, with few descriptors": ("worker-connections", {}, workers((74, 0), hidden=9)),
    "workers: hidden, with many": ("worker-connections", {}, workers((75, 0), hidden=9)),
    "workers: hidden altogether": ("worker-connections", {}, workers((None, 0), hidden=9)),
    "workers: nginx complains": (
        "worker-connections",
        {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM), "worker_connections"),
    ),
    "workers: as many as they may have files": (
        "worker-connections",
        {},
        at_nginx(
            configured(EVENTS, HTTP, ("worker_rlimit_nofile", (), 0, "2000"), workers=(), named=True),
            "worker_connections",
        ),
    ),
    "workers: no log may be read": (
        "worker-connections",
        {},
        msgspec.structs.replace(
            workers((20, 3)), error_log=None, absent={"error_log": Absence("unreadable", "not yours")}
        ),
    ),
    "worker files: more connections than files": (
        "worker-files",
        {},
        at_nginx(configured(EVENTS, ("worker_connections", ("events",), 1, "2049"), HTTP)),
    ),
    "worker files: as many": (
        "worker-files",
        {},
        at_nginx(configured(EVENTS, ("worker_connections", ("events",), 1, "2048"), HTTP)),
    ),
    "worker files: 64 spare": (
        "worker-files",
        {},
        at_nginx(configured(EVENTS, ("worker_connections", ("events",), 1, "1984"), HTTP)),
    ),
    "worker files: 63 spare": (
        "worker-files",
        {},
        at_nginx(configured(EVENTS, ("worker_connections", ("events",), 1, "1985"), HTTP)),
    ),
    "worker files: 75 % used": (
        "worker-files",
        {},
        at_nginx(configured(EVENTS, HTTP, workers=(Worker(7, nginx.START, 1536, 2048, 4096),))),
    ),
    "worker files: less than 75 % used": (
        "worker-files",
        {},
        at_nginx(configured(EVENTS, HTTP, workers=(Worker(7, nginx.START, 1535, 2048, 4096),))),
    ),
    "worker files: 90 % used": (
        "worker-files",
        {},
        at_nginx(configured(EVENTS, HTTP, workers=(Worker(7, nginx.START, 1844, 2048, 4096),))),
    ),
    "worker files: hidden": (
        "worker-files",
        {},
        at_nginx(configured(EVENTS, HTTP, workers=(Worker(7, nginx.START, None, 2048, 4096),))),
    ),
    "worker files: unknown": (
        "worker-files",
        {},
        at_nginx(configured(EVENTS, HTTP, workers=(Worker(7, nginx.START, 3, None, None),))),
    ),
    "worker files: nginx complains of all": (
        "worker-files",
        {},
        at_nginx(
            configured(EVENTS, HTTP, ("worker_rlimit_nofile", (), 0, "3000")),
            "setrlimit",
            "exceed_files",
            "too_many_files",
        ),
    ),
    "buffers: all complaints": (
        "nginx-buffers",
        {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM), "body_buffered", "response_buffered", "header_too_big"),
    ),
    "buffers: set to eight": (
        "nginx-buffers",
        {},
        at_nginx(
            configured(
                EVENTS,
                HTTP,
                ("proxy_buffers", ("http",), 2, "9", "8k"),
                ("proxy_buffer_size", ("http",), 2, "16k"),
                ("proxy_buffers", PLACE, 6, "4", "12k"),
            ),
            "response_buffered",
            "header_too_big",
        ),
    ),
    "buffers: busy ones are set": (
        "nginx-buffers",
        {},
        at_nginx(configured(EVENTS, HTTP, ("proxy_busy_buffers_size", ("http",), 2, "16k")), "response_buffered"),
    ),
    "buffers: in bytes": (
        "nginx-buffers",
        {},
        at_nginx(configured(EVENTS, HTTP, ("client_body_buffer_size", ("http",), 2, "200000")), "body_buffered"),
    ),
    "buffers: a log of another nginx": (
        "nginx-buffers",
        {},
        at_nginx(
            configured(EVENTS, HTTP),
            error_log=nginx.log(
                9, own=False, kinds={"response_buffered": ErrorLine("response_buffered", 3, {}, "x", "t")}
            ),
        ),
    ),
    "error log: by default": ("nginx-error-log", {}, at_nginx(configured(EVENTS, HTTP))),
    "error log: lost": ("nginx-error-log", {}, at_nginx(configured(EVENTS, HTTP, ("error_log", (), 0, "/dev/null")))),
    "error log: quiet": (
        "nginx-error-log",
        {},
        at_nginx(configured(EVENTS, HTTP, ("error_log", (), 0, "/l", "crit"), ("error_log", (), 0, "/m", "warn"))),
    ),
    "error log: moved away": (
        "nginx-error-log",
        {},
        at_nginx(configured(EVENTS, HTTP, ("error_log", (), 0, "/l"), deleted_logs=("/l.1",))),
    ),
    "error log: a broken configuration": (
        "nginx-error-log",
        {},
        at_nginx(msgspec.structs.replace(configured(EVENTS, HTTP), errors=("line 3: no ;",))),
    ),
    # nginx_upstreams.py
    "keepalive: an address without an upstream": ("upstream-keepalive", {}, at_nginx(configured(*ADDRESS))),
    "keepalive: an address with half of it": (
        "upstream-keepalive",
        {},
        at_nginx(
            configured(
                *ADDRESS,
                ("proxy_http_version", ("http",), 2, "1.0"),
                ("proxy_set_header", PLACE, 6, "Connection", "close"),
            )
        ),
    ),
    "keepalive: over TLS": (
        "upstream-keepalive",
        {},
        at_nginx(configured(EVENTS, HTTP, ("proxy_pass", PLACE, 6, "https://10.0.0.5"))),
    ),
    "keepalive: by a variable": (
        "upstream-keepalive",
        {},
        at_nginx(configured(EVENTS, HTTP, ("proxy_pass", PLACE, 6, "http://$backend"))),
    ),
    "keepalive: missing, 99 in TIME-WAIT": (
        "upstream-keepalive",
        {},
        at_nginx(
            configured(EVENTS, HTTP, *UPSTREAM),
            sockets=sockets(*[row("TIME-WAIT", n, remote=Endpoint("10.0.0.5", 8080)) for n in range(99)]),
        ),
    ),
    "keepalive: missing, 100 in TIME-WAIT": (
        "upstream-keepalive",
        {},
        at_nginx(
            configured(EVENTS, HTTP, *UPSTREAM),
            sockets=sockets(*[row("TIME-WAIT", n, remote=Endpoint("10.0.0.5", 8080)) for n in range(100)]),
        ),
    ),
    "keepalive: alone": ("upstream-keepalive", {}, at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT))),
    "keepalive: with an older HTTP": (
        "upstream-keepalive",
        {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT, EMPTY)),
    ),
    "keepalive: closed each time": (
        "upstream-keepalive",
        {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT, V11, ("proxy_set_header", PLACE, 6, "Connection", "close"))),
    ),
    "keepalive: all of it": ("upstream-keepalive", {}, at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT, V11, EMPTY))),
    "keepalive: headers of an outer level": (
        "upstream-keepalive",
        {},
        at_nginx(
            configured(
                EVENTS,
                HTTP,
                *UPSTREAM,
                KEPT,
                V11,
                ("proxy_set_header", ("http",), 2, "Connection", ""),
                ("proxy_set_header", PLACE, 6, "Host", "x"),
            )
        ),
    ),
    "keepalive: by a new nginx, spoilt": (
        "upstream-keepalive",
        {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, ("proxy_http_version", PLACE, 6, "1.0"), version=(1, 29, 7))),
    ),
    "idle: the upstream closes sooner": ("upstream-idle", {}, idle(peer(5.0))),
    "idle: as soon": ("upstream-idle", {}, idle(peer(60.0))),
    "idle: later": ("upstream-idle", {}, idle(peer(60.1))),
    "idle: within two seconds": (
        "upstream-idle",
        {},
        idle(peer(1.9), ("keepalive_timeout", ("http", "upstream b"), 3, "15s")),
    ),
    "idle: at once": ("upstream-idle", {}, idle(peer(0.1))),
    "idle: it waited long enough": ("upstream-idle", {}, idle(peer(None, 60.1))),
    "idle: it did not wait long enough": ("upstream-idle", {}, idle(peer(None, 60.0))),
    "idle: it never keeps": ("upstream-idle", {}, idle(peer(0.1, keeps_alive=False))),
    "idle: not reached": ("upstream-idle", {}, idle(peer(None, error="ECONNREFUSED"))),
    # nginx_logs.py
    "errors: with fixes of this nginx": (
        "nginx-error-lines",
        {"kinds": ["timed_out", "refused"], "fixes": {"timed_out": ["read-timeout"], "refused": ["start-upstream"]}},
        at_nginx(
            configured(EVENTS, HTTP, *UPSTREAM, ("proxy_read_timeout", ("http",), 2, "30s")), "timed_out", "refused"
        ),
    ),
    "errors: with the time that was measured": (
        "nginx-error-lines",
        {"kinds": ["timed_out"], "fixes": {"timed_out": ["read-timeout"]}},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM), "timed_out", access_log=requests(upstream=after(59.0))),
    ),
    "errors: faster than it waits": (
        "nginx-error-lines",
        {"kinds": ["timed_out"], "fixes": {"timed_out": ["read-timeout", "connect-timeout"]}},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM), "timed_out", access_log=requests(upstream=after(20.0))),
    ),
    "errors: by an address without a port": (
        "nginx-error-lines",
        {"kinds": ["timed_out"], "fixes": {"timed_out": ["read-timeout"]}},
        at_nginx(
            configured(
                EVENTS,
                HTTP,
                ("proxy_pass", PLACE, 6, "http://10.0.0.7"),
                ("proxy_pass", PLACE, 6, "http://10.0.0.5:8080"),
            ),
            "timed_out",
        ),
    ),
    "errors: a log of another nginx": (
        "nginx-error-lines",
        {"kinds": ["timed_out"], "fixes": {"timed_out": ["read-timeout"]}},
        at_nginx(
            configured(EVENTS, HTTP),
            error_log=nginx.log(
                9, own=False, cut=True, kinds={"timed_out": ErrorLine("timed_out", 3, {"10.0.0.5:8080": 3}, "x", "t")}
            ),
        ),
    ),
}
