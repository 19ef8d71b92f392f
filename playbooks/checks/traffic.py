"""What ends badly right now: a few seconds of this machine's packets, and the processes behind them."""

from __future__ import annotations

from typing import Any

from playbooks.checks.captures import sample_evidence
from playbooks.checks.registry import Judgement, check, failed, look, offer, unknown
from playbooks.checks.wording import bracketed, holder_name, most_common, say
from playbooks.facts.model import Ended, Facts, Holder, Socket

MANY = 3
SHARE = 0.05
"""A few resets among many requests are everyday: people close tabs, phones lose their network."""
WITHOUT_DATA = frozenset(("middlebox_reset", "refused_by_firewall", "accept_queue_reset", "reset_ignored"))
"""Causes that are meant even where a connection carried nothing; else those are probes of load balancers."""
WILDCARDS = ("0.0.0.0", "::", "*")


@check("traffic-causes", needs=("traffic",), wants=("sockets",), arguments=("causes", "fixes"))
def traffic_causes(
    facts: Facts, causes: list[str] | None = None, fixes: list[str] | None = None, **given: Any
) -> Judgement:
    """Connections that ended by one of `causes` while packets were looked at, by service, cause and process."""
    traffic = facts.traffic
    if traffic is None:
        return unknown(say("no_sockets"))
    looked, seconds = look(facts, "traffic"), f"{traffic.seconds:.1f}"
    pid = facts.number("pid")
    mine = [one for one in traffic.groups if one.cause in set(causes or []) and _counts(one)]
    if pid is not None:
        mine = [one for one in mine if pid in {holder.pid for holder in (*_servers(facts, one), *_callers(facts, one))}]
    cut = [say("traffic_cut", packets=traffic.packets)] if traffic.full else []
    if not mine:
        code = "traffic_none" if traffic.connections else "traffic_idle"
        said = say(code, connections=traffic.connections, seconds=seconds)
        return looked.passed(said, *cut, seen=traffic.connections)
    bad = [one for one in mine if one.count >= MANY and one.count >= SHARE * one.of]
    evidence: list[str] = []
    for one in (bad or mine)[:4]:
        evidence.append(_said(facts, one, seconds))
        evidence += [text for sample in one.samples[:1] for text in sample_evidence(sample)]
    if not bad:
        return looked.passed(*evidence, say("traffic_few"), *cut, seen=traffic.connections)
    worst = bad[0]
    shared = {"count": worst.count, "peer": _name(worst), "symptom": worst.cause}
    return failed(*evidence, *cut, offers=tuple(offer(name, **shared) for name in fixes or []))


def _counts(one: Ended) -> bool:
    return one.carried > 0 or one.cause in WITHOUT_DATA


def _name(one: Ended) -> str:
    return f"{bracketed(one.ip)}:{one.port}"


def _said(facts: Facts, one: Ended, seconds: str) -> str:
    servers = [holder_name(holder) for holder in _servers(facts, one)]
    callers = [holder_name(holder) for holder in _callers(facts, one)]
    clients = most_common(ip for ip, count in one.clients.items() for _ in range(count))
    return say(
        "traffic_group",
        count=one.count,
        of=one.of,
        service=_name(one),
        seconds=seconds,
        cause=one.cause,
        server=", ".join(dict.fromkeys(servers)) or say("nobody_here"),
        clients=say("traffic_clients", host=clients, who=", ".join(callers[:3])) if callers else clients,
    )


def _servers(facts: Facts, one: Ended) -> list[Holder]:
    """Processes that listen on the service's port here."""
    rows = facts.sockets.rows if facts.sockets is not None else ()
    here = [row for row in rows if row.state == "LISTEN" and row.local.port == one.port and _serves(row, one.ip)]
    return [owner for row in here for owner in row.owners[:1]]


def _serves(row: Socket, ip: str) -> bool:
    return row.local.ip == ip or row.local.ip in WILDCARDS


def _callers(facts: Facts, one: Ended) -> list[Holder]:
    """Processes that were seen to hold connections toward the service, or hold one now."""
    rows = facts.sockets.rows if facts.sockets is not None else ()
    now = [row.owners[0] for row in rows if row.owners and (row.remote.ip, row.remote.port) == (one.ip, one.port)]
    return list({holder.pid: holder for holder in (*one.callers, *now)}.values())
