"""499: clients that closed before nginx had the upstream's answer."""

from __future__ import annotations

from typing import Any

from playbooks.checks.fact_words import times_text
from playbooks.checks.fix_audience import agents
from playbooks.checks.nginx_config import (
    clock,
    config_judged,
    effective,
    how_to_reload,
    nginx_of,
    no_proxy_pass,
    proxied,
    seconds,
    stated,
)
from playbooks.checks.nginx_edits import Edit, commands, opening
from playbooks.checks.nginx_logs import DEFAULT_TIMEOUT
from playbooks.checks.registry import Judgement, Offer, check, failed, look, offer, offers_for_writers, unknown, warned
from playbooks.evidence_words import percent, say
from playbooks.facts.facts import Facts
from playbooks.facts.log_facts import AccessLog, Times
from playbooks.facts.nginx_facts import NginxServer

MANY, SHARE = 5, 0.01
"""From how many, and what share of the requests, on: single people close tabs all day."""


def _together(times: Times) -> bool:
    """Whether nearly all left after one and the same time: eight of ten within a seventh of it."""
    least = times.p10 if times.p10 is not None else 0.0
    return times.p90 - least < 0.15 * times.p50 + 0.05


@check("access-499", needs=("access_log",), optional=("nginx",))
def access_499(facts: Facts, **given: Any) -> Judgement:
    """How many requests ended in 499, on which paths, after how long: equal times are a client's time-out."""
    log = facts.access_log
    if log is None:
        return unknown(say("no_log"))
    closed = log.status.get("499", 0)
    where = ", ".join(log.paths)
    evidence = [
        say(
            "closed_share",
            closed=closed,
            lines=log.lines,
            share=percent(closed / max(1, log.lines)),
            path=where,
            first=log.first or "?",
            last=log.last or "?",
        )
    ]
    evidence += older_requests(log)
    if not closed:
        return look(facts, "access_log").passed(*evidence, seen=log.lines)
    evidence += [
        say("closed_route", path=route.path, closed=route.closed, requests=route.requests)
        for route in log.routes
        if route.closed
    ]
    if log.closed_request is not None:
        evidence.append(say("closed_after", times=times_text(log.closed_request)))
        if log.closed_request.count >= MANY and _together(log.closed_request):
            evidence.append(say("closed_together", seconds=f"{log.closed_request.p50:.2f}"))
    evidence += [say("log_sample", sample=line) for line in log.sample[:1]]
    return failed(*evidence, offers=patience_offers(facts, log)) if many_left(log) else warned(*evidence)


def many_left(log: AccessLog) -> bool:
    """Whether more requests ended in 499 than people who close tabs make."""
    closed = log.status.get("499", 0)
    return closed >= MANY and closed / max(1, log.lines) >= SHARE


def older_requests(log: AccessLog) -> list[str]:
    """What was left out for its age, and how it ended."""
    if not log.older:
        return []
    bad = [
        f"{count} x {status}" for status, count in log.older_status.items() if status in ("499", "502", "503", "504")
    ]
    since = clock(log.since) if log.since is not None else "?"
    sentences = [say("older_lines", older=log.older, since=since)]
    return [*sentences, say("older_kinds", kinds=", ".join(bad))] if bad else sentences


@check("client-against-upstream", needs=("access_log",))
def client_against_upstream(facts: Facts, **given: Any) -> Judgement:
    """Whether clients give up before the upstream usually answers."""
    log = facts.access_log
    if log is None:
        return unknown(say("no_log"))
    if not log.status.get("499"):
        return look(facts, "access_log").passed(say("no_499", lines=log.lines), seen=log.lines)
    if log.closed_request is None:
        return warned(say("no_times"), offers=(_log_times(facts, log),))
    evidence = [say("closed_after", times=times_text(log.closed_request))]
    served = log.upstream or log.request
    if served is None:
        return warned(*evidence, say("no_served"))
    evidence.append(say("served_in" if log.upstream is not None else "served_request", times=times_text(served)))
    if served.p99 >= 0.8 * log.closed_request.p50:
        return failed(
            *evidence,
            say("upstream_slower", p99=f"{served.p99:.2f}", client=f"{log.closed_request.p50:.2f}"),
            offers=patience_offers(facts, log),
        )
    return warned(*evidence, say("upstream_faster"))


