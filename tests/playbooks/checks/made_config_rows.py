"""Facts of nginx at the edges for test_made_golden: its workers, upstreams, buffers and what its log says."""

from __future__ import annotations

from capture.model import Endpoint
from playbooks.facts.facts import Absence
from playbooks.facts.log_facts import ErrorLine
from playbooks.facts.measured_facts import IdlePeer
from playbooks.facts.nginx_facts import Worker
from tests.playbooks.checks import test_nginx_checks as nginx
from tests.playbooks.checks.made_nginx_rows import (
    EMPTY,
    EVENTS,
    HTTP,
    KEPT,
    PLACE,
    UPSTREAM,
    V11,
    at_nginx,
    configured,
    requests,
    workers,
)
from tests.playbooks.checks.made_rows import GO, OTHER, Row
from tests.playbooks.checks.making import (
    listener,
    row,
    sockets,
)  # fmt: skip

CLOSED = {"kinds": ["prematurely_closed"], "fixes": {"prematurely_closed": ["topic:idle"]}}

ROWS: dict[str, Row] = {
    # nginx_limits.py, nginx_upstreams.py, nginx_logs.py
    "workers: 2,048 connections asked for": (
        "worker-files", {},
        at_nginx(configured(EVENTS, ("worker_connections", ("events",), 1, "2048"), HTTP,
                            workers=(Worker(7, nginx.START, 20, 2048, 4096),)))),
    "workers: half of a power of two": (
        "worker-files", {},
        at_nginx(configured(EVENTS, ("worker_connections", ("events",), 1, "4064"), HTTP,
                            workers=(Worker(7, nginx.START, 20, 1024, 4096),)))),
    "workers: one more than that": (
        "worker-files", {},
        at_nginx(configured(EVENTS, ("worker_connections", ("events",), 1, "4065"), HTTP,
                            workers=(Worker(7, nginx.START, 20, 1024, 4096),)))),
    "workers: more than is proposed is set": (
        "worker-files", {},
        at_nginx(configured(EVENTS, ("worker_rlimit_nofile", (), 0, "9000"),
                            ("worker_connections", ("events",), 1, "4000"), HTTP,
                            workers=(Worker(7, nginx.START, 2000, 2048, 4096),)))),
    "workers: 90 % of a hundred": ("worker-connections", {}, workers((90, 90))),
    "workers: 75 % of a hundred": ("worker-connections", {}, workers((75, 75))),
    "workers: 74 % of a hundred": ("worker-connections", {}, workers((74, 74))),
    "upstreams: a hundred in TIME-WAIT": (
        "upstream-keepalive", {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM), sockets=sockets(
            *[row("TIME-WAIT", n, remote=Endpoint("10.0.0.5", 8080), owners=()) for n in range(100)]))),
    "upstreams: fewer in TIME-WAIT": (
        "upstream-keepalive", {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM), sockets=sockets(
            *[row("TIME-WAIT", n, remote=Endpoint("10.0.0.5", 8080), owners=()) for n in range(99)],
            *[row("TIME-WAIT", 200 + n, remote=Endpoint("10.0.0.5", 8081), owners=()) for n in range(9)],
            *[row("ESTAB", 300 + n, remote=Endpoint("10.0.0.5", 8080)) for n in range(9)]))),
    "upstreams: HTTP/1.0 is set": (
        "upstream-keepalive", {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT, ("proxy_http_version", PLACE, 6, "1.0"), EMPTY))),
    "upstreams: closed by a header": (
        "upstream-keepalive", {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT, V11,
                            ("proxy_set_header", PLACE, 6, "Connection", "close")))),
    "idle: two seconds": (
        "upstream-idle", {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT),
                 idle_peers=(IdlePeer("10.0.0.5:8080", 2.0, 70.0, True),))),
    "idle: less than two": (
        "upstream-idle", {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT),
                 idle_peers=(IdlePeer("10.0.0.5:8080", 1.9, 70.0, True),))),
    "idle: as long as nginx": (
        "upstream-idle", {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT),
                 idle_peers=(IdlePeer("10.0.0.5:8080", 60.0, 70.0, True),))),
    "idle: longer than nginx": (
        "upstream-idle", {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT),
                 idle_peers=(IdlePeer("10.0.0.5:8080", 60.1, 70.0, True),))),
    "upstreams: other lines of theirs": (
        "upstream-keepalive", {},
        at_nginx(
            configured(EVENTS, HTTP, *UPSTREAM, ("least_conn", ("http", "upstream b"), 3),
                       ("keepalive_requests", ("http", "upstream b"), 3, "8081")),
            sockets=sockets(*[row("TIME-WAIT", n, remote=Endpoint("10.0.0.5", 8081), owners=()) for n in range(100)]),
        ),
    ),
    "idle: other lines of theirs": (
        "upstream-idle", {},
        at_nginx(
            configured(EVENTS, HTTP, ("upstream", ("http",), 2), *UPSTREAM, KEPT,
                       ("least_conn", ("http", "upstream b"), 3),
                       ("zone", ("http", "upstream b"), 3, "10.0.0.5:8080"),
                       ("server", ("http", "upstream b"), 3)),
            idle_peers=(IdlePeer("10.0.0.5:8080", 2.0, 70.0, True),)),
    ),
    "idle: nothing is kept": (
        "upstream-idle", {},
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, ("keepalive_timeout", ("http", "upstream b"), 3, "9s")),
                 idle_peers=(IdlePeer("10.0.0.5:8080", 2.0, 70.0, True),)),
    ),
    "idle: none was looked at": ("upstream-idle", {}, at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT))),
    "idle: a server without a port": (
        "upstream-idle", {},
        at_nginx(configured(EVENTS, HTTP, ("upstream", ("http",), 2, "b"),
                            ("server", ("http", "upstream b"), 3, "10.0.0.5"),
                            ("server", ("http", "upstream b"), 3, "[fd00::5]"),
                            ("server", ("http", "upstream b"), 3, "8080"), KEPT),
                 idle_peers=tuple(IdlePeer(name, 2.0, 70.0, True)
                                  for name in ("10.0.0.5:80", "fd00::5:80", "8080:80"))),
    ),
    "buffers: thirty-two of them": (
        "nginx-buffers", {},
        at_nginx(configured(EVENTS, HTTP, ("proxy_buffers", ("http",), 2, "32", "8k")), "response_buffered"),
    ),
    "buffers: five times set": (
        "nginx-buffers", {},
        at_nginx(configured(EVENTS, HTTP, *[("proxy_buffer_size", PLACE, 6, f"{4 + n}k") for n in range(5)])),
    ),
    "buffers: no log": ("nginx-buffers", {}, at_nginx(configured(EVENTS, HTTP), error_log=None)),
    "buffers: a log that cannot be read": (
        "nginx-buffers", {}, at_nginx(configured(EVENTS, HTTP), error_log=None,
                                      absent={"error_log": Absence("unreadable", "needs root")}),
    ),
    "buffers: an empty log, and requests": (
        "nginx-buffers", {}, at_nginx(configured(EVENTS, HTTP), error_log=nginx.log(0), access_log=requests()),
    ),
    "buffers: an empty log, and requests of another nginx": (
        "nginx-buffers", {},
        at_nginx(configured(EVENTS, HTTP), error_log=nginx.log(0), access_log=requests(own=False)),
    ),
    "buffers: an empty log": ("nginx-buffers", {}, at_nginx(configured(EVENTS, HTTP), error_log=nginx.log(0))),
    "errors: none, and the log is quiet": (
        "nginx-error-lines", {"kinds": ["timed_out"]},
        at_nginx(configured(EVENTS, HTTP, ("error_log", (), 0, "/var/log/e.log", "crit"))),
    ),
    "errors: none, and the log is elsewhere": (
        "nginx-error-lines", {"kinds": ["timed_out"]},
        at_nginx(configured(EVENTS, HTTP, ("error_log", (), 0, "syslog:server=10.0.0.1"))),
    ),
    "errors: none, and all of them would be told": (
        "nginx-error-lines", {"kinds": ["timed_out"]},
        at_nginx(configured(EVENTS, HTTP, ("error_log", (), 0), ("error_log", (), 0, "/var/log/e.log", "warn"))),
    ),
    "errors: none of none": ("nginx-error-lines", {}, at_nginx(configured(EVENTS, HTTP), access_log=requests())),
    "errors: of an upstream by FastCGI": (
        "nginx-error-lines", CLOSED,
        at_nginx(configured(EVENTS, HTTP, ("fastcgi_pass", PLACE, 6, "10.0.0.5:8080")), "prematurely_closed"),
    ),
    "errors: of an upstream by FastCGI, kept": (
        "nginx-error-lines", CLOSED,
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM[:2], ("fastcgi_pass", PLACE, 6, "b"), KEPT,
                            ("fastcgi_keep_conn", PLACE, 6, "on")), "prematurely_closed"),
    ),
    "errors: of an upstream by FastCGI, not kept": (
        "nginx-error-lines", CLOSED,
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM[:2], ("fastcgi_pass", PLACE, 6, "b"), KEPT,
                            ("fastcgi_keep_conn", PLACE, 6, "off")), "prematurely_closed"),
    ),
    "errors: of an upstream by gRPC": (
        "nginx-error-lines", CLOSED,
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM[:2], ("grpc_pass", PLACE, 6, "grpc://b")), "prematurely_closed"),
    ),
    "errors: of an upstream by gRPC, kept": (
        "nginx-error-lines", CLOSED,
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM[:2], ("grpc_pass", PLACE, 6, "grpc://b"), KEPT),
                 "prematurely_closed"),
    ),
    "errors: of an upstream, HTTP/1.0": (
        "nginx-error-lines", CLOSED,
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT, ("proxy_http_version", PLACE, 6, "1.0")),
                 "prematurely_closed"),
    ),
    "errors: of an upstream, HTTP/1.1 alone": (
        "nginx-error-lines", CLOSED, at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT, V11), "prematurely_closed"),
    ),
    "errors: of an upstream, a header alone": (
        "nginx-error-lines", CLOSED, at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT, EMPTY), "prematurely_closed"),
    ),
    "errors: of an upstream, closed by a header": (
        "nginx-error-lines", CLOSED,
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, KEPT, V11,
                            ("proxy_set_header", PLACE, 6, "Connection", "close")), "prematurely_closed"),
    ),
    "errors: of an upstream of a new nginx": (
        "nginx-error-lines", CLOSED,
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, version=(1, 29, 7)), "prematurely_closed"),
    ),
    "errors: of an upstream of a nginx just before": (
        "nginx-error-lines", CLOSED,
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, version=(1, 29, 6)), "prematurely_closed"),
    ),
    "errors: of an upstream over TLS": (
        "nginx-error-lines", CLOSED,
        at_nginx(configured(EVENTS, HTTP, ("proxy_pass", PLACE, 6, "https://10.0.0.5"), V11, EMPTY, KEPT),
                 error_log=nginx.log(9, kinds={"prematurely_closed": ErrorLine(
                     "prematurely_closed", 3, {"10.0.0.5:443": 3}, "x", "t")})),
    ),
    "errors: of an upstream here, by its own address": (
        "nginx-error-lines", CLOSED,
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM), "prematurely_closed", sockets=sockets(
            listener(owners=(GO,)), row(local=Endpoint("10.0.0.5", 41_000), owners=(OTHER,)), listener(9))),
    ),
    "errors: of an upstream elsewhere, whose port is listened on here": (
        "nginx-error-lines", CLOSED,
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM), "prematurely_closed", sockets=sockets(listener(owners=(GO,)))),
    ),
    "errors: of another nginx": (
        "nginx-error-lines", CLOSED,
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM), error_log=nginx.log(9, own=False, kinds={
            "prematurely_closed": ErrorLine("prematurely_closed", 3, {"127.0.0.1:8080": 3}, "x", "t")}),
            sockets=sockets(listener(owners=(GO,)))),
    ),
}  # fmt: skip
