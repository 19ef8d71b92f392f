"""Findings on listeners: accept queues that are full or overflowed, handshakes that stay half open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from capture.model import Finding, Severity
from capture.sockets import wireform as form
from capture.sockets.place import News, Place
from capture.sockets.row import SocketRow
from capture.sockets.thresholds import Thresholds
from capture.sockets.wording import finding, holder_text, phrase


def accept_queues(place: Place, news: News, limits: Thresholds) -> tuple[list[Finding], set[int]]:
    """Listeners whose accept queue holds more than its maximum, or dropped something since the last look; and their
    ports, for half-open connections on those have this one cause."""
    found, ports = [], set()
    half_open_on = _half_open_by_port(place)
    overflowed = news.counters.get("ListenOverflows", 0) > 0
    for row in place.listeners.rows.values():
        most, moved = row.backlog_max, news.drops.get(row, 0)
        full = most is not None and row.recv_q > limits.accept_queue_share * most
        if not full and not (moved and overflowed):
            continue
        ports.add(row.local.port)
        found.append(_accept_queue(row, full, moved, len(half_open_on.get(row.local.port, ()))))
    return found, ports


def _accept_queue(row: SocketRow, full: bool, moved: int, half_open: int) -> Finding:
    owner = row.owners[0] if row.owners else None
    return finding(
        "accept_queue_full",
        Severity.CRITICAL if moved or full else Severity.WARNING,
        [row],
        {
            "listener": str(row.local),
            "port": row.local.port,
            "pid": owner.pid if owner else None,
            "process": holder_text(row),
            "backlog": row.recv_q,
            "backlog_max": row.backlog_max,
            "drops": row.drops,
            "moved_drops": moved,
            "syn_recv": half_open,
        },
        {"moved": phrase("moved", moved_drops=moved) if moved else ""},
        count=row.recv_q,
        text_of=None if full else "accept_queue_overflowed",
    )


def unix_accept_queues(place: Place) -> Iterator[Finding]:
    """Unix listeners whose accept queue is over its maximum: connect() blocks there, or fails with EAGAIN."""
    for listener in place.unix.rows.values():
        if listener.waiting <= listener.most:
            continue
        owner = listener.owners[0] if listener.owners else None
        facts: dict[str, object] = {
            "listener": listener.path or phrase("unnamed"),
            "pid": owner.pid if owner else None,
            "process": holder_text(listener),
            "backlog": listener.waiting,
            "backlog_max": listener.most,
        }
        yield finding(
            "accept_queue_full", Severity.CRITICAL, [], facts, count=listener.waiting, text_of="unix_queue_full"
        )


def half_open(place: Place, limits: Thresholds, excused: set[int]) -> Iterator[Finding]:
    """Ports with many connections that wait for the client's part of the handshake for longer than a round trip."""
    smallest: dict[int, int] = {}
    for row in place.listeners.rows.values():
        if row.backlog_max is not None:
            smallest[row.local.port] = min(row.backlog_max, smallest.get(row.local.port, row.backlog_max))
    for port, rows in _half_open_by_port(place).items():
        stale = [row for row in rows if row.age_s >= limits.syn_recv_s]
        wanted = limits.syn_recv_sockets
        if port in smallest:
            wanted = min(wanted, max(8, int(limits.syn_recv_share * smallest[port])))
        if port in excused or len(stale) < wanted:
            continue
        yield finding(
            "syn_recv_pile",
            Severity.CRITICAL,
            stale,
            {
                "port": port,
                "count": len(rows),
                "stale": len(stale),
                "seconds": limits.syn_recv_s,
                "hosts": len({row.remote.ip for row in stale}),
                "tcp_syncookies": place.settings.tcp_syncookies,
                "tcp_max_syn_backlog": place.settings.tcp_max_syn_backlog,
                "backlog_max": smallest.get(port),
            },
            {"cookies": phrase("on" if place.settings.tcp_syncookies else "off")},
            count=len(rows),
        )


def syn_queue_full(place: Place, news: News, limits: Thresholds) -> Iterator[Finding]:
    """SYNs that found no room between the two looks: with SYN cookies a flood leaves no other trace."""
    cookies, dropped = news.counters.get("TCPReqQFullDoCookies", 0), news.counters.get("TCPReqQFullDrop", 0)
    if cookies + dropped < limits.syn_queue_full:
        return
    by_port = _half_open_by_port(place)
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


def _half_open_by_port(place: Place) -> dict[int, list[SocketRow]]:
    by_port: dict[int, list[SocketRow]] = defaultdict(list)
    for state in (form.SYN_RECV, form.NEW_SYN_RECV):
        for row in place.aggregates.by_state[state]:
            by_port[row.local.port].append(row)
    return by_port
