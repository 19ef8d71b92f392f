"""Findings on connections that one side closed and the other does not: CLOSE-WAIT here, FIN-WAIT-2 for those there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from capture.language import count_of
from capture.model import Finding, Severity
from capture.sockets import inet_diag_msg as diag
from capture.sockets.findings.descriptor_findings import descriptors_left
from capture.sockets.findings.finding_words import (
    age_text,
    at_text,
    finding,
    growth_text,
    peers_text,
    per_minute,
    phrase,
    pile_holder,
    room_text,
    seconds_left,
    since_text,
)
from capture.sockets.findings.look_history import Looks, NamespaceRule
from capture.sockets.findings.piles import (
    Pile,
    by_held_remote,
    by_hidden_user,
    by_host,
    by_leader,
    by_local_port,
    by_service,
    common_port,
    hosts_of,
    pile_up,
)
from capture.sockets.row import NOT_ACCEPTED, SocketRow
from capture.sockets.state_durations import key_of
from capture.sockets.watched_namespace import WatchedNamespace

ASKED = 64
"""Rows of a pile that are asked for their last data (5 µs each): spread over it, they tell for the rest."""
POOL_S, TOGETHER_S = 10.0, 2.0
"""A pool whose peer closed all its connections at once is reaped every so often, and then they go: a warning only once
they have stayed that long, or where more come."""
PORT, WORKERS = 1, 3
"""Levels of piles of CLOSE-WAIT: those up to PORT were a service's here; of WORKERS each holds one or two connections
to one service, and uses up nothing."""
FLOWING_S = 30.0
"""Data of the last half minute, later than the close: a half-closed download that goes on."""


def close_wait(looks: Looks, namespace: WatchedNamespace) -> Iterator[Finding]:
    """Piles of CLOSE-WAIT by port that is listened on, or was, then by process, then by the peer's service, which many
    workers may hold one of each, then by the user of hidden ones.

    Not counted: what waits to be accepted (the accept queue's matter), has bytes to send, or still sends.
    """
    limits = looks.thresholds
    rows = [
        row
        for row in _left_behind(namespace, diag.CLOSE_WAIT, limits.close_wait_s, looks.now)
        if not row.send_q and row.owner_missing != NOT_ACCEPTED
    ]
    # in the order of levels: PORT is the second, WORKERS the fourth
    keys = (by_service(namespace), by_local_port, by_leader, by_held_remote, by_hidden_user)
    for pile in pile_up(rows, keys, limits.close_wait_sockets):
        if (idle := _idle(namespace, pile)) is not None and len(idle.rows) >= limits.close_wait_sockets:
            yield _close_wait_pile(looks, namespace, idle)


def _close_wait_pile(looks: Looks, namespace: WatchedNamespace, pile: Pile) -> Finding:
    limits, rows, oldest = looks.thresholds, pile.rows, pile.rows[0]
    rate = looks.trends.rate(("close_wait", namespace.netns, pile.key), len(rows), looks.now)
    left = descriptors_left(pile.process)
    lasting = oldest.age_s >= limits.close_wait_critical_s and pile.level != WORKERS
    critical = lasting or (left is not None and left < len(rows) / 4)
    port = common_port(rows)
    severity = Severity.CRITICAL if critical else Severity.INFO if _may_be_a_pool(pile, rate) else Severity.WARNING
    return finding(
        "close_wait_pile",
        severity,
        rows,
        {
            "pid": pile.process.pid if pile.process and not pile.others else None,
            "process": pile_holder(pile),
            "processes": pile.others + 1,
            "port": port,
            "count": len(rows),
            "oldest_s": round(oldest.age_s, 3),
            "oldest_is_minimum": oldest.age_is_minimum,
            "peers": hosts_of(rows)[:3],
            "hosts": len(hosts_of(rows)),
            "open_files": pile.process.open_files if pile.process else None,
            "soft_limit": pile.process.soft_limit if pile.process else None,
            "descriptors_left": left,
            "per_minute": per_minute(rate),
            "limit_in_s": seconds_left(left, rate),
        },
        {
            "connections": count_of(len(rows), "connection"),
            "at": at_text(rows, port),
            "since": since_text(looks.time - oldest.age_s, oldest.age_is_minimum),
            "oldest": age_text(oldest.age_s, oldest.age_is_minimum),
            "peers": peers_text(rows, hosts_of(rows), port),
            "growth": growth_text(rate),
            "room": room_text("room_descriptors", left, rate) if not pile.others else "",
        },
    )


def _may_be_a_pool(pile: Pile, rate: float | None) -> bool:
    """Connections that this machine opened (not a service's here), all closed by their peers a moment ago."""
    oldest, youngest = pile.rows[0].age_s, pile.rows[-1].age_s
    return pile.level > PORT and oldest < POOL_S and oldest - youngest < TOGETHER_S and (rate is None or rate <= 0)


def fin_wait_2(looks: Looks, namespace: WatchedNamespace) -> Iterator[Finding]:
    """Piles of FIN-WAIT-2 toward one host; then those that a process still holds, by port and process, toward many.

    Those that no process holds end by themselves: spread over many hosts they are a server's daily business, and only
    tell something where most clients of a port behave so.
    """
    limits = looks.thresholds
    rows = [row for row in _left_behind(namespace, diag.FIN_WAIT_2, limits.fin_wait_2_s, looks.now) if not row.send_q]
    held, orphans = [row for row in rows if row.inode], [row for row in rows if not row.inode]
    least = limits.fin_wait_2_sockets
    piles = pile_up(rows, (by_host,), least)
    taken = {row for pile in piles for row in pile.rows}
    piles += pile_up(
        [row for row in held if row not in taken], (by_service(namespace), by_leader, by_hidden_user), least
    )
    for pile in piles:
        if (idle := _idle(namespace, pile)) is not None and len(idle.rows) >= least:
            yield _fin_wait_2_pile(looks, namespace, idle)
    lasting = [row for row in orphans if row not in taken and row.age_s >= limits.fin_wait_2_spread_s]
    for pile in pile_up(lasting, (by_service(namespace),), limits.fin_wait_2_spread):
        closed = namespace.aggregates.local_port_states(diag.local_port(pile.rows[0].raw)).get(diag.TIME_WAIT, 0)
        if len(pile.rows) >= closed / 2:
            yield _fin_wait_2_pile(looks, namespace, pile)


def _fin_wait_2_pile(looks: Looks, namespace: WatchedNamespace, pile: Pile) -> Finding:
    rows, oldest = pile.rows, pile.rows[0]
    rate = looks.trends.rate(("fin_wait_2", namespace.netns, pile.key), len(rows), looks.now)
    hosts, port = hosts_of(rows), common_port(rows)
    orphans = sum(1 for row in rows if not row.inode)
    listener = looks.listener_on(namespace, diag.local_port(oldest.raw))
    facts: dict[str, object] = {
        "host": hosts[0] if len(hosts) == 1 else None,
        "hosts": len(hosts),
        "pid": pile.process.pid if pile.process and not pile.others else None,
        "process": pile_holder(pile, listener),
        "port": port,
        "count": len(rows),
        "orphans": orphans,
        "oldest_s": round(oldest.age_s, 3),
        "fin_timeout": namespace.settings.tcp_fin_timeout,
        "per_minute": per_minute(rate),
    }
    known = pile.process is not None or (listener is not None and orphans == len(rows))
    words = {
        "of": phrase("of_process", process=facts["process"]) if known else "",
        "connections": count_of(len(rows), "connection"),
        "peers": peers_text(rows, hosts, port),
        "at": at_text(rows, port),
        "since": since_text(looks.time - oldest.age_s, oldest.age_is_minimum),
        "oldest": age_text(oldest.age_s, oldest.age_is_minimum),
        "growth": growth_text(rate),
    }
    mirrored = looks.mirrored(namespace, rows, lambda there: there.aggregates.by_state[diag.CLOSE_WAIT])
    words["other_end"] = phrase("other_end") if mirrored else ""
    return finding("fin_wait_2_pile", Severity.INFO if mirrored else Severity.WARNING, rows, facts, words)


def _left_behind(namespace: WatchedNamespace, state: int, least: float, now: float) -> Iterable[SocketRow]:
    """Rows that are in a state for clearly longer than those of their service that left it."""
    residence, listening = namespace.residence, namespace.aggregates.listening
    return (
        row
        for row in namespace.aggregates.by_state[state]
        if row.age_s >= least and row.age_s >= residence.patience(key_of(row.raw, state, listening), least, now)
    )


def _idle(namespace: WatchedNamespace, pile: Pile) -> Pile | None:
    """The pile without those over which data still flows; of a large one a sample decides. None where most flow."""
    rows = pile.rows
    step = max(1, len(rows) // ASKED)
    flowing = {row for row in rows[::step] if row.inode and _flows(namespace, row)}
    if 2 * len(flowing) > len(rows[::step]):
        return None
    return Pile([row for row in rows if row not in flowing], pile.level, pile.key, pile.process, pile.others)


def _flows(namespace: WatchedNamespace, row: SocketRow) -> bool:
    info = namespace.detail(row)
    if info is None:
        return False
    last = (info.last_data_sent if row.raw[1] == diag.CLOSE_WAIT else info.last_data_received) / 1000
    return last < FLOWING_S and last + 0.5 < row.age_s


NAMESPACE_RULES: tuple[NamespaceRule, ...] = (
    close_wait,
    fin_wait_2,
)
