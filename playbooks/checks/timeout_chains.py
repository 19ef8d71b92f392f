"""Time-outs laid side by side: client, proxy, service; and what a request takes, phase by phase."""

from __future__ import annotations

from typing import Any

from playbooks.checks.clients_gone import many_left, older_requests, patience_offers
from playbooks.checks.fact_words import times_text
from playbooks.checks.nginx_config import (
    config_judged,
    effective,
    how_to_reload,
    nginx_of,
    no_proxy_pass,
    not_at_work,
    proxied,
    seconds,
)
from playbooks.checks.nginx_logs import DEFAULT_TIMEOUT, slowest_upstream, timeout_parameters, timeouts_of
from playbooks.checks.registry import Judgement, Offer, check, failed, look, offer, unknown, warned
from playbooks.evidence_words import most_common, say
from playbooks.facts.facts import Facts
from playbooks.facts.log_facts import Times
from playbooks.facts.measured_facts import Timing
from playbooks.facts.nginx_facts import Directive, Nginx, NginxServer
from playbooks.facts.percentiles import percentiles

SLOW_CONNECT_S = 1.0
"""A connect of one second is a SYN that was sent again (the kernel's first retry comes after 1 s)."""
MARGIN = 0.9


@check("chain-config", needs=("nginx",), optional=("access_log", "url"))
def chain_config(facts: Facts, **given: Any) -> Judgement:
    """nginx's time-outs beside the upstream's measured times: none may be shorter than an answer that is wanted."""
    if facts.nginx is None:
        return unknown(say("no_nginx"))
    evidence: list[str] = []
    most: float | None = None
    offers: list[Offer] = []
    bad = False
    for server in facts.nginx.servers:
        for place in proxied(server)[:3]:
            evidence.append(say("chain_place", where=place.where, to=place.args[0]))
            evidence += timeouts_of(server, place)
            line = effective(server, "proxy_read_timeout", place)
            limit = (seconds(line.args[0]) if line is not None and line.args else None) or DEFAULT_TIMEOUT
            slowest = slowest_upstream(facts, (server, [place]))
            most = max((one for one in (most, slowest) if one is not None), default=None)
            if slowest is not None and slowest >= MARGIN * limit:
                bad = True
                evidence.append(
                    say(
                        "chain_short",
                        limit=f"{limit:g}",
                        slowest=f"{slowest:.2f}",
                        where=line.where if line else place.where,
                    )
                )
                offers.append(_read_timeout(facts, server, [place]))
    if not evidence:
        return no_proxy_pass(facts)
    if most is not None and not bad:
        evidence.append(say("chain_room", slowest=f"{most:.2f}"))
    if bad:
        return failed(*evidence, *not_at_work(facts.nginx.servers), offers=tuple(offers))
    if most is None:
        return unknown(*evidence, say("chain_unmeasured"))
    return config_judged(facts, ("nginx", "access_log", "url"), *evidence, seen=evidence)


def _read_timeout(facts: Facts, server: NginxServer, places: list[Directive]) -> Offer:
    shared = timeout_parameters(facts, server, "read_timeout", places)
    return offer("read-timeout", config=server.path, reload=how_to_reload(server), upstream="", **shared)


def _shortest(nginx: Nginx) -> tuple[NginxServer, list[Directive]]:
    """The nginx and the proxy_pass that give up first: where no upstream is named, a 504 comes from there."""
    limits = [
        (seconds(line.args[0]) if line is not None and line.args else None, number, place)
        for number, server in enumerate(nginx.servers)
        for place in proxied(server)
        for line in [effective(server, "proxy_read_timeout", place)]
    ]
    if not limits:
        return nginx.servers[0], []
    _, number, place = min(limits, key=lambda one: one[0] or DEFAULT_TIMEOUT)
    return nginx.servers[number], [place]


