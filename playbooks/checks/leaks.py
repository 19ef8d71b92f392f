"""Connections that one side closed and the other did not: CLOSE-WAIT here, FIN-WAIT-2 over there (RFC 9293 §3.6)."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from capture.sockets.findings.finding_words import age_text
from playbooks.checks.awaiting import explains
from playbooks.checks.fact_words import holder_name, own_language_first
from playbooks.checks.fix_audience import identity_of
from playbooks.checks.registry import (
    Judgement,
    Offer,
    check,
    failed,
    look,
    manual,
    moved,
    offer,
    offers_for,
    unknown,
    warned,
)
from playbooks.evidence_words import bracketed, most_common, percent, say
from playbooks.facts.facts import Facts
from playbooks.facts.socket_facts import Holder, Process, Socket

PILE = 10
"""Of one process, or toward one host: a few may be handlers that are slow by nature."""
SETTLED_S = 2.0
"""A healthy process closes within milliseconds of the peer's FIN; a handler still at work takes a second or two."""
OLD_S = 60.0
"""No request takes this long after its client has gone: even a few of these are a leak."""
FEW = 3
LEAST_FIN_TIMEOUT = 10
"""Seconds: below that a peer on a slow path has no time to answer."""
NEAR_LIMIT = 0.8
NOT_ACCEPTED = "not yet accepted"


@check("close-wait-pile", needs=("sockets",), optional=("processes",), arguments=("quiet",), everywhere=True)
def close_wait_pile(facts: Facts, quiet: bool = False, **given: Any) -> Judgement:
    """CLOSE-WAIT sockets that stay, by the process that does not close them.

    Not counted: those with bytes still to send (a half-closed peer is being answered), those that wait in an accept
    queue (that queue's matter), and those that went between the two looks. `quiet` turns a failure into a warning.
    """
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    pid, port = facts.number("pid"), facts.number("port")
    if pid is not None and "processes" in facts.absent:
        return unknown(facts.absent["processes"].why)
    seen = [row for row in facts.sockets.rows if _on(row, port)]
    rows = [row for row in seen if row.state == "CLOSE-WAIT"]
    if pid is not None:
        hidden = _hidden(rows)
        seen, rows = _held_by(seen, pid), _held_by(rows, pid)
        if hidden and not rows:
            return unknown(say("owners_hidden", hidden=len(hidden), pid=pid, why=_why_hidden(facts)))
        if not seen:
            return unknown(say("holds_no_socket", pid=pid))
    waiting = [row for row in rows if row.owner_missing == NOT_ACCEPTED]
    held = _by_holder([row for row in rows if row.owner_missing != NOT_ACCEPTED])
    piles = [(holder, mine) for holder, mine in held.items() if _is_pile(mine)]
    if not piles:
        notes = [say("close_wait_not_accepted", count=len(waiting))] if waiting else []
        sentence = say("close_wait_none", count=len(rows), seconds=SETTLED_S)
        if _is_pile(waiting):
            return warned(sentence, *notes)
        return look(facts, "sockets").passed(sentence, *notes, seen=seen)
    piles.sort(key=lambda pile: -len(pile[1]))
    evidence: list[str] = []
    for (holder, uid, _), mine in piles[:5]:
        evidence += _pile_evidence(facts, holder, uid, mine)
    (holder, uid, _), mine = piles[0]
    offers = _leak_offers(facts, holder, mine)
    if facts.sockets.hidden_owners and any(who is None for (who, _, _), _ in piles):
        evidence.append(say("owners_out_of_sight", why=_why_hidden(facts)))
    cause = explains(facts, holder, mine)
    if cause is not None:
        upstream, awaited = cause
        return warned(*evidence, say("pile_awaits", upstream=upstream, awaited=len(awaited)))
    return (warned if quiet else failed)(*evidence, offers=offers)


def _held_by(rows: list[Socket], pid: int) -> list[Socket]:
    return [row for row in rows if any(owner.pid == pid for owner in row.owners)]


def _hidden(rows: list[Socket]) -> list[Socket]:
    """Those that some process holds, out of sight: unknown is not nobody."""
    return [row for row in rows if not row.owners and row.owner_missing != NOT_ACCEPTED]


def _why_hidden(facts: Facts) -> str:
    """Why owners are out of sight: not always because this is not root."""
    return (facts.sockets.hidden_why if facts.sockets is not None else "") or say("run_as_root")


