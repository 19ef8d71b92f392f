"""Facts of proxies, their waits and what curl met for test_made_golden: (check, what it is given, facts) by name."""

from __future__ import annotations

from typing import Any

import msgspec

from playbooks.facts.config_facts import ProxyConfig, ProxyWait
from playbooks.facts.facts import Facts
from playbooks.facts.log_facts import ProxyEnd, ProxyLog, Times
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
    host,
    run,
    url,
)  # fmt: skip


def end(code: str, symptom: str, count: int, took: float | None = None) -> ProxyEnd:
    times = after(took) if took is not None else None
    return ProxyEnd(code, symptom, count, {"b/s1": count}, {"502": count}, times, f"line of {code}")


def proxy(*ends: ProxyEnd, lines: int = 1000, program: str = "haproxy", most: float | None = 2.0) -> Facts:
    served = Times(30, 0.1, 0.2, 0.3, most) if most is not None else None
    return changed(host(), proxy_log=ProxyLog(program, "/var/log/p.log", lines, 3, ends, served))


def waits(*kinds: tuple[str, float | None], missing: tuple[str, ...] = ()) -> ProxyConfig:
    made = tuple(
        ProxyWait(
            kind,
            seconds,
            f"timeout {kind} {seconds:g}s" if seconds else f"timeout {kind}",
            "/h.cfg",
            3 + n,
            "backend b",
        )
        for n, (kind, seconds) in enumerate(kinds)
    )
    return ProxyConfig("haproxy", "/h.cfg", made, missing)


def waiting(config: ProxyConfig, *ends: ProxyEnd, **more: Any) -> Facts:
    return changed(proxy(*ends, **more), proxy_config=config)


def failing(error: str, connect: float | None = None, first_byte: float | None = None) -> Facts:
    one = msgspec.structs.replace(run(status=None, error=error, connect=connect), first_byte=first_byte)
    return host(url=url(one, run()))


def measured(slowest: float, *more: tuple[Any, ...]) -> Facts:
    """An nginx whose upstream was measured."""
    return changed(
        at_nginx(configured(EVENTS, HTTP, *UPSTREAM, *more)),
        access_log=requests(upstream=Times(9, 1, 1, slowest, slowest)),
    )


ROWS: dict[str, Row] = {
    # proxy_ends.py
    "proxy: five in a thousand": ("proxy-log-ends", {}, proxy(end("SD", "upstream_closed", 5, 0.04))),
    "proxy: four in four hundred": ("proxy-log-ends", {}, proxy(end("SD", "upstream_closed", 4, 0.05), lines=400)),
    "proxy: four in more": ("proxy-log-ends", {}, proxy(end("SD", "upstream_closed", 4, 0.05), lines=401)),
    "proxy: late": (
        "proxy-log-ends",
        {},
        proxy(end("sH", "upstream_timed_out", 9, 3.0), end("SC", "upstream_refused", 2)),
    ),
    "proxy: by envoy": (
        "proxy-log-ends",
        {},
        proxy(end("UC", "connection_reset", 9, 0.02), program="envoy", most=None),
    ),
    "proxy: only the end was read": (
        "proxy-log-ends",
        {},
        changed(host(), proxy_log=ProxyLog("apache", "/l", 50, 0, (end("AH1", "", 3),), None, True)),
    ),
    # proxy_waits.py
    "waits: ended by one, 25 % sooner": (
        "proxy-waits",
        {},
        waiting(waits(("server", 4.0), ("connect", 2.0)), end("sH", "upstream_timed_out", 9, 3.0)),
    ),
    "waits: ended sooner than that": (
        "proxy-waits",
        {},
        waiting(waits(("server", 4.0)), end("sH", "upstream_timed_out", 9, 2.99)),
    ),
    "waits: 25 % and 0.1 s later": (
        "proxy-waits",
        {},
        waiting(waits(("server", 4.0)), end("sH", "upstream_timed_out", 9, 5.1)),
    ),
    "waits: later than that": (
        "proxy-waits",
        {},
        waiting(waits(("server", 4.0)), end("sH", "upstream_timed_out", 9, 5.11)),
    ),
    "waits: a slow answer": (
        "proxy-waits",
        {},
        waiting(waits(("server", 4.0)), end("sH", "upstream_timed_out", 9, 4.0), most=30.0),
    ),
    "waits: less than 90 % of it": (
        "proxy-waits",
        {},
        waiting(waits(("server", 10.0), ("client", 2.0), ("server", None)), most=8.99),
    ),
    "waits: 90 % of it": ("proxy-waits", {}, waiting(waits(("server", 10.0), ("server", 60.0)), most=9.0)),
    "waits: one is missing": ("proxy-waits", {}, waiting(waits(("server", 10.0), missing=("timeout connect",)))),
    "waits: nothing was served": ("proxy-waits", {}, waiting(waits(("server", 10.0)), most=None)),
    "waits: without end": (
        "proxy-waits",
        {},
        waiting(waits(("server", None)), end("sH", "upstream_timed_out", 9, 4.0)),
    ),
    # timeout_chains.py
    "chain: 89 % of nginx's wait": ("chain-config", {}, measured(53.9)),
    "chain: 90 % of it": ("chain-config", {}, measured(54.0)),
    "chain: of a wait that is set": ("chain-config", {}, measured(27.0, ("proxy_read_timeout", PLACE, 6, "30s"))),
    "chain: one that is no time": ("chain-config", {}, measured(53.9, ("proxy_read_timeout", PLACE, 6, "$wait"))),
    "chain: not measured": ("chain-config", {}, at_nginx(configured(EVENTS, HTTP, *UPSTREAM))),
    "chain: four places": (
        "chain-config",
        {},
        at_nginx(configured(EVENTS, HTTP, *[("proxy_pass", PLACE, 6, f"http://b{n}") for n in range(4)])),
    ),
    "curl 28, no connection": ("url-times", {}, failing("APP_TIMEOUT")),
    "curl 28, no answer": ("url-times", {}, failing("APP_TIMEOUT", 0.01)),
    "curl 6": ("url-times", {}, failing("DNS")),
    "curl 7": ("url-times", {}, failing("ECONNREFUSED")),
    "curl 35": ("url-times", {}, failing("TLS", 0.01)),
    "curl 52": ("url-times", {}, failing("EOF", 0.01)),
    "curl 56, closed in an answer": ("url-times", {}, failing("EOF", 0.01, 0.2)),
    "curl 56, reset": ("url-times", {}, failing("ECONNRESET", 0.01)),
    "waits: of a default": (
        "proxy-waits",
        {},
        waiting(
            ProxyConfig("haproxy", "/h.cfg", (ProxyWait("server", 4.0, "timeout server 4s", "", 0),)),
            end("sH", "upstream_timed_out", 9, 4.0),
        ),
    ),
}