@check("chain-log", needs=("access_log",), optional=("nginx", "url"))
def chain_log(facts: Facts, **given: Any) -> Judgement:
    """504 and 499 in the access log, with the times of what was served."""
    log = facts.access_log
    if log is None:
        return unknown(say("no_log"))
    late, closed = log.status.get("504", 0), log.status.get("499", 0)
    evidence = [say("chain_status", late=late, closed=closed, lines=log.lines, path=", ".join(log.paths))]
    evidence += older_requests(log)
    if log.request is not None:
        evidence.append(say("served_request", times=times_text(log.request)))
    if log.upstream is not None:
        evidence.append(say("served_in", times=times_text(log.upstream)))
    evidence += [
        say("late_route", path=route.path, late=route.timed_out, requests=route.requests)
        for route in log.routes
        if route.timed_out
    ]
    if late >= 3 or (late and late / max(1, log.lines) >= 0.01):
        nginx = nginx_of(facts, log)
        return failed(*evidence, offers=(_read_timeout(facts, *_shortest(nginx)),) if nginx is not None else ())
    if many_left(log):
        return failed(*evidence, offers=patience_offers(facts, log))
    if late or closed:
        return warned(*evidence)
    return look(facts, "access_log").passed(*evidence, seen=log.lines)


@check("url-times", needs=("url",), optional=("sockets", "nginx", "access_log"))
def url_times(facts: Facts, **given: Any) -> Judgement:
    """Repeated requests to the URL: connect time-outs apart from late responses (curl 7 and 28)."""
    url = facts.url
    if url is None:
        return unknown(say("no_url"))
    evidence = [say("url_runs", url=url.url, address=url.address or "?", runs=len(url.runs))]
    evidence += _phases(url.runs)
    failures = [one for one in url.runs if one.error]
    late = [one for one in url.runs if one.status == 504]
    broken = [one for one in url.runs if one.status is not None and one.status >= 500]
    slow = [
        one for one in url.runs if one.connect is not None and one.connect - (one.namelookup or 0) >= SLOW_CONNECT_S
    ]
    if facts.sockets is not None:
        pile = sum(1 for row in facts.sockets.rows if row.state == "CLOSE-WAIT")
        evidence.append(say("url_close_wait", pile=pile))
    if failures:
        evidence.append(say("url_errors", errors=most_common(_error(one) for one in failures), runs=len(url.runs)))
    if broken:
        evidence.append(say("url_status", status=most_common(str(one.status) for one in broken)))
    if slow:
        evidence.append(say("url_slow_connect", count=len(slow), runs=len(url.runs)))
    offers = (
        (_read_timeout(facts, *_shortest(facts.nginx)),)
        if late and facts.nginx is not None and facts.nginx.servers
        else ()
    )
    if failures or broken:
        return failed(*evidence, offers=offers)
    refused = [one for one in url.runs if one.status is not None and one.status >= 400]
    if refused:
        return warned(*evidence, say("url_refused", status=most_common(str(one.status) for one in refused)))
    if slow:
        return warned(*evidence)
    return look(facts, "url").passed(*evidence, seen=url.runs)


def _error(one: Timing) -> str:
    """The phase in which a request ended, and how: curl's 6, 7, 28, 35, 52 or 56."""
    if one.connect is None:
        if one.error == "APP_TIMEOUT":
            return say("curl_28_connect")
        return say("curl_6" if one.error == "DNS" else "curl_7", error=one.error)
    if one.error == "APP_TIMEOUT":
        return say("curl_28_response")
    if one.error == "TLS":
        return say("curl_35")
    return say("curl_52") if one.error == "EOF" and one.first_byte is None else say("curl_56", error=one.error)


def _phases(runs: tuple[Timing, ...]) -> list[str]:
    """One line a phase, each counted from the end of the one before."""
    good = [one for one in runs if not one.error]
    found = []
    for name, values in (
        ("namelookup", [one.namelookup for one in runs]),
        ("connect", [_less(one.connect, one.namelookup) for one in runs]),
        ("tls", [_less(one.tls, one.connect) for one in runs]),
        ("first byte", [_less(one.first_byte, one.tls or one.connect) for one in runs]),
        ("total", [one.total for one in good]),
    ):
        times: Times | None = percentiles([value for value in values if value is not None])
        if times is not None:
            found.append(say("phase", name=name, times=times_text(times)))
    return found


def _less(value: float | None, before: float | None) -> float | None:
    return None if value is None else value - (before or 0.0)