def _on(row: Socket, port: int | None) -> bool:
    return port is None or port in (row.local.port, row.remote.port)


def _by_holder(rows: list[Socket]) -> dict[tuple[Holder | None, int, str], list[Socket]]:
    """Rows by process (fd left out); by user and service where the process is hidden: one user may run several."""
    held: dict[tuple[Holder | None, int, str], list[Socket]] = defaultdict(list)
    hidden: dict[int, list[Socket]] = defaultdict(list)
    for row in rows:
        owners = {Holder(owner.pid, owner.name) for owner in row.owners}
        for owner in sorted(owners, key=lambda one: one.pid)[:1]:
            held[owner, row.uid, ""].append(row)
        if not owners:
            hidden[row.uid].append(row)
    for uid, mine in hidden.items():
        local, remote = (Counter(port) for port in zip(*((r.local.port, r.remote.port) for r in mine), strict=True))
        for row in mine:
            here = local[row.local.port] >= remote[row.remote.port]
            where = say("local_port", port=row.local.port) if here else say("remote_port", port=row.remote.port)
            held[None, uid, where].append(row)
    return held


def _is_pile(rows: list[Socket]) -> bool:
    settled = [row for row in rows if row.stayed and row.age_s >= SETTLED_S and not row.send_q]
    return len(settled) >= PILE or sum(1 for row in settled if row.age_s >= OLD_S) >= FEW


def _pile_evidence(facts: Facts, holder: Holder | None, uid: int, rows: list[Socket]) -> list[str]:
    oldest = max(rows, key=lambda row: row.age_s)
    who = holder_name(holder) if holder else say("a_process_of", uid=uid)
    evidence = [
        say("close_wait_pile", who=who, count=len(rows), oldest=age_text(oldest.age_s, oldest.age_is_minimum)),
        say(
            "close_wait_peers",
            peers=most_common(str(row.remote.ip) for row in rows),
            ports=most_common(_service(row, rows) for row in rows),
        ),
    ]
    unread = [row for row in rows if row.recv_q > 1]
    if unread:
        evidence.append(say("close_wait_unread", count=len(unread), bytes=sum(row.recv_q - 1 for row in unread)))
    process = _process(facts, holder)
    if process is not None and process.open_files is not None and process.soft_limit:
        share = percent(process.open_files / process.soft_limit)
        evidence.append(say("descriptors", who=who, used=process.open_files, limit=process.soft_limit, share=share))
    return evidence


def _service(row: Socket, rows: list[Socket]) -> str:
    """The port that names the service: the local one where most rows share it (a server), else the peer's."""
    local = sum(1 for other in rows if other.local.port == row.local.port)
    remote = sum(1 for other in rows if other.remote.port == row.remote.port)
    return say("local_port", port=row.local.port) if local >= remote else say("remote_port", port=row.remote.port)


def _process(facts: Facts, holder: Holder | None) -> Process | None:
    if holder is None or facts.processes is None:
        return None
    return next((one for one in facts.processes.rows if one.pid == holder.pid), None)


def _leak_offers(facts: Facts, holder: Holder | None, rows: list[Socket]) -> tuple[Offer, ...]:
    process = _process(facts, holder)
    # The service's port: most rows share it, on one side or the other.
    port = Counter(port for row in rows for port in (row.local.port, row.remote.port)).most_common()[0][0]
    what = f"sport = :{port} or dport = :{port}"
    unit = process.unit if process is not None else ""
    pid = holder.pid if holder is not None else "PID"
    restart = f"{{{{sudo}}}}systemctl restart {unit}" if unit else f"{{{{sudo}}}}kill -TERM {pid}"
    shared = {
        "who": holder_name(holder),
        "pid": pid,
        "count": len(rows),
        "what": what,
        "restart": restart,
        "after_restart": say("restart_by_unit") if unit else say("restart_by_hand"),
        "open_files": process.open_files if process is not None and process.open_files is not None else "?",
        "oldest": age_text(max(row.age_s for row in rows)),
    }
    names = (
        "close-in-go",
        "close-in-java",
        "close-in-python",
        "close-in-node",
        "topic:close",
        "destroy-now",
        "restart-now",
    )
    return offers_for(identity_of(facts, holder), own_language_first(names, holder), **shared)


