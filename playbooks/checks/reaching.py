"""Reaching a host and port: refused, unanswered, unreachable; listeners and firewall rules of this machine."""

from __future__ import annotations

from typing import Any

from playbooks.checks.fact_words import holder_name
from playbooks.checks.registry import Judgement, check, counted_of, failed, look, manual, moved, offer, unknown, warned
from playbooks.checks.stalls import _rule_offers, _suspects, rule_words
from playbooks.evidence_words import bracketed, say
from playbooks.facts.config_facts import FirewallRule
from playbooks.facts.facts import Facts
from playbooks.facts.socket_facts import Holder, Socket

REFUSED, SILENT, UNREACHABLE = "ECONNREFUSED", ("APP_TIMEOUT", "ETIMEDOUT"), ("EHOSTUNREACH", "ENETUNREACH")
RESETS = frozenset(
    ("aborted", "early_response_reset", "no_socket", "refused", "refused_by_firewall", "middlebox_reset")
)
"""Causes that a rule which rejects with a RST can look like in a capture."""


def _listeners(facts: Facts, port: int) -> list[Socket]:
    rows = facts.sockets.rows if facts.sockets is not None else ()
    return [row for row in rows if row.state == "LISTEN" and row.local.port == port]


def serves(listener: Socket, address: str) -> bool | None:
    """Whether connections to an address reach a listener: its own, or any of its family; [::] takes IPv4 too unless
    IPV6_V6ONLY is set (ipv6(7)). None where that is not known."""
    bound = listener.local.ip
    if bound == "::":
        return True if ":" in address else (None if listener.v6_only is None else not listener.v6_only)
    return bound == address or (bound == "0.0.0.0" and ":" not in address)


def listener_behind(facts: Facts, upstream: str) -> Holder | None:
    """The process of this machine that listens where an address points, of a master and its workers the first that was
    started; None where none is seen to."""
    ip, _, port = upstream.rpartition(":")
    rows = facts.sockets.rows if facts.sockets is not None and port.isdigit() else ()
    listening = [row for row in rows if row.state == "LISTEN" and row.local.port == int(port) and row.owners]
    mine = {row.local.ip for row in rows}
    here = ip.startswith("127.") or ip in ("[::1]", "localhost") or ip.strip("[]") in mine
    owners = [Holder(one.pid, one.name) for row in listening if here for one in row.owners]
    return min(owners, key=lambda one: one.pid, default=None)


def _bound(rows: list[Socket]) -> str:
    return ", ".join(f"{row.local} ({holder_name(row.owners[0] if row.owners else None)})" for row in rows[:3])


@check("connect", needs=("probe",), optional=("sockets", "firewall"))
def connect(facts: Facts, **given: Any) -> Judgement:
    """One connection attempt to what was named, and what its failure means."""
    probe = facts.probe
    if probe is None:
        return unknown(say("no_probe"))
    to = f"{bracketed(probe.host)}:{probe.port}"
    if probe.result == "ok":
        sentence = say("connect_ok", to=to, address=probe.address, ms=f"{probe.seconds * 1000:.1f}")
        return look(facts, "probe").passed(sentence, seen=1)
    evidence = [
        say(
            "connect_failed", to=to, address=probe.address or "?", result=probe.result, ms=f"{probe.seconds * 1000:.1f}"
        )
    ]
    code = {REFUSED: "connect_refused", "DNS": "connect_dns"}.get(probe.result)
    code = code or (
        "connect_silent"
        if probe.result in SILENT
        else "connect_unreachable"
        if probe.result in UNREACHABLE
        else "connect_other"
    )
    evidence.append(say(code, address=bracketed(probe.address), port=probe.port))
    here = _listeners(facts, probe.port) if probe.local else []
    rules = _suspects(facts, probe.address, {probe.port})
    evidence += [say("firewall_rule", verdict=r.verdict, table=r.table, chain=r.chain, text=r.text) for r in rules[:3]]
    shared = {"host": probe.host, "address": probe.address, "port": probe.port}
    offers = list(_rule_offers(rules))
    if probe.local and probe.result == REFUSED and not rules:
        served = {serves(row, probe.address) for row in here}
        if True in served:
            evidence.append(say("served_and_rejected", address=bracketed(probe.address), port=probe.port))
            if "firewall" in facts.absent:
                evidence.append(facts.absent["firewall"].why)
        elif None in served:
            evidence.append(say("may_be_v6_only", bound=_bound(here), address=probe.address))
        elif here:
            code = "bound_v6_only" if any(row.v6_only and row.local.ip == "::" for row in here) else "bound_elsewhere"
            evidence.append(say(code, bound=_bound(here), address=bracketed(probe.address), port=probe.port))
            offers.append(offer("bind-address", bound=here[0].local, **shared))
        else:
            evidence.append(say("nothing_listens", port=probe.port))
            offers.append(offer("start-service", **shared))
    return failed(*evidence, offers=tuple(offers))