@check("ignore-client-abort", needs=("nginx",), optional=("access_log",))
def ignore_client_abort(facts: Facts, **given: Any) -> Judgement:
    """proxy_ignore_client_abort as it applies. Neither value is wrong by itself."""
    if facts.nginx is None:
        return unknown(say("no_nginx"))
    evidence = []
    on = False
    for server in facts.nginx.servers:
        for place in proxied(server)[:5]:
            line = effective(server, "proxy_ignore_client_abort", place)
            evidence.append(say("abort_setting", where=place.where, stated=stated(line, say("abort_default"))))
            on = on or (line is not None and line.args == ("on",))
    if on:
        return warned(*evidence, say("abort_price"))
    if not evidence:
        return no_proxy_pass(facts)
    return config_judged(facts, ("nginx",), *evidence, seen=evidence)


def _patience(facts: Facts) -> float:
    """The longest time for which nginx itself waits for an upstream, in seconds."""
    found = [DEFAULT_TIMEOUT]
    nginx = nginx_of(facts, facts.access_log)
    if nginx is not None:
        lines = [
            effective(server, "proxy_read_timeout", place) for server in nginx.servers for place in proxied(server)
        ]
        if lines:
            found = [(seconds(line.args[0]) if line and line.args else None) or DEFAULT_TIMEOUT for line in lines]
    return max(found)


def _times(client: float | None, served: Times | None) -> str:
    """When clients gave up and how long the upstream takes, as far as the log tells."""
    if client is None:
        return say("times_untold")
    text = say("times_client", client=f"{client:.2f}")
    return text + say("times_upstream", slowest=f"{served.p99:.2f}") if served is not None else text


def patience_offers(facts: Facts, log: AccessLog) -> tuple[Offer, ...]:
    """Fixes for clients that left, with their patience and the upstream's times as far as the log tells."""
    client = log.closed_request.p50 if log.closed_request is not None else None
    served = log.upstream or log.request
    slowest = max([served.p99 if served is not None else 0.0, client or 0.0])
    # Without any time in the log a client must at least outwait the proxy in front of it.
    wanted = max(1, int(slowest * 1.5) + 1) if slowest else int(_patience(facts)) + 1
    shared: dict[str, object] = {
        "client": say("gave_up_at", client=f"{client:.2f}") if client is not None else say("gave_up_untold"),
        "times": _times(client, served),
        "proposed": wanted,
        "proposed_ms": wanted * 1000,
        "count": log.status.get("499", 0),
        "route": next((route.path for route in log.routes if route.closed), "/"),
    }
    # A log without times first learns them: until then any figure is a guess.
    first = () if client is not None else (_log_times(facts, log),)
    names = ["topic:patience"]
    nginx = nginx_of(facts, log)
    if nginx is not None:
        server = nginx.servers[0]
        places = proxied(server)
        shared |= {"config": server.path, "reload": how_to_reload(server)}
        if places:
            shared |= {"where": places[0].where}
            shared |= commands([Edit(places[0], "proxy_ignore_client_abort on;", "before")])
            names.append("ignore-client-abort")
    return (*first, *offers_for_writers(agents(log.sample), names, **shared))


TIMED = (
    'log_format tcptriage_timed \'$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent" rt=$request_time urt=$upstream_response_time ua=$upstream_addr\';'
)


def _log_times(facts: Facts, log: AccessLog) -> Offer:
    """The fix that has the log tell times: made of its own lines of the configuration, never of another fix's."""
    nginx = nginx_of(facts, log)
    if nginx is None:
        return offer("log-format")
    server = nginx.servers[0]
    parameters: dict[str, object] = {"config": server.path, "reload": how_to_reload(server)}
    if len(log.paths) == 1:
        parameters["log"] = log.paths[0]
    return offer("log-format", **parameters, **_timed(server, log))


def _timed(server: NginxServer, log: AccessLog) -> dict[str, str]:
    """{edit, unedit}: a format with times, and the access_log lines of this log set to it; for a log that no line
    names (nginx's default), a line that does. Empty where neither is known."""
    http = opening(server, "http")
    logged = [one for one in server.directives if one.name == "access_log" and one.args and one.args[0] != "off"]
    mine = [one for one in logged if any(_same_log(one.args[0], path) for path in log.paths)]
    if http is None or (logged and not mine):
        return {}
    if mine:
        edits = [
            Edit(one, " ".join(("access_log", one.args[0], "tcptriage_timed", *one.args[2:])) + ";") for one in mine
        ]
        return commands([Edit(http, TIMED, "inside"), *edits])
    if len(log.paths) != 1:
        return {}
    return commands([Edit(http, f"{TIMED} access_log {log.paths[0]} tcptriage_timed;", "inside")])


def _same_log(written: str, path: str) -> bool:
    """A relative name is one below nginx's prefix, which is not always known."""
    return written == path or (not written.startswith("/") and path.endswith(f"/{written}"))
