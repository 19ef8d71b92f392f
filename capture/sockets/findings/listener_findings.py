"""Findings on listeners: accept queues that are full, overflowed or do not move, handshakes that stay half open."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from capture.language import count_of
from capture.model import Finding, Severity
from capture.sockets import inet_diag_msg as diag
from capture.sockets.findings.finding_words import (
    age_text,
    finding,
    holder_text,
    hosts_text,
    named_text,
    phrase,
    since_text,
    with_others,
)
from capture.sockets.findings.look_history import Looks, NamespaceRule
from capture.sockets.findings.piles import hosts_of
from capture.sockets.row import NOT_ACCEPTED, SocketRow
from capture.sockets.watched_namespace import WatchedNamespace

_WILDCARDS = (b"\0" * 4, b"\0" * 16)


class HalfOpen(Protocol):
    """A socket in SYN-RECV."""

    @property
    def answered(self) -> bool:
        """Whether its client did its part (SocketRow.answered)."""

    @property
    def unanswered(self) -> int:
        """How often its SYN-ACK was sent again."""


HalfOpenSocket = TypeVar("HalfOpenSocket", bound=HalfOpen)


def owed_by_clients(rows: list[HalfOpenSocket]) -> list[HalfOpenSocket]:
    """Those of a port's half-open connections whose clients owe their part of the handshake. Where the listener waits
    for data, those too young to tell are left out."""
    return [row for row in rows if row.unanswered] if any(row.answered for row in rows) else rows


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Connections of one port that nobody has accepted for long, the oldest first."""

    rows: list[SocketRow]

    @property
    def closed(self) -> int:
        """How many of them their clients have closed meanwhile."""
        return sum(1 for row in self.rows if row.raw[1] == diag.CLOSE_WAIT)


def queues_and_half_open(looks: Looks, namespace: WatchedNamespace) -> Iterator[Finding]:
    """Accept queues, and half-open connections on ports whose queue does not explain them."""
    queues, ports = accept_queues(looks, namespace)
    yield from queues
    yield from half_open(looks, namespace, ports)


def accept_queues(looks: Looks, namespace: WatchedNamespace) -> tuple[list[Finding], set[int]]:
    """Listeners whose accept queue is over its maximum, dropped something since the last look, or holds connections
    that nobody accepts; and the ports of the first two, for half-open connections on those have this one cause."""
    found, ports = [], set()
    news, limits = looks.news[namespace], looks.thresholds
    half_open_on = _half_open_by_port(namespace)
    waiting_at = _waiting(namespace, limits.accept_wait_s)
    overflowed = news.counters.get("ListenOverflows", 0) > 0
    for row in namespace.listeners.rows.values():
        most, moved = row.backlog_max, news.drops.get(row, 0)
        full = most is not None and row.recv_q > limits.accept_queue_share * most
        waiting = _Waiting(_at(row, waiting_at) if row.recv_q else [])
        if full or (moved and overflowed):
            ports.add(row.local.port)
            found.append(_accept_queue(row, full, moved, len(half_open_on.get(row.local.port, ())), waiting))
        elif waiting.rows:
            found.append(_stuck(looks, row, waiting))
    return found, ports


def _waiting(namespace: WatchedNamespace, least: float) -> dict[bytes, list[SocketRow]]:
    """{local address and port: connections not accepted for at least so long}."""
    found: dict[bytes, list[SocketRow]] = defaultdict(list)
    for row in namespace.aggregates.unaccepted:
        if row.age_s >= least and row.owner_missing == NOT_ACCEPTED:
            found[diag.local_address(row.raw) + diag.local_port(row.raw)].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: row.since)
    return found


def _at(listener: SocketRow, waiting: dict[bytes, list[SocketRow]]) -> list[SocketRow]:
    address, port = diag.local_address(listener.raw), diag.local_port(listener.raw)
    if address not in _WILDCARDS:
        return waiting.get(address + port, [])
    return [row for key, rows in waiting.items() if key[-2:] == port for row in rows]


def _facts(row: SocketRow, waiting: _Waiting) -> dict[str, object]:
    owner = row.owners[0] if row.owners else None
    return {
        "listener": str(row.local),
        "port": row.local.port,
        "pid": owner.pid if owner else None,
        "process": holder_text(row),
        "backlog": row.recv_q,
        "backlog_max": row.backlog_max,
        "drops": row.drops,
        "waiting": len(waiting.rows),
        "closed": waiting.closed,
        "oldest_s": round(waiting.rows[0].age_s, 3) if waiting.rows else None,
    }


