"""How requests through HAProxy, Envoy or Apache ended, by the proxy's own log."""

from __future__ import annotations

import os
from typing import Any

from capture.language import catalogue, per_language
from playbooks.checks.fact_words import times_text
from playbooks.checks.registry import Judgement, check, failed, look, offers_for_writers, unknown, warned
from playbooks.evidence_words import percent, say
from playbooks.facts.facts import Facts
from playbooks.facts.log_facts import ProxyEnd, ProxyLog

MANY, SHARE = 5, 0.01
STALE_S = 0.05
"""A request on an idle connection that the server had closed fails within a round trip: later, the server was at work.
Longer than one within a region, or between its zones; a backend far away looks the same, and keeps both cures."""
CLOSED = ("upstream_closed", "connection_reset")
START = ("start-backend", "start-backend-envoy", "start-backend-apache")
FIXES: dict[str, tuple[str, ...]] = {
    "upstream_closed": ("topic:idle",),
    "connection_reset": ("topic:idle",),
    "upstream_timed_out": ("topic:patience",),
    "read_timed_out": ("topic:patience",),
    "client_closed_request": ("topic:patience",),
    "no_free_ports": ("topic:reuse",),
    "upstream_refused": START,
    "no_live_upstreams": START,
}
"""What cures an ending, by the symptom that it is: of several, what is for the proxy that wrote the log."""


@per_language
def _codes() -> dict[str, dict[str, str]]:
    """What each proxy's codes mean, in its own documentation's words."""
    return catalogue(os.path.dirname(__file__), "proxy_codes")


@check("proxy-log-ends", needs=("proxy_log",))
def proxy_log_ends(facts: Facts, **given: Any) -> Judgement:
    """Requests that did not end in order: how many, in which phase, by which server, after how long."""
    log = facts.proxy_log
    if log is None:
        return unknown(say("no_log"))
    sentences = [say("proxy_lines", program=log.program, path=log.path, lines=log.lines, unread=log.unread)]
    if log.cut:
        sentences.append(say("log_cut"))
    wrong = [one for one in log.ended if one.symptom]
    if not wrong:
        return look(facts, "proxy_log").passed(*sentences, say("proxy_clean"), seen=log.lines)
    for one in wrong[:5]:
        sentences += _end_sentences(log, one)
    names = list(dict.fromkeys(name for one in wrong for name in _cures(one)))
    worst = wrong[0]
    slowest = worst.times.p50 if worst.times is not None and FIXES.get(worst.symptom) == ("topic:patience",) else None
    shared: dict[str, object] = {"count": worst.count, "server": next(iter(worst.servers), "the backend")}
    if slowest:
        wanted = max(1, int(slowest * 1.5) + 1)
        shared |= {
            "proposed": wanted,
            "proposed_ms": wanted * 1000,
            "client": say("gave_up_at", client=f"{slowest:.2f}"),
        }
    offers = offers_for_writers((log.program,), names, **shared)
    count = sum(one.count for one in wrong)
    if count < MANY and count < SHARE * log.lines:
        return warned(*sentences, offers=offers)
    return failed(*sentences, offers=offers)


def _cures(one: ProxyEnd) -> tuple[str, ...]:
    """What cures an ending, first things first."""
    usual = FIXES.get(one.symptom, ())
    return ("why-it-ends", *usual) if _at_work(one) else usual


def _at_work(one: ProxyEnd) -> bool:
    """Whether the server ended most of these while it worked on them."""
    return one.symptom in CLOSED and one.times is not None and one.times.p50 >= STALE_S


def _end_sentences(log: ProxyLog, one: ProxyEnd) -> list[str]:
    servers = ", ".join(f"{name} ({count})" for name, count in one.servers.items())
    meaning = _codes().get(log.program, {}).get(one.code, one.symptom)
    share = percent(one.count / max(1, log.lines))
    sentences = [
        say("proxy_end", count=one.count, share=share, ending=one.code, meaning=meaning, servers=servers or "?")
    ]
    if one.times is not None:
        sentences.append(say("proxy_times", times=times_text(one.times)))
        if log.served is not None:
            sentences.append(say("proxy_served", times=times_text(log.served)))
        if _at_work(one):
            sentences.append(say("proxy_at_work", after=f"{one.times.p50:.2f}"))
    return [*sentences, say("log_sample", sample=one.sample)]
