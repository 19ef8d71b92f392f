"""What nginx's error log says of its upstreams."""

from __future__ import annotations

import re
from typing import Any

from playbooks.checks.nginx_config import (
    QUIET_LEVELS,
    clock,
    effective,
    how_to_reload,
    in_upstream,
    nginx_of,
    proxied,
    seconds,
    short,
    stated,
    upstream_name,
)
from playbooks.checks.nginx_edits import set_beside
from playbooks.checks.registry import Judgement, Offer, check, failed, look, offer, unknown
from playbooks.evidence_words import say
from playbooks.facts.facts import Facts
from playbooks.facts.log_facts import ErrorLog
from playbooks.facts.log_files import is_file
from playbooks.facts.nginx_facts import Directive, Nginx, NginxServer

DEFAULT_TIMEOUT = 60.0


@check("nginx-error-lines", needs=("error_log",), optional=("nginx", "access_log"), arguments=("kinds", "fixes"))
def nginx_error_lines(
    facts: Facts, kinds: list[str] | None = None, fixes: dict[str, list[str]] | None = None, **given: Any
) -> Judgement:
    """Error lines of these kinds, since what is at work is at work, by upstream. None of them is a good sign only where
    other lines, or requests, show that there was something to complain of."""
    if facts.error_log is None:
        return unknown(say("no_log"))
    log = facts.error_log
    found = sorted((log.kinds[kind] for kind in kinds or [] if kind in log.kinds), key=lambda one: -one.count)
    older = _older(log, kinds or [])
    if log.cut:
        older.append(say("log_cut"))
    if not found:
        return _none_of_these(facts, log, older)
    evidence, offers = [], []
    for one in found:
        evidence.append(say("error_lines", count=one.count, kind=say(f"kind_{one.kind}"), last=one.last))
        if one.upstreams:
            shown = ", ".join(f"{name} ({count})" for name, count in one.upstreams.items())
            evidence.append(say("error_upstreams", upstreams=shown))
        offers += [
            made for fix in (fixes or {}).get(one.kind, []) if (made := _made(facts, fix, one.upstreams)) is not None
        ]
    return failed(*evidence, *older, offers=tuple(offers))


def _older(log: ErrorLog, kinds: list[str]) -> list[str]:
    if not log.older:
        return []
    mine = [f"{count} x {say(f'kind_{kind}')}" for kind, count in log.older_kinds.items() if kind in kinds]
    since = clock(log.since) if log.since is not None else "?"
    return [
        say("older_lines", older=log.older, since=since),
        *([say("older_kinds", kinds=", ".join(mine))] if mine else []),
    ]


def _none_of_these(facts: Facts, log: ErrorLog, older: list[str]) -> Judgement:
    requests = facts.access_log.lines if facts.access_log is not None and facts.access_log.own and log.own else 0
    said = [say("log_clean", path=", ".join(log.paths), lines=log.lines), *older]
    if requests:
        said.append(say("log_clean_requests", requests=requests))
    quiet = _quiet(facts) if log.own else None
    if quiet is not None:
        return unknown(*said, quiet)
    return look(facts, "error_log").passed(*said, seen=log.lines + requests)


def _quiet(facts: Facts) -> str | None:
    """That errors of some requests are left out (by the level of an error_log), or go where they were not read; None
    where neither is so."""
    for server in facts.nginx.servers if facts.nginx is not None else ():
        for line in server.directives:
            if line.name != "error_log" or not line.args:
                continue
            if line.args[1:2] and line.args[1] in QUIET_LEVELS:
                return say("error_log_quiet", where=line.where, path=line.args[0], level=line.args[1])
            if not is_file(line.args[0]):
                return say("error_log_elsewhere", where=line.where, path=line.args[0])
    return None


def _made(facts: Facts, fix: str, upstreams: dict[str, int]) -> Offer | None:
    """The fix with parameters of the configuration that the log is of; without any where that could not be read."""
    nginx = nginx_of(facts, facts.error_log)
    upstream = next(iter(upstreams), "")
    if nginx is None:
        return offer(fix, **({"upstream": upstream} if upstream else {}))
    server, places = passing_to(nginx, upstream)
    shared: dict[str, object] = {"config": server.path, "reload": how_to_reload(server), "upstream": upstream}
    if fix in ("read-timeout", "connect-timeout"):
        shared |= timeout_parameters(facts, server, fix.replace("-", "_"), places)
    return offer(fix, **shared)