def leak_first(facts: Facts, pid: int, open_files: int) -> tuple[Offer, ...]:
    """Fixes of the leak itself, where half or more of a process's descriptors are connections in CLOSE-WAIT: a higher
    limit would only be used up later. None where that is not so."""
    rows = [
        row
        for row in (facts.sockets.rows if facts.sockets is not None else ())
        if row.state == "CLOSE-WAIT" and any(owner.pid == pid for owner in row.owners)
    ]
    if len(rows) < PILE or 2 * len(rows) < open_files:
        return ()
    holder = next(owner for owner in rows[0].owners if owner.pid == pid)
    # ss -K frees no descriptor: the process still holds it.
    return tuple(one for one in _leak_offers(facts, holder, rows) if one.fix != "destroy-now")


@check("close-wait-descriptors", needs=("sockets", "processes"), everywhere=True)
def close_wait_descriptors(facts: Facts, **given: Any) -> Judgement:
    """Whether the process with most CLOSE-WAIT sockets comes near its limit of open files."""
    if facts.sockets is None or facts.processes is None:
        return unknown(say("no_sockets"))
    pid, port = facts.number("pid"), facts.number("port")
    rows = [row for row in facts.sockets.rows if row.state == "CLOSE-WAIT" and _on(row, port)]
    held = {holder: len(mine) for (holder, _, _), mine in _by_holder(rows).items() if holder is not None}
    if pid is not None:
        held = {holder: count for holder, count in held.items() if holder.pid == pid}
    evidence, bad, untold = [], False, 0
    for holder, count in sorted(held.items(), key=lambda item: -item[1])[:5]:
        process = _process(facts, holder)
        if process is None or process.open_files is None or not process.soft_limit:
            untold += 1
            continue
        share = process.open_files / process.soft_limit
        sentence = say(
            "descriptors",
            who=holder_name(holder),
            used=process.open_files,
            limit=process.soft_limit,
            share=percent(share),
        )
        evidence.append(say("descriptors_of", said=sentence, count=count))
        bad = bad or (share >= NEAR_LIMIT and count >= PILE)
    if bad:
        return failed(*evidence)
    hidden = _hidden(rows)
    if hidden and not (pid is not None and evidence):
        return unknown(*evidence, say("holders_hidden", hidden=len(hidden), why=_why_hidden(facts)))
    seen = facts.sockets.rows if pid is None else _held_by(list(facts.sockets.rows), pid)
    return look(facts, "sockets", "processes").passed(
        *(evidence or [say("no_close_wait_holder")]), seen=seen, hidden=untold
    )


