"""A listener's accept queue: connections that are complete and wait for accept() (listen(2)). TCP and unix sockets."""

from __future__ import annotations

from collections import Counter
from typing import Any

from playbooks.checks.fact_words import holder_name
from playbooks.checks.fix_audience import identity_of
from playbooks.checks.php_pools import pool_at, pool_evidence, pool_offers
from playbooks.checks.registry import (
    Judgement,
    Offer,
    check,
    counted_of,
    failed,
    look,
    moved,
    offer,
    offers_for,
    unknown,
    warned,
)
from playbooks.evidence_words import say
from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.facts import Facts
from playbooks.facts.socket_facts import Holder, Socket, UnixListener

BUSY = 0.5


def listeners_of(facts: Facts) -> list[Socket]:
    """TCP listeners, those of the port where one was named."""
    port = facts.number("port")
    rows = facts.sockets.rows if facts.sockets is not None else ()
    return [row for row in rows if row.state == "LISTEN" and (port is None or row.local.port == port)]


def owner_of(row: Socket) -> Holder | None:
    """The process that accepts; None where it is out of sight."""
    return row.owners[0] if row.owners else None


def is_full(row: Socket) -> bool:
    """The kernel refuses once the queue holds more than its maximum (sk_acceptq_is_full: len > max). A `send_q` of 0 is
    a maximum only where the source tells one: listen(fd, 0)."""
    return row.recv_q > row.send_q and (row.send_q > 0 or row.backlog_max == 0)


