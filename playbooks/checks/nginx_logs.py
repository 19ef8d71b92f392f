"""What nginx's error log says of its upstreams."""

from __future__ import annotations

from typing import Any

from playbooks.checks.fact_words import holder_name
from playbooks.checks.fix_audience import SERVERS_IDLE, identity_of
from playbooks.checks.nginx_config import (
    QUIET_LEVELS,
    clock,
    effective,
    how_to_reload,
    nginx_of,
    seconds,
    short,
    stated,
)
from playbooks.checks.nginx_edits import set_beside
from playbooks.checks.nginx_passes import keeps, passed_to, passes, passing_to, protocol
from playbooks.checks.reaching import listener_behind
from playbooks.checks.registry import (
    Judgement,
    Offer,
    check,
    failed,
    look,
    offer,
    offers_for,
    offers_for_writers,
    unknown,
)
from playbooks.evidence_words import say
from playbooks.facts.facts import Facts
from playbooks.facts.log_facts import ErrorLog
from playbooks.facts.log_files import is_file
from playbooks.facts.nginx_facts import Directive, NginxServer

DEFAULT_TIMEOUT = 60.0


@check(
    "nginx-error-lines",
    needs=("error_log",),
    optional=("nginx", "access_log", "sockets", "processes"),
    arguments=("kinds", "fixes"),
)
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
        for fix in (fixes or {}).get(one.kind, []):
            offers += _made(facts, fix, one.upstreams, one.count)
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
    sentences = [say("log_clean", path=", ".join(log.paths), lines=log.lines), *older]
    if requests:
        sentences.append(say("log_clean_requests", requests=requests))
    quiet = _quiet(facts) if log.own else None
    if quiet is not None:
        return unknown(*sentences, quiet)
    return look(facts, "error_log").passed(*sentences, seen=log.lines + requests)


def _quiet(facts: Facts) -> str | None:
    """That errors of some requests are left out (by the level of an error_log), or go where they were not read; None
    where neither is so."""
    for server in facts.nginx.servers if facts.nginx is not None else ():
        for line in server.directives:
            if line.name != "error_log" or not line.args:
                continue
            if len(line.args) > 1 and line.args[1] in QUIET_LEVELS:
                return say("error_log_quiet", where=line.where, path=line.args[0], level=line.args[1])
            if not is_file(line.args[0]):
                return say("error_log_elsewhere", where=line.where, path=line.args[0])
    return None


CLOSED = "topic:idle"
"""Of an upstream that closes or resets: what cures it depends on whether nginx uses its connections again."""


def _made(facts: Facts, fix: str, upstreams: dict[str, int], count: int) -> list[Offer]:
    """The fix with parameters of the configuration that the log is of; without any where that could not be read."""
    nginx = nginx_of(facts, facts.error_log)
    upstream = next(iter(upstreams), "")
    parameters: dict[str, object] = {"upstream": upstream, "server": upstream, "count": count} if upstream else {}
    if nginx is None:
        return _closed(facts, None, parameters) if fix == CLOSED else [offer(fix, **parameters)]
    server, places = passing_to(nginx, upstream)
    if fix == CLOSED:
        return _closed(facts, (server, places), parameters)
    parameters |= {"config": server.path, "reload": how_to_reload(server), "upstream": upstream}
    if fix == "read-timeout":
        parameters |= timeout_parameters(facts, server, "read_timeout", places)
    return [offer(fix, **parameters)]


WORKERS = frozenset(("gunicorn", "uwsgi", "uvicorn", "php", "php-fpm", "puma", "unicorn", "tomcat", "jetty", "apache"))
"""Servers that end work that takes too long by a setting of their own."""


def _closed(
    facts: Facts, passing: tuple[NginxServer, list[Directive]] | None, parameters: dict[str, object]
) -> list[Offer]:
    """Of a kept connection: who closes idle ones first. Of one that is used once: it was at work that the backend ended
    it, by a crash or by its own time-out."""
    server, places = passing if passing is not None else (None, [])
    kept = server is None or not places or any(keeps(server, place) for place in places)
    if server is not None:
        parameters = parameters | {"config": server.path, "reload": how_to_reload(server)}
    topic = "topic:idle" if kept else "topic:patience"
    holder = listener_behind(facts, str(parameters.get("upstream", "")))
    words = identity_of(facts, holder)
    if not kept:  # a language's own fixes are for its clients: what ends work is a server's setting
        words = tuple(word for word in words if word in WORKERS)
    cures = SERVERS_IDLE if kept else (topic,)
    theirs = [*offers_for(words, cures, who=holder_name(holder), **parameters)] if holder and words else []
    if any(protocol(place) == "fastcgi" for place in places) and not theirs:
        theirs = [*offers_for_writers(("php-fpm",), (topic,), **parameters)]
    first = offer("why-it-ends", **parameters)
    if not kept:
        return [first, *theirs]
    return [*offers_for_writers(("nginx",), (topic,), **parameters), *theirs, first]


def timeout_parameters(facts: Facts, server: NginxServer, name: str, places: list[Directive]) -> dict[str, object]:
    """Where the time-out is set for these proxy_pass (or fastcgi_pass), and a value above the slowest response that
    was measured, with a margin of half."""
    directive = f"{protocol(places[0]) if places else 'proxy'}_{name}"
    lines = [effective(server, directive, place) for place in places]
    line = min((one for one in lines if one is not None), key=lambda one: seconds(one.args[0]) or 0, default=None)
    current = (seconds(line.args[0]) if line is not None else None) or DEFAULT_TIMEOUT
    slowest = slowest_upstream(facts, (server, places)) if places else slowest_upstream(facts)
    if slowest is not None and slowest >= current * 0.9:
        wanted = float(int(slowest * 1.5) + 1)
    else:
        wanted = max(DEFAULT_TIMEOUT, 2 * current)
    found: dict[str, object] = {
        "where": line.where if line is not None else _place(server, places),
        "old": f"{directive} {line.args[0]};" if line is not None else f"{directive} is not set: 60s",
        "directive": directive,
        "proposed": short(wanted),
        "measured": say("measured", slowest=f"{slowest:.2f}") if slowest is not None else say("not_measured"),
    }
    return found | (set_beside(line, places[0], f"{directive} {short(wanted)};") if places else {})


def _place(server: NginxServer, places: list[Directive]) -> str:
    return f"{places[0].where} (beside {places[0].name})" if places else f"{server.path} (http block)"


def slowest_upstream(facts: Facts, places: tuple[NginxServer, list[Directive]] | None = None) -> float | None:
    """The slowest answer of an upstream that was measured: of the URL that was named, or logged as
    upstream_response_time. Behind these proxy_pass only, where they are named: neither tells which one an answer is of,
    if they differ."""
    if places is not None and len({passed_to(place) for place in passes(places[0])}) != 1:
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
    sentences = []
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
        sentences.append(stated(effective(server, name, place), say("default", name=name, value=default)))
    return sentences