@check("fin-wait-2-pile", needs=("sockets",), optional=("kernel", "processes"), everywhere=True)
def fin_wait_2_pile(facts: Facts, **given: Any) -> Judgement:
    """FIN-WAIT-2 sockets that stay, by the peer that does not close its side."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    host, port = facts.settings.get("host"), facts.number("port")
    mine = [row for row in facts.sockets.rows if _on(row, port) and (host is None or row.remote.ip == host)]
    rows = [row for row in mine if row.state == "FIN-WAIT-2"]
    by_peer: dict[tuple[str, int], list[Socket]] = defaultdict(list)
    for row in rows:
        by_peer[row.remote.ip, _service_port(row, rows)].append(row)
    piles = [(peer, mine) for peer, mine in by_peer.items() if _is_pile(mine)]
    if not piles:
        sentence = say("fin_wait_2_none", count=len(rows), seconds=SETTLED_S)
        return look(facts, "sockets").passed(sentence, seen=mine)
    piles.sort(key=lambda pile: -len(pile[1]))
    timeout = facts.sysctl("net.ipv4.tcp_fin_timeout") or 60
    evidence = []
    for (ip, _), mine in piles[:5]:
        oldest = max(mine, key=lambda row: row.age_s)
        orphans = sum(1 for row in mine if not row.inode)
        local = _local_close_wait(facts, mine)
        held = say("fin_wait_2_held", who=most_common(holder_name(row.owners[0]) for row in mine if row.owners))
        evidence.append(
            say(
                "fin_wait_2_pile",
                host=ip,
                ports=most_common(_service(row, mine) for row in mine),
                count=len(mine),
                oldest=age_text(oldest.age_s, oldest.age_is_minimum),
                orphans=orphans,
                timeout=timeout,
            )
        )
        if orphans < len(mine):
            evidence.append(held)
        if local:
            evidence.append(say("fin_wait_2_here", who=most_common(local)))
    (ip, where), mine = piles[0]
    peer = next(iter(_peer_holders(facts, mine)), None)
    served = _is_served(mine)  # this side is the server: a client that does not close has no handler to bound
    unowned = any(not row.inode for row in mine)  # tcp_fin_timeout acts on no other: a process's own stay
    shared = {
        "host": ip,
        "port": where,
        "count": len(mine),
        "timeout": timeout,
        "proposed_timeout": max(LEAST_FIN_TIMEOUT, min(30, timeout // 2)),
        "who": holder_name(peer) if peer else say("clients_on" if served else "process_on", host=ip, port=where),
        "oldest": age_text(max(row.age_s for row in mine)),
        "what": f"dst {bracketed(ip)} and ( sport = :{where} or dport = :{where} )",
    }
    slow = () if served else tuple(f"handler-timeout-{tongue}" for tongue in ("go", "java", "python", "node"))
    names = (
        *slow,
        *(f"close-in-{tongue}" for tongue in ("go", "java", "python", "node")),
        "topic:close",
        *(("fin-timeout-now", "fin-timeout") if timeout > LEAST_FIN_TIMEOUT and unowned else ()),
        "destroy-now",
    )
    found = own_language_first(names, peer)
    return failed(*evidence, offers=offers_for(identity_of(facts, peer), found, **shared))


def _is_served(rows: list[Socket]) -> bool:
    """Whether the service's port is this side's: most rows share it, and the peers' differ."""
    return len({row.local.port for row in rows}) < len({row.remote.port for row in rows})


def _service_port(row: Socket, rows: list[Socket]) -> int:
    local = sum(1 for other in rows if other.local.port == row.local.port)
    remote = sum(1 for other in rows if other.remote.port == row.remote.port)
    return row.local.port if local > remote else row.remote.port


def _peer_holders(facts: Facts, rows: list[Socket]) -> list[Holder]:
    """Processes of this machine that hold the other ends, still in CLOSE-WAIT."""
    wanted = {(row.remote, row.local) for row in rows}
    found = facts.sockets.rows if facts.sockets is not None else ()
    return [
        row.owners[0] for row in found if row.state == "CLOSE-WAIT" and row.owners and (row.local, row.remote) in wanted
    ]


def _local_close_wait(facts: Facts, rows: list[Socket]) -> list[str]:
    return [holder_name(holder) for holder in _peer_holders(facts, rows)]


def _memory_offers(facts: Facts, most: int) -> tuple[Offer, ...]:
    """Twice as many orphans, and twice TCP's memory (pages: low, pressure, high); neither below what is in force."""
    memory = (facts.kernel or {}).get("net.ipv4.tcp_mem", "")
    pages = [int(word) for word in memory.split() if word.isdigit()]
    found = [offer("max-orphans", most=most, proposed=2 * most)]
    if len(pages) == 3:
        found.append(offer("tcp-mem", memory=memory, proposed=" ".join(str(2 * page) for page in pages)))
    return tuple(found)


@check("orphans", needs=("sockets", "kernel"))
def orphans(facts: Facts, **given: Any) -> Judgement:
    """Sockets without a process against tcp_max_orphans; above it the kernel resets them."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    states = ("FIN-WAIT-1", "FIN-WAIT-2", "LAST-ACK", "CLOSING")
    count = sum(1 for row in facts.sockets.rows if not row.inode and row.state in states)
    most = facts.sysctl("net.ipv4.tcp_max_orphans")
    if most is None and count:  # a network namespace of its own does not show the limit, the whole machine's
        return manual(say("orphans_unlimited", count=count))
    if most is None:
        return look(facts, "sockets").passed(say("orphans_none"), seen=facts.sockets.rows)
    sentence = say("orphans", count=count, most=most, timeout=facts.sysctl("net.ipv4.tcp_fin_timeout"))
    if count > most / 2:
        return warned(sentence, offers=_memory_offers(facts, most))
    return look(facts, "sockets", "kernel").passed(
        sentence, seen=facts.sockets.rows, counted=moved(facts, "TCPAbortOnMemory")
    )