def _accept_queue(row: SocketRow, full: bool, moved: int, half_open: int, waiting: _Waiting) -> Finding:
    oldest = phrase("waited", oldest=age_text(waiting.rows[0].age_s)) if waiting.rows else ""
    return finding(
        "accept_queue_full",
        Severity.CRITICAL if moved or full else Severity.WARNING,
        [row],
        _facts(row, waiting) | {"moved_drops": moved, "syn_recv": half_open},
        {
            "moved": phrase("moved", moved_drops=moved) if moved else "",
            "connections": count_of(row.recv_q, "connection"),
            "attempts": count_of(moved, "connection attempt"),
            "waited": oldest,
        },
        count=row.recv_q,
        text_of=None if full else "accept_queue_overflowed",
    )


def _stuck(looks: Looks, row: SocketRow, waiting: _Waiting) -> Finding:
    """The queue is served in order: its oldest has waited as long as nobody came for it."""
    limits, oldest = looks.thresholds, waiting.rows[0]
    many = len(waiting.rows) >= limits.accept_wait_many or oldest.age_s >= limits.accept_wait_critical_s
    # One alone may be all that a program which serves one after the other leaves waiting.
    severity = Severity.INFO if len(waiting.rows) == 1 else Severity.CRITICAL if many else Severity.WARNING
    process = row.owners[0].process if row.owners else None
    used_up = (
        process is not None and process.open_files is not None and process.open_files >= (process.soft_limit or 1 << 40)
    )
    words = {
        "connections": count_of(row.recv_q, "connection"),
        "oldest": age_text(oldest.age_s),
        "since": since_text(looks.time - oldest.age_s),
        "most": str(row.backlog_max) if row.backlog_max is not None else phrase("unknown"),
        "peers": hosts_text(hosts_of(waiting.rows)),
        "gone": phrase("clients_gone", gone=waiting.closed) if waiting.closed else "",
        "why": phrase("descriptors_used_up", soft_limit=process.soft_limit) if process and used_up else "",
    }
    facts = _facts(row, waiting)
    return finding("accept_queue_stuck", severity, [row, *waiting.rows], facts, words, count=row.recv_q)


def unix_accept_queues(looks: Looks, namespace: WatchedNamespace) -> Iterator[Finding]:
    """Unix listeners whose accept queue is over its maximum (connect() blocks there, or fails with EAGAIN), or whose
    first in the queue nobody fetches."""
    for listener in namespace.unix.rows.values():
        waited, full = listener.waited(looks.now), listener.waiting > listener.most
        stuck = waited >= looks.thresholds.accept_wait_s
        if not full and not stuck:
            continue
        owner = listener.owners[0] if listener.owners else None
        facts: dict[str, object] = {
            "listener": listener.path or phrase("unnamed"),
            "pid": owner.pid if owner else None,
            "process": holder_text(listener),
            "backlog": listener.waiting,
            "backlog_max": listener.most,
            "oldest_s": round(waited, 3),
        }
        words = {
            "connections": count_of(listener.waiting, "connection"),
            "waited": phrase("waited", oldest=age_text(waited, True)) if stuck else "",
        }
        code = "full" if full else "stuck"
        severity = Severity.CRITICAL if full else Severity.INFO if listener.waiting == 1 else Severity.WARNING
        yield finding(
            f"accept_queue_{code}", severity, [], facts, words, count=listener.waiting, text_of=f"unix_queue_{code}"
        )


