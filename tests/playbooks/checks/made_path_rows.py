"""Facts of loads, proxies, ports and paths at the edges for test_made_golden: one more than is shown."""

from __future__ import annotations

from typing import Any

import msgspec

from capture.model import Endpoint
from playbooks.facts.config_facts import ProxyConfig, ProxyWait
from playbooks.facts.facts import Absence, Facts
from playbooks.facts.measured_facts import Probe
from playbooks.facts.socket_facts import Bound, Holder, Processes
from tests.playbooks.checks import test_nginx_checks as nginx
from tests.playbooks.checks.made_nginx_rows import (
    EVENTS,
    HTTP,
    UPSTREAM,
    at_nginx,
    configured,
    requests,
)
from tests.playbooks.checks.made_proxy_rows import end, proxy, waiting, waits
from tests.playbooks.checks.made_rows import GO, OTHER, Row, rule, to_rule
from tests.playbooks.checks.making import (
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
)  # fmt: skip


def pile_at(count: int, **more: Any) -> list[Any]:
    return rows("CLOSE-WAIT", count, **more)


def tried(probe: str, *found: Any, local: bool = True, seconds: float = 0.0123, **more: Any) -> Facts:
    return changed(host(*found), probe=Probe("h", "10.0.0.1", 8080, probe, seconds, local), **more)


def syns(count: int, unanswered: int = 1, stayed: bool = True, **more: Any) -> list[Any]:
    return [
        row(
            "SYN-SENT", n, remote=Endpoint(f"10.0.1.{n}", 443), unanswered=unanswered, stayed=stayed, timer="on", **more
        )
        for n in range(count)
    ]


def toward(count: int, **more: Any) -> Facts:
    used = [
        row("ESTAB", n, local=Endpoint("10.0.0.1", 32_768 + n), remote=Endpoint("10.0.0.9", 80)) for n in range(count)
    ]
    values: dict[str, Any] = {"ephemeral_ports": 100, "port_range": (32_768, 32_867)}
    return changed(host(), sockets=sockets(*used, **(values | more)))


SHORT = kernel(nf_conntrack_count="0") | {"net.netfilter.nf_conntrack_tcp_timeout_established": "300"}