@check("listening", needs=("sockets",))
def listening(facts: Facts, **given: Any) -> Judgement:
    """Who listens on the port on this machine; without a port, who listens at all."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    port = facts.number("port")
    if port is None:
        rows = [row for row in facts.sockets.rows if row.state == "LISTEN"]
        named = ", ".join(f"{row.local} {holder_name(row.owners[0] if row.owners else None)}" for row in rows[:8])
        return look(facts, "sockets").passed(say("listeners", count=len(rows), named=named or "-"), seen=rows)
    host = facts.settings.get("host")
    rows = _listeners(facts, port)
    elsewhere = facts.probe is not None and not facts.probe.local
    if not rows:
        if host is not None and elsewhere:
            return manual(say("other_machine", host=host, port=port))
        return warned(say("nothing_listens", port=port))
    sentences = [
        say(
            "listens_to_v6_only" if row.v6_only else "listens",
            where=row.local,
            who=holder_name(row.owners[0] if row.owners else None),
            waiting=row.recv_q,
            most=row.backlog_max if row.backlog_max is not None else "?",
        )
        for row in rows[:4]
    ]
    return look(facts, "sockets").passed(*sentences, seen=rows)


@check("connecting-now", needs=("sockets",))
def connecting_now(facts: Facts, **given: Any) -> Judgement:
    """Attempts of this machine that go unanswered now, and failed ones as the kernel counts them."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    host, port = facts.settings.get("host"), facts.number("port")
    trying = [
        row
        for row in facts.sockets.rows
        if row.state == "SYN-SENT" and (not host or row.remote.ip == host) and (not port or row.remote.port == port)
    ]
    stuck = [row for row in trying if row.unanswered >= 1 and row.stayed]
    fails = facts.sockets.counters.get("AttemptFails", 0)
    sentence = say(
        "attempts",
        trying=len(trying),
        stuck=len(stuck),
        fails=fails,
        elapsed=f"{facts.sockets.elapsed_s:.1f}",
        total=facts.sockets.totals.get("AttemptFails", 0),
    )
    if len(stuck) >= 3 or (stuck and (host or port)):
        to = sorted({str(row.remote) for row in stuck})[:4]
        who = sorted({holder_name(row.owners[0]) for row in stuck if row.owners})[:3]
        return failed(sentence, say("attempts_to", to=", ".join(to), who=", ".join(who) or say("nobody")))
    counters_seen = counted_of(facts, "ActiveOpens", "AttemptFails", "TCPSynRetrans")
    return look(facts, "sockets").passed(
        sentence, seen=[*trying, *counters_seen], counted=moved(facts, "AttemptFails", "TCPSynRetrans")
    )


@check("firewall-rules", needs=("firewall",))
def firewall_rules(facts: Facts, **given: Any) -> Judgement:
    """Rules here that drop or reject, those that name what was asked for first. No failure by itself."""
    return _ruled(facts, resets=False)


@check("resetting-rules", needs=("firewall",), optional=("traffic",))
def resetting_rules(facts: Facts, **given: Any) -> Judgement:
    """As firewall-rules; a failure where a rule rejects with a RST what was asked for, or what is reset right now."""
    return _ruled(facts, resets=True)


def _ruled(facts: Facts, resets: bool) -> Judgement:
    rules = facts.firewall or ()
    if not rules:  # what was looked at is the whole ruleset: nft's, and iptables-legacy's where it is in use
        return look(facts, "firewall").passed(say("firewall_none"), seen=1)
    port, host = facts.number("port"), facts.settings.get("host") or ""
    mine = _suspects(facts, host, {port} if port is not None else set()) if port is not None or host else []
    guilty: list[FirewallRule] = []
    if resets:
        guilty = [rule for rule in mine if _sends_resets(rule)]
        guilty = guilty or _resetting_now(facts, rules)
    shown = guilty or mine or list(rules)
    evidence = [say("firewall_count", count=len(rules))]
    evidence += [say("firewall_rule", verdict=r.verdict, table=r.table, chain=r.chain, text=r.text) for r in shown[:5]]
    if guilty:
        return failed(*evidence, offers=_rule_offers(guilty))
    if mine:
        return warned(*evidence, offers=_rule_offers(mine))
    if any(_may_act(rule, resets) for rule in rules):
        return warned(*evidence)  # which packets are missed by whom, only people know
    return look(facts, "firewall").passed(*evidence, seen=rules)


def _resetting_now(facts: Facts, rules: tuple[FirewallRule, ...]) -> list[FirewallRule]:
    """Rules that reject with a RST and name a port whose connections were seen to be reset."""
    groups = facts.traffic.groups if facts.traffic is not None else ()
    seen = {str(one.port) for one in groups if one.cause in RESETS}
    return [rule for rule in rules if _sends_resets(rule) and not seen.isdisjoint(rule_words(rule))]


def _may_act(rule: FirewallRule, resets: bool) -> bool:
    """Whether a rule drops (or, where `resets` are asked for, resets) anything: not if its counter is at zero."""
    return rule.packets != 0 and (_sends_resets(rule) or not resets)


def _sends_resets(rule: FirewallRule) -> bool:
    return "tcp reset" in rule.text or "tcp-reset" in rule.text