def half_open(looks: Looks, namespace: WatchedNamespace, excused: set[int]) -> Iterator[Finding]:
    """Ports with many connections that wait for the client's part of the handshake for longer than a round trip; those
    of all other ports together, where they are as many."""
    limits = looks.thresholds
    smallest: dict[int, int] = {}
    for row in namespace.listeners.rows.values():
        if row.backlog_max is not None:
            smallest[row.local.port] = min(row.backlog_max, smallest.get(row.local.port, row.backlog_max))
    left: list[SocketRow] = []
    for port, rows in _unanswered_by_port(namespace).items():
        stale = [row for row in rows if row.age_s >= limits.syn_recv_s]
        wanted = limits.syn_recv_sockets
        if port in smallest:
            wanted = min(wanted, max(8, int(limits.syn_recv_share * smallest[port])))
        if port in excused:
            continue
        if len(stale) < wanted:
            left += stale
            continue
        listener = looks.listener_on(namespace, diag.local_port(rows[0].raw))
        holder = holder_text(listener) if listener is not None else phrase("nobody")
        facts: dict[str, object] = {"port": port, "backlog_max": smallest.get(port), "process": holder}
        where = phrase("on_port", port=port) + phrase("of_process", process=holder)
        yield _half_open(looks, namespace, stale, len(rows), facts, {"where": where})
    if len(left) >= limits.syn_recv_sockets:
        yield _half_open_over_ports(looks, namespace, left)


def _half_open_over_ports(looks: Looks, namespace: WatchedNamespace, left: list[SocketRow]) -> Finding:
    ports = sorted({row.local.port for row in left})
    listeners = [looks.listener_on(namespace, port.to_bytes(2, "big")) for port in ports]
    holders = Counter(holder_text(one) for one in listeners if one is not None).most_common()
    process = with_others(holders[0][0], len(holders) - 1) if holders else phrase("nobody")
    where = phrase("on_ports", ports=len(ports), named=named_text([str(port) for port in ports]))
    words = {"where": where + phrase("of_process", process=process)}
    facts: dict[str, object] = {"port": None, "ports": len(ports), "process": process}
    return _half_open(looks, namespace, left, len(left), facts, words)


def _half_open(
    looks: Looks,
    namespace: WatchedNamespace,
    stale: list[SocketRow],
    count: int,
    facts: dict[str, object],
    words: dict[str, str],
) -> Finding:
    hosts, oldest = hosts_of(stale), max(row.age_s for row in stale)
    shared: dict[str, object] = {
        "count": count,
        "stale": len(stale),
        "seconds": looks.thresholds.syn_recv_s,
        "hosts": len(hosts),
        "tcp_syncookies": namespace.settings.tcp_syncookies,
        "tcp_max_syn_backlog": namespace.settings.tcp_max_syn_backlog,
    }
    said = {
        "connections": count_of(count, "half-open connection"),
        "cookies": phrase("on" if namespace.settings.tcp_syncookies else "off"),
        "addresses": hosts_text(hosts),
        "since": since_text(looks.time - oldest),
        "oldest": age_text(oldest),
    }
    return finding("syn_recv_pile", Severity.CRITICAL, stale, shared | facts, said | words, count=count)


def syn_queue_full(looks: Looks, namespace: WatchedNamespace) -> Iterator[Finding]:
    """SYNs that found no room between the two looks: with SYN cookies a flood leaves no other trace."""
    counters = looks.news[namespace].counters
    cookies, dropped = counters.get("TCPReqQFullDoCookies", 0), counters.get("TCPReqQFullDrop", 0)
    if cookies + dropped < looks.thresholds.syn_queue_full:
        return
    by_port = _half_open_by_port(namespace)
    port = max(by_port, key=lambda port: len(by_port[port]), default=None)
    facts: dict[str, object] = {
        "port": port,
        "count": cookies + dropped,
        "cookies": cookies,
        "dropped": dropped,
        "half_open": sum(map(len, by_port.values())),
    }
    words = {} if port is not None else {"port": phrase("no_port")}
    rows = by_port.get(port, []) if port is not None else []
    yield finding("syn_queue_full", Severity.WARNING, rows, facts, words, count=cookies + dropped)


def _unanswered_by_port(namespace: WatchedNamespace) -> dict[int, list[SocketRow]]:
    by_port = {port: owed_by_clients(rows) for port, rows in _half_open_by_port(namespace).items()}
    return {port: rows for port, rows in by_port.items() if rows}


def _half_open_by_port(namespace: WatchedNamespace) -> dict[int, list[SocketRow]]:
    by_port: dict[int, list[SocketRow]] = defaultdict(list)
    for state in (diag.SYN_RECV, diag.NEW_SYN_RECV):
        for row in namespace.aggregates.by_state[state]:
            by_port[row.local.port].append(row)
    return by_port


NAMESPACE_RULES: tuple[NamespaceRule, ...] = (
    queues_and_half_open,
    unix_accept_queues,
    syn_queue_full,
)