@check("accept-queue-full", needs=("sockets", "kernel"), optional=("processes", "service_settings"), everywhere=True)
def accept_queue_full(facts: Facts, **given: Any) -> Judgement:
    """Listeners, of TCP and unix sockets, whose accept queue is over its maximum now, or that dropped connections
    between the looks. A port narrows it to TCP."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    rows, port = listeners_of(facts), facts.number("port")
    unix = facts.sockets.unix if port is None else ()
    full_unix = [one for one in unix or () if one.waiting > one.most]
    busy_unix = [one for one in unix or () if one.waiting > 1 and one.waiting >= BUSY * one.most]
    if not rows and not busy_unix:
        return _without_tcp_listeners(facts, port)
    if facts.sockets.source != "sock_diag" and rows:
        return unknown(say("no_queue_limits", source=facts.sockets.source))
    overflowed = facts.sockets.counters.get("ListenOverflows", 0) > 0
    bad = [row for row in rows if is_full(row) or (row.new_drops and overflowed)]
    busy = [row for row in rows if row not in bad and row.send_q and row.recv_q >= BUSY * row.send_q and row.recv_q > 1]
    if full_unix:
        return _full_unix(facts, full_unix, bad)
    if not bad and busy_unix:
        return _full_unix(facts, busy_unix, busy, full=False)
    if not bad and not busy:
        return _queues_fine(facts, rows, unix)
    evidence = []
    for row in sorted(bad or busy, key=lambda row: -row.recv_q)[:4]:
        evidence += [_queue(row), *_near(facts, row), *pool_evidence(_pool_of(facts, row))]
    offers = _queue_offers(facts, (bad or busy)[0])
    return failed(*evidence, offers=offers) if bad else warned(*evidence, offers=offers)


def _queues_fine(facts: Facts, rows: list[Socket], unix: tuple[UnixListener, ...] | None) -> Judgement:
    """No queue is full: a pass, unless listeners dropped something all the same, or could not be looked at."""
    longest = max(rows, key=lambda row: row.recv_q)
    sentences = [say("queues_fine", listeners=len(rows), longest=longest.recv_q, where=longest.local)]
    if unix:
        sentences.append(_unix_fine(unix))
    if unix is None:
        return unknown(*sentences, say("no_unix_listeners"))
    dropped = sum(row.new_drops for row in rows)
    counted = {"drops of these listeners": dropped} if dropped else {}
    if facts.number("port") is None:
        counted |= moved(facts, "ListenOverflows", "ListenDrops")
    return look(facts, "sockets").passed(*sentences, seen=rows, counted=counted)


def _unix_fine(unix: tuple[UnixListener, ...]) -> str:
    longest = max(unix, key=lambda one: one.waiting)
    return say("unix_queues_fine", listeners=len(unix), longest=longest.waiting, where=longest.path)


def _without_tcp_listeners(facts: Facts, port: int | None) -> Judgement:
    if port is not None:
        return unknown(say("no_listener", port=port))
    unix = facts.sockets.unix if facts.sockets is not None else None
    if not unix:
        return unknown(say("no_listeners"), *([] if unix is not None else [say("no_unix_listeners")]))
    return look(facts, "sockets").passed(
        say("no_listeners"), _unix_fine(unix), seen=unix, counted=moved(facts, "ListenOverflows", "ListenDrops")
    )


def _full_unix(facts: Facts, queued: list[UnixListener], bad: list[Socket], full: bool = True) -> Judgement:
    """connect() to a unix socket blocks, or fails with EAGAIN, once more wait than its maximum: nginx logs (11:
    Resource temporarily unavailable)."""
    evidence = [
        say(
            "unix_queue" if one.waiting > one.most else "unix_queue_busy",
            where=one.path or say("unnamed"),
            who=holder_name(one.owners[0] if one.owners else None),
            waiting=one.waiting,
            most=one.most,
        )
        for one in sorted(queued, key=lambda one: -one.waiting)[:4]
    ]
    evidence += [text for row in bad[:4] for text in (_queue(row), *_near(facts, row))]
    worst = max(queued, key=lambda one: one.waiting)
    shared = {
        "who": holder_name(worst.owners[0] if worst.owners else None),
        "where": worst.path,
        "waiting": worst.waiting,
        "most": worst.most,
        "proposed": proposed_backlog(worst.waiting),
    }
    pool = pool_at(facts, worst.path)
    more = pool_offers(pool, **shared)
    shown = (*evidence, *pool_evidence(pool))
    offers = (*more, offer("unix-backlog", **shared))
    return failed(*shown, offers=offers) if full else warned(*shown, offers=offers)


def _queue(row: Socket) -> str:
    return say(
        "queue",
        where=row.local,
        who=holder_name(owner_of(row)),
        waiting=row.recv_q,
        most=row.send_q,
        drops=row.drops if row.drops is not None else "?",
        moved=row.new_drops,
    )


def _near(facts: Facts, row: Socket) -> list[str]:
    """What keeps the process from accepting: its descriptors, or only that it does not call accept()."""
    owner = owner_of(row)
    found = []
    waiting = Counter(
        other.state
        for other in (facts.sockets.rows if facts.sockets is not None else ())
        if other.local.port == row.local.port and other.owner_missing == "not yet accepted" and other.state != "LISTEN"
    )
    if waiting:
        states = ", ".join(f"{state} {count}" for state, count in waiting.most_common())
        found.append(say("queue_waiting", states=states))
    process = (
        next((one for one in facts.processes.rows if owner and one.pid == owner.pid), None) if facts.processes else None
    )
    if process is not None and process.open_files is not None and process.soft_limit:
        share = process.open_files / process.soft_limit
        code = "queue_fds_full" if share >= 0.95 else "queue_fds"
        found.append(say(code, who=holder_name(owner), used=process.open_files, limit=process.soft_limit))
    return found


def _queue_offers(facts: Facts, row: Socket) -> tuple[Offer, ...]:
    somaxconn = facts.sysctl("net.core.somaxconn") or 4096
    proposed = proposed_backlog(row.recv_q)
    owner = owner_of(row)
    shared = {
        "who": holder_name(owner),
        "pid": owner.pid if owner else "PID",
        "where": row.local,
        "port": row.local.port,
        "waiting": row.recv_q,
        "most": row.send_q,
        "somaxconn": somaxconn,
        "proposed": proposed,
        "proposed_somaxconn": max(somaxconn, proposed),
    }
    capped = row.send_q >= somaxconn
    names = ["serve-faster", "accept-faster", "topic:backlog", "backlog-nginx"]
    if capped or proposed > somaxconn:
        names = [*names, "somaxconn-now", "somaxconn"]
    more = pool_offers(_pool_of(facts, row), **shared)
    return (*more, *offers_for(identity_of(facts, owner), names, **shared))


def _pool_of(facts: Facts, row: Socket) -> ServiceSetting | None:
    owner = owner_of(row)
    return pool_at(facts, "", row.local.port) if owner is not None and owner.name.startswith("php-fpm") else None


def proposed_backlog(waiting: int) -> int:
    """A power of two of at least four times what waits now; 1024 at least, 65535 at most."""
    return int(min(65535, 1 << max(10, (4 * waiting - 1).bit_length())))


@check("listen-counters", needs=("sockets",), everywhere=True)
def listen_counters(facts: Facts, **given: Any) -> Judgement:
    """ListenOverflows and ListenDrops: moving now is a failure, old figures are only history."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    if not facts.sockets.totals:
        return unknown(say("no_counters"))
    overflows = facts.sockets.counters.get("ListenOverflows", 0)
    sentence = say(
        "listen_counters",
        moved=overflows,
        elapsed=f"{facts.sockets.elapsed_s:.1f}",
        total=facts.sockets.totals.get("ListenOverflows", 0),
        drops=facts.sockets.totals.get("ListenDrops", 0),
    )
    port = facts.number("port")
    if overflows and port is not None and not any(row.new_drops for row in listeners_of(facts)):
        return warned(sentence, say("listen_elsewhere", port=port))
    if overflows:
        return failed(sentence)
    counters_seen = counted_of(facts, "InSegs", "ListenOverflows", "ListenDrops")
    return look(facts, "sockets").passed(sentence, seen=counters_seen, counted=moved(facts, "ListenDrops"))


@check("backlog-settings", needs=("sockets", "kernel"))
def backlog_settings(facts: Facts, **given: Any) -> Judgement:
    """Listeners with a backlog so small that a short burst fills it, and tcp_abort_on_overflow."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    somaxconn, abort = facts.sysctl("net.core.somaxconn"), facts.sysctl("net.ipv4.tcp_abort_on_overflow")
    small = [row for row in listeners_of(facts) if 0 < row.send_q < 64 and row.recv_q >= row.send_q / 2]
    capped = [row for row in listeners_of(facts) if somaxconn and row.send_q == somaxconn and somaxconn < 1024]
    evidence = [say("somaxconn", somaxconn=somaxconn)]
    evidence += [
        say("backlog_small", where=row.local, who=holder_name(owner_of(row)), most=row.send_q) for row in small[:3]
    ]
    evidence += [say("backlog_capped", where=row.local, somaxconn=somaxconn) for row in capped[:3]]
    offers: tuple[Offer, ...] = ()
    if abort:
        evidence.append(say("abort_on_overflow"))
        offers = (offer("no-abort-on-overflow"),)
    if small or abort:
        return warned(*evidence, offers=offers)
    untold = sum(1 for row in listeners_of(facts) if row.backlog_max is None)
    return look(facts, "sockets", "kernel").passed(*evidence, seen=listeners_of(facts), hidden=untold)
