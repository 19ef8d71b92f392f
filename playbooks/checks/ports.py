"""Local ports: how many are taken toward one destination, and the settings that decide how many there are."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from playbooks.checks.fact_words import holder_name
from playbooks.checks.fix_audience import identity_of
from playbooks.checks.registry import Judgement, Offer, check, failed, look, manual, offer, offers_for, unknown, warned
from playbooks.evidence_words import bracketed, most_common, percent, say
from playbooks.facts.facts import Facts
from playbooks.facts.socket_facts import Socket
from playbooks.symptoms.explain_line import explain_line

FULL, HIGH = 0.7, 0.5
"""The kernel's search for a free port gets slow from about 70 % on, and EADDRNOTAVAIL comes before 100 %."""
NEARLY_ALL = 0.9
"""Of tcp_max_tw_buckets: from there on TIME-WAIT sockets are soon dropped early."""
WIDEST = (1024, 65535)
_CLIENT_STATES = frozenset(
    ("ESTAB", "SYN-SENT", "TIME-WAIT", "CLOSE-WAIT", "FIN-WAIT-1", "FIN-WAIT-2", "LAST-ACK", "CLOSING")
)


@check("ports-toward-one-peer", needs=("sockets", "kernel"), everywhere=True)
def ports_toward_one_peer(facts: Facts, **given: Any) -> Judgement:
    """Share of ip_local_port_range in use for one (local address, remote address and port): what connect() needs."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    host, port = facts.settings.get("host"), facts.number("port")
    low, high = facts.sockets.port_range
    ports = max(1, facts.sockets.ephemeral_ports)
    routes: dict[tuple[str, str, int], list[Socket]] = defaultdict(list)
    for row in facts.sockets.rows:
        if row.state in _CLIENT_STATES and low <= row.local.port <= high:
            routes[row.local.ip, row.remote.ip, row.remote.port].append(row)
    chosen = {
        key: rows
        for key, rows in routes.items()
        if (host is None or key[1] == host) and (port is None or key[2] == port)
    }
    if not chosen:
        sentence = say("ports_none", ports=ports, low=low, high=high)
        if host is not None or port is not None:
            return unknown(sentence)
        return look(facts, "sockets").passed(sentence, seen=facts.sockets.rows)
    ranked = sorted(chosen.items(), key=lambda item: -len(item[1]))
    evidence = []
    for (local, remote, where), rows in ranked[:3]:
        states = Counter(row.state for row in rows)
        evidence.append(
            say(
                "ports_used",
                count=len(rows),
                ports=ports,
                low=low,
                high=high,
                local=local,
                remote=bracketed(remote),
                port=where,
                share=percent(len(rows) / ports),
                time_wait=states["TIME-WAIT"],
                estab=states["ESTAB"],
            )
        )
    (_, remote, where), rows = ranked[0]
    holders = [holder_name(row.owners[0]) for row in rows if row.owners]
    if holders:
        evidence.append(say("ports_holders", who=most_common(holders)))
    share = len(rows) / ports
    if share < HIGH:
        return look(facts, "sockets").passed(*evidence[:1], seen=rows)
    offers = _port_offers(facts, remote, where, len(rows), ports)
    return failed(*evidence, offers=offers) if share >= FULL else warned(*evidence, offers=offers)


def _port_offers(facts: Facts, remote: str, port: int, count: int, ports: int) -> tuple[Offer, ...]:
    low, high = facts.sockets.port_range if facts.sockets is not None else (32768, 60999)
    new_low, new_high = wider_range(low, high, count)
    listening = sorted(
        {
            row.local.port
            for row in (facts.sockets.rows if facts.sockets is not None else ())
            if row.state == "LISTEN" and new_low <= row.local.port <= new_high
        }
    )
    reserved = ",".join(str(one) for one in listening)
    stated = (facts.kernel or {}).get("net.ipv4.ip_local_reserved_ports", "")
    shared = {
        "host": remote,
        "port": port,
        "count": count,
        "ports": ports,
        "low": low,
        "high": high,
        "new_low": new_low,
        "new_high": new_high,
        "new_ports": new_high - new_low + 1,
        "reserved": ",".join(part for part in (stated, reserved) if part) or "",
        "old_reserved": stated,
        "tw_reuse": facts.sysctl("net.ipv4.tcp_tw_reuse"),
    }
    names = ["reuse-go", "reuse-java", "reuse-python", "reuse-node", "topic:reuse"]
    if (low, high) != (new_low, new_high):
        names += ["port-range-now", "port-range"]
    if facts.sysctl("net.ipv4.tcp_tw_reuse") != 1:
        names += ["tw-reuse"]
    return tuple(offer(name, **shared) for name in names)


def wider_range(low: int, high: int, used: int) -> tuple[int, int]:
    """A range in which `used` ports are less than half; at most WIDEST, grown upward first."""
    wanted = max(int(used / 0.45) + 1, 28232)
    new_high = max(high, min(WIDEST[1], low + wanted - 1))
    new_low = min(low, max(WIDEST[0], new_high - wanted + 1))
    return new_low, new_high


@check("time-wait-settings", needs=("sockets", "kernel"))
def time_wait_settings(facts: Facts, **given: Any) -> Judgement:
    """TIME-WAIT sockets against tcp_max_tw_buckets; tcp_tw_reuse, tcp_timestamps, and the removed tcp_tw_recycle."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    count = sum(1 for row in facts.sockets.rows if row.state == "TIME-WAIT")
    most = facts.sysctl("net.ipv4.tcp_max_tw_buckets")
    reuse, stamps = facts.sysctl("net.ipv4.tcp_tw_reuse"), facts.sysctl("net.ipv4.tcp_timestamps")
    evidence = [
        say("time_wait_count", count=count, most=most if most is not None else "?"),
        say("time_wait_reuse", reuse=reuse, stamps=stamps),
    ]
    recycle = facts.sysctl("net.ipv4.tcp_tw_recycle")
    if recycle:
        return failed(*evidence, say("tw_recycle"), offers=(offer("no-tw-recycle"),))
    if reuse is None or stamps is None:
        return unknown(*evidence)
    overflow = facts.sockets.counters.get("TCPTimeWaitOverflow", 0)
    if overflow:
        evidence.append(say("time_wait_overflow", moved=overflow))
    crowded = most is not None and count >= NEARLY_ALL * most
    if overflow or crowded:
        return warned(*evidence, offers=(offer("max-tw-buckets", most=most or "?", proposed=2 * (most or 131_072)),))
    if reuse == 1 and not stamps:
        return warned(*evidence)
    return look(facts, "sockets", "kernel").passed(*evidence, seen=facts.sockets.rows)