def passing_to(nginx: Nginx, upstream: str) -> tuple[NginxServer, list[Directive]]:
    """The nginx, and its proxy_pass directives, that lead to an upstream's address; all of the first nginx where none
    is seen to."""
    for server in nginx.servers:
        places = [place for place in proxied(server) if upstream and upstream in _addresses(server, place)]
        if places:
            return server, places
    return nginx.servers[0], proxied(nginx.servers[0])


def _addresses(server: NginxServer, place: Directive) -> set[str]:
    """The addresses, with ports, behind a proxy_pass, as an error log writes them."""
    name = upstream_name(place)
    servers = [one.args[0] for one in in_upstream(server, name) if one.name == "server" and one.args] or [name]
    default = 443 if place.args[0].startswith("https:") else 80
    return {one if re.search(r":\d+$", one) else f"{one}:{default}" for one in servers} | set(servers)


def timeout_parameters(facts: Facts, server: NginxServer, name: str, places: list[Directive]) -> dict[str, object]:
    """Where proxy_NAME is set for these proxy_pass, and a value above the slowest response that was measured, with a
    margin of half."""
    lines = [effective(server, f"proxy_{name}", place) for place in places]
    line = min((one for one in lines if one is not None), key=lambda one: seconds(one.args[0]) or 0, default=None)
    current = (seconds(line.args[0]) if line is not None else None) or DEFAULT_TIMEOUT
    slowest = slowest_upstream(facts, (server, places)) if places else slowest_upstream(facts)
    if slowest is not None and slowest >= current * 0.9:
        wanted = float(int(slowest * 1.5) + 1)
    else:
        wanted = max(DEFAULT_TIMEOUT, 2 * current)
    found: dict[str, object] = {
        "where": line.where if line is not None else _place(server, places),
        "old": f"proxy_{name} {line.args[0]};" if line is not None else f"proxy_{name} is not set: 60s",
        "proposed": short(wanted),
        "measured": say("measured", slowest=f"{slowest:.2f}") if slowest is not None else say("not_measured"),
    }
    return found | (set_beside(line, places[0], f"proxy_{name} {short(wanted)};") if places else {})


def _place(server: NginxServer, places: list[Directive]) -> str:
    return f"{places[0].where} (beside proxy_pass)" if places else f"{server.path} (http block)"


def slowest_upstream(facts: Facts, places: tuple[NginxServer, list[Directive]] | None = None) -> float | None:
    """The slowest answer of an upstream that was measured: of the URL that was named, or logged as
    upstream_response_time. Behind these proxy_pass only, where they are named: neither tells which one an answer is of,
    if they differ."""
    if places is not None and len({upstream_name(place) for place in proxied(places[0])}) != 1:
        return None
    runs = facts.url.runs if facts.url is not None else ()
    # A 504 took at least so long.
    found = [one.total for one in runs if one.status is not None and (one.status < 500 or one.status == 504)]
    theirs = nginx_of(facts, facts.access_log) is None and places is not None
    if not theirs and facts.access_log is not None and facts.access_log.upstream is not None:
        found.append(facts.access_log.upstream.p99)
    return max(found, default=None)


def timeouts_of(server: NginxServer, place: Directive) -> list[str]:
    """The time-outs that apply at a proxy_pass, with file and line or as nginx's default."""
    said = []
    for name, default in (
        ("keepalive_timeout", "75s"),
        ("client_header_timeout", "60s"),
        ("client_body_timeout", "60s"),
        ("send_timeout", "60s"),
        ("proxy_connect_timeout", "60s"),
        ("proxy_send_timeout", "60s"),
        ("proxy_read_timeout", "60s"),
        ("proxy_next_upstream_timeout", "0"),
    ):
        said.append(stated(effective(server, name, place), say("default", name=name, value=default)))
    return said
