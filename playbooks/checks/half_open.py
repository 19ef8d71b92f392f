"""A listener's other queue: handshakes that are not yet complete, and what the kernel does when it is full (tcp(7))."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from capture.sockets.findings.finding_words import age_text
from capture.sockets.findings.listener_findings import owed_by_clients
from playbooks.checks.fact_words import holder_name
from playbooks.checks.queues import is_full, listeners_of, owner_of
from playbooks.checks.registry import Judgement, Offer, check, counted_of, failed, look, moved, offer, unknown, warned
from playbooks.evidence_words import most_common, say
from playbooks.facts.facts import Facts
from playbooks.facts.socket_facts import Socket

HALF_OPEN_S = 1.0
"""Waited longer than any healthy round trip."""
HALF_OPEN = 16
SHARE = 0.75
LEAST = 8
SYN_COUNTERS = ("TCPReqQFullDrop", "TCPReqQFullDoCookies", "SyncookiesSent")
"""With SYN cookies a flood leaves no half-open connection, only these."""


@check("syn-recv-pile", needs=("sockets", "kernel"), everywhere=True)
def syn_recv_pile(facts: Facts, **given: Any) -> Judgement:
    """Half-open connections that stay. With a full accept queue they have that cause, and are only a warning here."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    port = facts.number("port")
    by_port: dict[int, list[Socket]] = defaultdict(list)
    for row in facts.sockets.rows:
        if row.state == "SYN-RECV" and (port is None or row.local.port == port):
            by_port[row.local.port].append(row)
    full = {row.local.port for row in listeners_of(facts) if is_full(row)}
    sizes = {row.local.port: row.send_q for row in listeners_of(facts) if row.send_q}
    worst: list[tuple[int, list[Socket], list[Socket]]] = []
    for where, half_open in by_port.items():
        rows = owed_by_clients(half_open)
        stale = [row for row in rows if row.stayed or row.age_s >= 1]
        wanted = min(HALF_OPEN, max(LEAST, int(SHARE * sizes[where]))) if where in sizes else HALF_OPEN
        if len(stale) >= wanted:
            worst.append((where, rows, stale))
    if not worst:
        sentence = say("syn_recv_none", count=sum(len(rows) for rows in by_port.values()), seconds=HALF_OPEN_S)
        counted = moved(facts, *SYN_COUNTERS) if port is None else {}
        return look(facts, "sockets").passed(sentence, seen=listeners_of(facts), counted=counted)
    worst.sort(key=lambda item: -len(item[1]))
    listeners = {row.local.port: owner_of(row) for row in listeners_of(facts)}
    evidence, excused = [], True
    for where, rows, stale in worst[:3]:
        sources = most_common(row.remote.ip for row in stale)
        oldest = max(row.age_s for row in stale)
        oldest = max(oldest, facts.sockets.elapsed_s)
        evidence.append(
            say(
                "syn_recv_pile",
                port=where,
                who=holder_name(listeners.get(where)),
                count=len(rows),
                stale=len(stale),
                oldest=age_text(oldest),
                sources=sources,
            )
        )
        if where in full:
            evidence.append(say("syn_recv_excused", port=where))
        excused = excused and where in full
    where, rows, stale = worst[0]
    offers = _syn_offers(facts, where, len(rows), stale)
    return warned(*evidence) if excused else failed(*evidence, offers=offers)


def _syn_offers(facts: Facts, port: int, count: int, stale: list[Socket]) -> tuple[Offer, ...]:
    backlog = facts.sysctl("net.ipv4.tcp_max_syn_backlog") or 128
    shared = {
        "port": port,
        "count": count,
        "backlog": backlog,
        "proposed": max(4096, 1 << (4 * count - 1).bit_length(), backlog),
        "cookies": facts.sysctl("net.ipv4.tcp_syncookies"),
        "retries": facts.sysctl("net.ipv4.tcp_synack_retries"),
        "somaxconn": max(4096, facts.sysctl("net.core.somaxconn") or 0),
        "old_somaxconn": facts.sysctl("net.core.somaxconn"),
        "source": Counter(row.remote.ip for row in stale).most_common()[0][0],
    }
    return tuple(offer(name, **shared) for name in ("syn-settings-now", "syn-settings", "syn-rate-limit"))


@check("syn-defences", needs=("sockets", "kernel"))
def syn_defences(facts: Facts, **given: Any) -> Judgement:
    """SYN cookies, and the counters of dropped requests while they move."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    cookies = facts.sysctl("net.ipv4.tcp_syncookies")
    if cookies is None:
        return unknown(say("no_sysctl", name="net.ipv4.tcp_syncookies"))
    counters = facts.sockets.counters
    evidence = [
        say(
            "syn_settings",
            cookies=cookies,
            backlog=facts.sysctl("net.ipv4.tcp_max_syn_backlog"),
            somaxconn=facts.sysctl("net.core.somaxconn"),
            retries=facts.sysctl("net.ipv4.tcp_synack_retries"),
        ),
        say(
            "syn_counters",
            drops=counters.get("TCPReqQFullDrop", 0),
            cookies=counters.get("TCPReqQFullDoCookies", 0),
            sent=counters.get("SyncookiesSent", 0),
            elapsed=f"{facts.sockets.elapsed_s:.1f}",
        ),
    ]
    if counters.get("TCPReqQFullDrop", 0):
        port = facts.number("port") or 0
        return failed(*evidence, offers=_syn_offers(facts, port, 256, [_nobody(facts)]) if facts.sockets.rows else ())
    if not cookies:
        return warned(*evidence)
    counters_seen = counted_of(facts, "InSegs", *SYN_COUNTERS)
    return look(facts, "sockets", "kernel").passed(*evidence, seen=counters_seen, counted=moved(facts, *SYN_COUNTERS))


def _nobody(facts: Facts) -> Socket:
    rows = facts.sockets.rows if facts.sockets is not None else ()
    return next((row for row in rows if row.state == "SYN-RECV"), rows[0])
