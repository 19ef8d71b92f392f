"""What ends badly right now: a few seconds of this machine's packets, and the processes behind them."""

from __future__ import annotations

from typing import Any

from playbooks.checks.capture_causes import patience_of, sample_evidence, untold
from playbooks.checks.fact_words import holder_name
from playbooks.checks.fix_audience import identity_of
from playbooks.checks.looked import Offer
from playbooks.checks.reaching import serves
from playbooks.checks.registry import Judgement, check, failed, look, moved, offer, offers_for, unknown, warned
from playbooks.evidence_words import bracketed, most_common, say
from playbooks.facts.facts import Facts
from playbooks.facts.packet_facts import Ended, Traffic
from playbooks.facts.socket_facts import Holder

MANY = 3
SHARE = 0.05
"""A few resets among many requests are everyday: people close tabs, phones lose their network."""
OPEN = "still_open"
WITHOUT_DATA = frozenset(("middlebox_reset", "refused_by_firewall", "accept_queue_reset", "reset_ignored"))
"""Causes that are meant even where a connection carried nothing; else those are probes of load balancers."""


@check("traffic-causes", needs=("traffic",), optional=("sockets", "processes"), arguments=("causes", "fixes", "fits"))
def traffic_causes(
    facts: Facts,
    causes: list[str] | None = None,
    fixes: list[str] | None = None,
    fits: dict[str, list[str]] | None = None,
    **given: Any,
) -> Judgement:
    """Connections that ended by one of `causes` while packets were looked at, by service, cause and process.

    `fixes` are offered whatever was found, those of `fits` only for the cause that they cure."""
    traffic = facts.traffic
    if traffic is None:
        return unknown(say("no_sockets"))
    seconds = f"{traffic.seconds:.1f}"
    mine = [one for one in traffic.groups if one.cause in set(causes or []) and _counts(one)]
    others = [one for one in traffic.groups if one not in mine]
    seen = traffic.connections
    pid = facts.number("pid")
    if pid is not None:
        mine, others = ([one for one in groups if _of(facts, one, pid)] for groups in (mine, others))
        seen = sum(one.count for one in (*mine, *others))
    bad = [one for one in mine if one.count >= MANY and one.count >= SHARE * one.of]
    shown = [text for one in (bad or mine)[:4] for text in _ended_evidence(facts, one, seconds)]
    cut = [say("traffic_cut", packets=traffic.packets)] if traffic.full else []
    if bad:
        return failed(*shown, *cut, offers=_cures(facts, bad, fixes or [], fits or {}))
    code = "traffic_none" if seen else "traffic_idle"
    sentences = shown or [say(code, connections=seen, seconds=seconds, before=traffic.began_before)]
    lost = [one for one in others if one.cut_off]
    if lost:
        return warned(*sentences, *(_cut_off(one, seconds) for one in lost[:4]))
    if any(2 * one.count >= one.of for one in mine):
        return unknown(*sentences, *cut, say("traffic_rare", seconds=seconds))
    if cut:
        return unknown(*sentences, *cut)
    ends = sum(one.count for one in (*mine, *others) if one.cause != OPEN)
    if seen and ends * SHARE < 1:
        return unknown(*sentences, say("traffic_too_few", ends=ends, seconds=seconds, share=int(1 / SHARE)))
    return look(facts, "traffic").passed(
        *sentences,
        *([say("traffic_few")] if mine else []),
        seen=seen,
        hidden=untold(set(causes or []), traffic.untold_responses),
        counted=_uncaught(facts, traffic),
    )


def _cures(facts: Facts, bad: list[Ended], fixes: list[str], fits: dict[str, list[str]]) -> tuple[Offer, ...]:
    """Fixes for the causes found, the commonest first: for the programs at both ends that run here, the server's first;
    for any program where neither does."""
    worst = bad[0]
    fitting = [name for one in bad for name in fits.get(one.cause, [])]
    measured = patience_of(sample for one in bad for sample in one.samples)
    shared: dict[str, object] = {"count": worst.count, "peer": _name(worst), "symptom": worst.cause} | measured
    words = [identity_of(facts, holder) for one in bad for holder in (*_servers(facts, one), *_callers(facts, one))]
    known = list(dict.fromkeys(each for each in words if each))
    names = dict.fromkeys([*fitting, *fixes])
    if not known:
        return tuple(offer(name, **shared) for name in names)
    return tuple(one for name in names for each in known for one in offers_for(each, (name,), **shared))


def _of(facts: Facts, one: Ended, pid: int) -> bool:
    return pid in {holder.pid for holder in (*_servers(facts, one), *_callers(facts, one))}


def _ended_evidence(facts: Facts, one: Ended, seconds: str) -> list[str]:
    return [
        _ended_sentence(facts, one, seconds),
        *(text for sample in one.samples[:1] for text in sample_evidence(sample)),
    ]


def _cut_off(one: Ended, seconds: str) -> str:
    return say("traffic_cut_off", count=one.cut_off, service=_name(one), seconds=seconds)


def _uncaught(facts: Facts, traffic: Traffic) -> dict[str, int]:
    """Resets that the kernel counted and the packets do not show. It counts all of a namespace, and nothing else."""
    if any(facts.settings.get(key) for key in ("host", "port", "pid")):
        return {}
    caught = sum(one.resets for one in traffic.groups)
    return {name: count - caught for name, count in moved(facts, "EstabResets").items()}


def _counts(one: Ended) -> bool:
    return one.carried > 0 or one.cause in WITHOUT_DATA


def _name(one: Ended) -> str:
    return f"{bracketed(one.ip)}:{one.port}"


def _ended_sentence(facts: Facts, one: Ended, seconds: str) -> str:
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
    here = [
        row for row in rows if row.state == "LISTEN" and row.local.port == one.port and serves(row, one.ip) is not False
    ]
    return [owner for row in here for owner in row.owners[:1]]


def _callers(facts: Facts, one: Ended) -> list[Holder]:
    """Processes that were seen to hold connections toward the service, or hold one now."""
    rows = facts.sockets.rows if facts.sockets is not None else ()
    now = [row.owners[0] for row in rows if row.owners and (row.remote.ip, row.remote.port) == (one.ip, one.port)]
    return list({holder.pid: holder for holder in (*one.callers, *now)}.values())