ROWS: dict[str, Row] = {
    # load.py
    "load: within a tenth of a second": ("load-run", {}, host(load=load(10, seconds=0.05))),
    "load: none of it answered": ("load-run", {}, host(load=load(0, errors={"EOF": 3}))),
    "load: three of two thousand": ("load-run", {}, host(load=load(2000, status={"200": 1997, "500": 2, "503": 1}))),
    "load: status 499": ("load-run", {}, host(load=load(2000, status={"200": 1000, "499": 1000}))),
    "load: counters of other things": ("load-run", {}, host(load=load(counters={"InSegs": 9}))),
    # proxy_ends.py, proxy_waits.py
    "proxy: six endings": (
        "proxy-log-ends", {}, proxy(*[end(code, "upstream_closed", 9 - n, 0.04)
                                      for n, code in enumerate(("SD", "SH", "CD", "CH", "sD", "cD"))]),
    ),
    "proxy: nothing read": ("proxy-log-ends", {}, proxy(end("SD", "upstream_closed", 2, 0.04), lines=0)),
    "proxy: ended at work": ("proxy-log-ends", {}, proxy(end("SD", "upstream_closed", 9, 0.05))),
    "proxy: of nobody": (
        "proxy-log-ends", {},
        proxy(msgspec.structs.replace(end("sH", "upstream_timed_out", 9, 0.4), servers={})),
    ),
    "waits: a client's end": (
        "proxy-waits", {}, waiting(waits(("server", 4.0)), end("cD", "client_closed", 9, 9.0))),
    "waits: refused": (
        "proxy-waits", {}, waiting(waits(("server", 4.0)), end("sC", "upstream_refused", 9, 9.0))),
    "waits: an end of its own, without a time": (
        "proxy-waits", {}, waiting(waits(("server", 4.0)), end("sH", "upstream_timed_out", 9))),
    "waits: an end of none": (
        "proxy-waits", {}, waiting(waits(("server", 4.0)), end("PR", "bad_request", 9, 4.0))),
    "waits: nine": ("proxy-waits", {}, waiting(waits(*[("server", 4.0 + n) for n in range(9)]))),
    "waits: ended, and nothing served": (
        "proxy-waits", {}, waiting(waits(("server", 4.0)), end("sH", "upstream_timed_out", 9, 4.0), most=None)),
    "waits: 25 % sooner than a short one": (
        "proxy-waits", {}, waiting(waits(("server", 0.2)), end("sH", "upstream_timed_out", 9, 0.15))),
    # ports.py
    "ports: of four routes three": (
        "ports-toward-one-peer", {},
        changed(host(), sockets=sockets(
            *[row("ESTAB", 30 * n + k, local=Endpoint("10.0.0.1", 32_768 + k), remote=Endpoint(f"10.0.1.{n}", 80))
              for n in range(4) for k in range(10 + n)],
            ephemeral_ports=100, port_range=(32_768, 32_867))),
    ),
    "ports: at the ends of the range": (
        "ports-toward-one-peer", {},
        changed(host(), sockets=sockets(
            *[row("ESTAB", n, local=Endpoint("10.0.0.1", at), remote=Endpoint("10.0.0.9", 80))
              for n, at in enumerate((32_767, 32_768, 32_867, 32_868))],
            ephemeral_ports=3, port_range=(32_768, 32_867))),
    ),
    "ports: toward a host": ("ports-toward-one-peer", {}, changed(toward(60), settings={"host": "10.0.0.8"})),
    "ports: toward a port": ("ports-toward-one-peer", {}, changed(toward(60), settings={"port": "80"})),
    "ports: none used": ("ports-toward-one-peer", {}, toward(0)),
    "ports: none to have": ("ports-toward-one-peer", {}, toward(60, ephemeral_ports=0)),
    "ports: a range that is high": (
        "ports-toward-one-peer", {},
        changed(host(), sockets=sockets(
            *[row("ESTAB", n, local=Endpoint("10.0.0.1", 60_000 + n), remote=Endpoint("10.0.0.9", 80))
              for n in range(80)], ephemeral_ports=100, port_range=(60_000, 60_099))),
    ),
    "ports: more than half of what is usual": (
        "ports-toward-one-peer", {}, toward(90, ephemeral_ports=128, port_range=(32_768, 45_000)),
    ),
    "ports: twenty thousand used": (
        "ports-toward-one-peer", {}, toward(20_000, ephemeral_ports=28_232, port_range=(32_768, 60_999)),
    ),
    "time-wait: overflowed, limit not told": (
        "time-wait-settings", {},
        changed(host(row(), moved={"TCPTimeWaitOverflow": 3}), kernel=kernel(tcp_max_tw_buckets=""))),
    "time-wait: reused, with time stamps": ("time-wait-settings", {}, changed(host(row()), kernel=kernel(
        tcp_tw_reuse="1"))),
    "time-wait: not reused, without time stamps": ("time-wait-settings", {}, changed(host(row()), kernel=kernel(
        tcp_timestamps="0"))),
    "time-wait: nothing told": ("time-wait-settings", {}, changed(host(row()), kernel={})),
    "port held: five listeners": (
        "port-held", {},
        changed(host(*[listener(ip=f"10.0.0.{n}") for n in range(5)]), settings={"port": "8080"})),
    "port held: five times bound": (
        "port-held", {},
        changed(host(), sockets=sockets(bound=tuple(Bound(Endpoint(f"10.0.0.{n}", 8080), n) for n in range(5))),
                settings={"port": "8080"})),
    "port held: of a unit": (
        "port-held", {},
        changed(host(listener()), processes=Processes((process(unit="app.service"),), 0), settings={"port": "8080"},
                kernel=kernel() | {"net.ipv4.ip_local_reserved_ports": "9000"})),
    "port held: at the ends of the range": (
        "port-held", {}, changed(host(row(local=Endpoint("10.0.0.1", 60_999))), settings={"port": "60999"})),
    "port held: above the range": (
        "port-held", {}, changed(host(row(local=Endpoint("10.0.0.1", 61_000))), settings={"port": "61000"})),
    # reaching.py
    "connect: in a second and a half": ("connect", {}, tried("ok", seconds=1.5)),
    "connect: refused, nothing listens": ("connect", {}, tried("ECONNREFUSED")),
    "connect: refused, somebody listens": ("connect", {}, tried("ECONNREFUSED", listener())),
    "connect: refused, four others listen": (
        "connect", {}, tried("ECONNREFUSED", *[listener(ip=f"10.0.1.{n}") for n in range(4)])),
    "connect: refused, somebody listens to IPv6": ("connect", {}, tried("ECONNREFUSED", listener(
        ip="::", v6_only=True))),
    "connect: refused, it may listen to IPv6 only": ("connect", {}, tried("ECONNREFUSED", listener(ip="::"))),
    "connect: refused elsewhere": ("connect", {}, tried("ECONNREFUSED", local=False)),
    "connect: refused by a rule": (
        "connect", {}, tried("ECONNREFUSED", listener(), firewall=(rule("tcp dport 8080 reject with tcp reset"),))),
    "connect: refused, rules could not be read": (
        "connect", {}, tried("ECONNREFUSED", listener(), firewall=None,
                             absent={"firewall": Absence("unreadable", "needs root")})),
    "connect: silent": ("connect", {}, tried("APP_TIMEOUT", seconds=3.0)),
    "connect: unreachable": ("connect", {}, tried("ENETUNREACH")),
    "connect: no name": ("connect", {}, tried("DNS")),
    "connect: otherwise": ("connect", {}, tried("EACCES")),
    "connect: four rules": (
        "connect", {}, tried("APP_TIMEOUT", firewall=tuple(rule(f"tcp dport 8080 drop # {n}") for n in range(4)))),
    "listening: nine": ("listening", {}, host(*[listener(8000 + n) for n in range(9)])),
    "listening: five on a port": (
        "listening", {},
        changed(host(*[listener(ip=f"10.0.0.{n}") for n in range(5)]), settings={"port": "8080"})),
    "listening: its maximum not told": (
        "listening", {},
        changed(host(msgspec.structs.replace(listener(ip="::"), backlog_max=None, v6_only=True)),
                settings={"port": "8080"})),
    "listening: elsewhere": (
        "listening", {},
        changed(host(), settings={"port": "8080", "host": "h"},
                probe=Probe("h", "10.9.9.9", 8080, "ECONNREFUSED", 0.1, False))),
    "listening: nobody here": (
        "listening", {},
        changed(host(), settings={"port": "8080", "host": "h"},
                probe=Probe("h", "10.9.9.9", 8080, "ECONNREFUSED", 0.1, True))),
    "connecting: three stuck": ("connecting-now", {}, host(*syns(3))),
    "connecting: two stuck": ("connecting-now", {}, host(*syns(2))),
    "connecting: five stuck": (
        "connecting-now", {}, host(*[msgspec.structs.replace(one, owners=(Holder(800 + n, f"p{n}"),))
                                     for n, one in enumerate(syns(5))])),
    "connecting: three that began just now": ("connecting-now", {}, host(*syns(3, stayed=False))),
    "connecting: three not sent again": ("connecting-now", {}, host(*syns(3, unanswered=0))),
    "connecting: one stuck, to a host": ("connecting-now", {}, changed(host(*syns(3)), settings={"host": "10.0.1.1"})),
    "connecting: to a port": ("connecting-now", {}, changed(host(*syns(1)), settings={"port": "443"})),
    "connecting: to another port": ("connecting-now", {}, changed(host(*syns(3)), settings={"port": "80"})),
    "rules: six": ("firewall-rules", {}, to_rule(*[rule(f"tcp dport {n} drop", packets=1) for n in range(6)])),
    "rules: unused": ("firewall-rules", {}, to_rule(rule("tcp dport 9 drop"))),
    "rules: not counted": ("firewall-rules", {}, to_rule(rule("tcp dport 9 drop", packets=None))),
    "rules: of a port": (
        "firewall-rules", {}, changed(to_rule(rule("tcp dport 443 drop")), settings={"port": "443"})),
    "rules: that reset, of a port": (
        "resetting-rules", {},
        changed(to_rule(rule("tcp dport 443 reject with tcp reset")), settings={"port": "443"})),
    "rules: that reset what is reset": (
        "resetting-rules", {},
        changed(to_rule(rule("tcp dport 8080 reject with tcp reset"), rule("tcp dport 9 reject with tcp reset")),
                traffic=traffic(ended("refused", 4, 9)))),
    "rules: that reset something": (
        "resetting-rules", {}, to_rule(rule("tcp dport 9 reject with tcp reset", packets=3))),
    "rules: that drop": ("resetting-rules", {}, to_rule(rule("tcp dport 9 drop", packets=3))),
    # stalls.py
    "windows: of three hosts and one": (
        "zero-window", {},
        host(*[row("ESTAB", 10 * n + k, remote=Endpoint(f"10.0.1.{n}", 443), closed_window_s=2.0 + n, timer="persist",
                   send_q=10) for n in range(4) for k in range(1 + n)])),
    "windows: who does not read": (
        "zero-window", {},
        host(
            *[row("ESTAB", n, local=Endpoint("127.0.0.1", 80), remote=Endpoint("127.0.0.1", 41_000 + n),
                  closed_window_s=9.0, timer="persist", send_q=500) for n in range(4)],
            *[row("ESTAB", 20 + n, local=Endpoint("127.0.0.1", 41_000 + n), remote=Endpoint("127.0.0.1", 80),
                  owners=(GO,), recv_q=7000) for n in range(4)],
            row("ESTAB", 40, local=Endpoint("127.0.0.1", 41_009), remote=Endpoint("127.0.0.1", 80), recv_q=7000),
            row("ESTAB", 41, local=Endpoint("127.0.0.1", 41_003), remote=Endpoint("127.0.0.1", 81), owners=(OTHER,)),
        ),
    ),
    "windows: its peer has read": (
        "zero-window", {},
        host(
            row("ESTAB", 1, local=Endpoint("127.0.0.1", 80), remote=Endpoint("127.0.0.1", 41_000), closed_window_s=9.0,
                timer="persist", send_q=500),
            row("ESTAB", 2, local=Endpoint("127.0.0.1", 41_000), remote=Endpoint("127.0.0.1", 80), owners=(GO,)),
        ),
    ),
    "windows: of a port": (
        "zero-window", {},
        changed(host(row("ESTAB", 1, closed_window_s=2.0, timer="persist", send_q=10)), settings={"port": "9"})),
    "windows: what waits": (
        "zero-window", {}, host(row(send_q=10), row("FIN-WAIT-1", 1, send_q=10), row("SYN-SENT", 2, send_q=10))),
    "windows: of /proc": ("zero-window", {}, changed(host(), sockets=sockets(row(), source="procfs"))),
    "unanswered: of psutil": ("unanswered", {}, changed(host(), sockets=sockets(row(), source="psutil"))),
    "unanswered: of a host, and a port": (
        "unanswered", {},
        changed(host(*[row("ESTAB", n, timer="on", unanswered=3) for n in range(3)]),
                settings={"host": "10.0.0.7", "port": "9"})),
    "unanswered: of another host": (
        "unanswered", {},
        changed(host(*[row("ESTAB", n, timer="on", unanswered=3) for n in range(3)]),
                settings={"host": "10.0.0.9", "port": "8080"})),
    "unanswered: without a timer": ("unanswered", {}, host(*rows("ESTAB", 3, unanswered=3))),
    "unanswered: states without one": (
        "unanswered", {}, host(*[row(state, n, timer="on", unanswered=9)
                                 for n, state in enumerate(("LISTEN", "SYN-RECV", "TIME-WAIT"))])),
    "unanswered: five peers, the largest first": (
        "unanswered", {},
        host(*[row("ESTAB", 10 * n + k, remote=Endpoint(f"10.0.1.{n}", 443), timer="on", unanswered=3 + k, send_q=9)
               for n in range(5) for k in range(3 + n)])),
    "unanswered: rules of sixty ports": (
        "unanswered", {},
        changed(
            host(*[row("ESTAB", n, local=Endpoint("10.0.0.1", 50_000 + n), remote=Endpoint("10.0.0.9", 5432),
                       timer="on", unanswered=3) for n in range(60)]),
            firewall=tuple(rule(f"tcp sport {50_000 + n} drop") for n in (49, 50)))),
    "unanswered: four rules": (
        "unanswered", {}, to_rule(*[rule(f"tcp dport 443 drop # {n}") for n in range(4)])),
    "unanswered: one, sent again once": ("unanswered", {}, host(row(timer="on", unanswered=1))),
    "unanswered: SYNs, sent again twice": (
        "unanswered", {},
        host(*[row("SYN-SENT", n, timer="on", unanswered=2, stayed=False, remote=Endpoint("10.0.0.9", 443))
               for n in range(3)])),
    "unanswered: clients of a server, each by another port": (
        "unanswered", {}, host(listener(), *[row("ESTAB", n, timer="on", unanswered=3, send_q=999) for n in range(3)])),
    "unanswered: full-size segments alone": (
        "unanswered", {},
        host(listener(), *[row("ESTAB", n, timer="on", unanswered=3, send_q=1000) for n in range(3)])),
    "unanswered: full-size segments of one connection, where that is not the question": (
        "unanswered", {}, host(row(timer="on", unanswered=3, send_q=1000))),
    "unanswered: full-size segments of one connection, where it is": (
        "unanswered", {"aside": True}, host(row(timer="on", unanswered=3, send_q=1000))),
    "unanswered: full-size segments and small ones": (
        "unanswered", {"aside": True},
        host(*[row("ESTAB", n, timer="on", unanswered=3, send_q=size) for n, size in enumerate((9, 1000, 1000))])),
    "conntrack: all forgotten, and dropped since": (
        "conntrack", {}, changed(host(firewall=(rule("ct state invalid drop", packets=7),)), kernel=SHORT)),
    "conntrack: all forgotten, and nothing dropped": (
        "conntrack", {}, changed(host(firewall=(rule("ct state invalid drop", packets=0),)), kernel=SHORT)),
    "conntrack: none": ("conntrack", {}, changed(host(), kernel=kernel(nf_conntrack_max="0"))),
    "conntrack: more than a power of two": (
        "conntrack", {},
        changed(host(), kernel=kernel(nf_conntrack_count="16385", nf_conntrack_max="16385"))),
    "conntrack: a power of two": (
        "conntrack", {},
        changed(host(), kernel=kernel(nf_conntrack_count="16384", nf_conntrack_max="16384"))),
    "keep-alive: of /proc": ("keepalive-settings", {}, changed(host(), sockets=sockets(row(), source="procfs"))),
    "keep-alive: mapped addresses": (
        "keepalive-settings", {},
        host(row(age_s=900.0, remote=Endpoint("::ffff:127.0.0.1", 9)), row(number=1, age_s=900.0,
                                                                          remote=Endpoint("::1", 9)))),
    # timeout_chains.py
    "chain: two late of a thousand": (
        "chain-log", {},
        nginx.facts(access_log=msgspec.structs.replace(requests(status={"200": 998, "504": 2}), lines=1000))),
    "chain: one of a hundred": (
        "chain-log", {},
        nginx.facts(access_log=msgspec.structs.replace(requests(status={"200": 99, "504": 1}), lines=100))),
    "chain: one of more": (
        "chain-log", {},
        nginx.facts(access_log=msgspec.structs.replace(requests(status={"200": 100, "504": 1}), lines=101))),
    "url: a pile": ("url-times", {}, host(*pile_at(3), row(), url=url(run()))),
    "url: slow to connect after its name": (
        "url-times", {},
        host(url=url(msgspec.structs.replace(run(connect=1.5, total=2.0), namelookup=0.51)))),
    "url: slow to connect": (
        "url-times", {},
        host(url=url(msgspec.structs.replace(run(connect=1.5, total=2.0), namelookup=0.5)))),
    "url: 504": ("url-times", {}, at_nginx(configured(EVENTS, HTTP, *UPSTREAM), url=url(run(status=504)))),
    "url: with TLS": (
        "url-times", {},
        host(url=url(msgspec.structs.replace(run(total=2.0), tls=0.2, first_byte=1.0)))),
    "url: status 499": ("url-times", {}, host(url=url(run(status=499)))),
    "waits: of two backends the one that failed": (
        "proxy-waits", {},
        waiting(ProxyConfig("haproxy", "/h.cfg", tuple(
            ProxyWait("server", 4.0, "timeout server 4s", "/h.cfg", 3 + n, place)
            for n, place in enumerate(("backend a", "backend b")))), end("sH", "upstream_timed_out", 9, 4.0)),
    ),
    "waits: half a second, nothing served": (
        "proxy-waits", {}, waiting(waits(("server", 0.5)), end("sH", "upstream_timed_out", 9, 0.5), most=None),
    ),
    "connect: refused, an address of IPv6 is listened on": (
        "connect", {}, tried("ECONNREFUSED", listener(ip="fe80::1", v6_only=True)),
    ),
    "rules: of a host": (
        "firewall-rules", {}, changed(to_rule(rule("ip daddr 203.0.113.9 drop")), settings={"host": "203.0.113.9"}),
    ),
    "rules: of another host": (
        "firewall-rules", {}, changed(to_rule(rule("ip daddr 203.0.113.9 drop")), settings={"host": "203.0.113.8"}),
    ),
    "rules: none": ("firewall-rules", {}, host()),
    "conntrack: idle for 7,800 s": (
        "conntrack", {},
        changed(host(), kernel=kernel(nf_conntrack_count="95", nf_conntrack_max="100")
                | {"net.netfilter.nf_conntrack_tcp_timeout_established": "7800"}),
    ),
    "conntrack: idle for 7,801 s": (
        "conntrack", {},
        changed(host(), kernel=kernel(nf_conntrack_count="95", nf_conntrack_max="100")
                | {"net.netfilter.nf_conntrack_tcp_timeout_established": "7801"}),
    ),
    "conntrack: a count alone": ("conntrack", {}, changed(host(), kernel=kernel(nf_conntrack_max=""))),
    "conntrack: a size alone": ("conntrack", {}, changed(host(), kernel=kernel(nf_conntrack_count=""))),
    "url: when its name was known is not told": (
        "url-times", {},
        host(url=url(msgspec.structs.replace(run(connect=1.0, total=2.0), namelookup=None))),
    ),
    "url: only slow": (
        "url-times", {}, host(url=url(msgspec.structs.replace(run(connect=0.99, total=2.0), namelookup=None))),
    ),
}  # fmt: skip