@check("port-held", needs=("sockets",), optional=("processes", "kernel", "log"))
def port_held(facts: Facts, **given: Any) -> Judgement:
    """Who holds a local port, so that bind() to it fails (EADDRINUSE): a listener, or old connections where the
    program does not set SO_REUSEADDR (socket(7))."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    port = facts.number("port") or _port_of_log(facts)
    if port is None:
        return manual(say("no_port_named"))
    rows = [row for row in facts.sockets.rows if row.local.port == port]
    listeners = [row for row in rows if row.state == "LISTEN"]
    if listeners:
        sentences = [say("port_listened", where=row.local, who=_who(row)) for row in listeners[:4]]
        return warned(*sentences, offers=_holder_offers(facts, listeners[0]))
    low, high = facts.sockets.port_range
    outgoing = [row for row in rows if row.state != "TIME-WAIT" and low <= port <= high]
    if outgoing:
        row = outgoing[0]
        sentences = [say("port_outgoing", where=row.local, to=row.remote, who=_who(row), low=low, high=high)]
        return warned(*sentences, offers=_holder_offers(facts, row, ("listen-reserved",)))
    if rows:
        states = most_common(row.state for row in rows)
        sentences = [say("port_lingers", port=port, states=states)]
        return warned(
            *sentences, offers=(offer("reuse-address", port=port, states=states), *_holder_offers(facts, rows[0])[1:])
        )
    if facts.sockets.bound is None:
        return unknown(say("port_free", port=port), say("bound_untold"))
    bound = [one for one in facts.sockets.bound if one.local.port == port]
    if bound:
        return warned(*(say("port_bound", where=one.local, inode=one.inode) for one in bound[:4]))
    return look(facts, "sockets").passed(say("port_free", port=port), seen=facts.sockets.rows)


def _who(row: Socket) -> str:
    return holder_name(row.owners[0] if row.owners else None)


def _port_of_log(facts: Facts) -> int | None:
    """The port that the log says could not be bound; None where it names none, or several."""
    groups = facts.log.groups if facts.log is not None else ()
    said = [explain_line(group.sample) for group in groups if group.symptom == "address_in_use"]
    ports = {one.local.port for one in said if one is not None and one.local is not None}
    return next(iter(ports)) if len(ports) == 1 else None


def _holder_offers(facts: Facts, row: Socket, more: tuple[str, ...] = ()) -> tuple[Offer, ...]:
    """To end who has the port; to bind beside connections of before; `more`: to keep it from outgoing connections."""
    owner = row.owners[0] if row.owners else None
    processes = facts.processes.rows if facts.processes is not None else ()
    unit = next((one.unit for one in processes if owner is not None and one.pid == owner.pid), "")
    pid = owner.pid if owner is not None else "PID"
    low, high = facts.sockets.port_range if facts.sockets is not None else (0, 0)
    stated = (facts.kernel or {}).get("net.ipv4.ip_local_reserved_ports", "")
    return offers_for(
        identity_of(facts, owner),
        ("stop-holder", *more, "topic:listen"),
        port=row.local.port,
        where=row.local,
        address=row.local,
        who=_who(row),
        holder=_who(row),
        pid=pid,
        unit=unit or "NAME.service",
        stop=f"{{{{sudo}}}}systemctl stop {unit}" if unit else f"{{{{sudo}}}}kill -TERM {pid}",
        start=f"{{{{sudo}}}}systemctl start {unit}" if unit else "true   # start it again the way it was started",
        low=low,
        high=high,
        reserved=",".join(part for part in (stated, str(row.local.port)) if part),
        old_reserved=stated,
    )
