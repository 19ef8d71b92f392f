"""Findings on processes of this machine that do not read what has arrived for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from capture.language import count_of
from capture.model import Finding, Severity
from capture.sockets import inet_diag_msg as diag
from capture.sockets.findings.finding_words import (
    age_text,
    at_text,
    finding,
    peers_text,
    phrase,
    pile_holder,
    since_text,
)
from capture.sockets.findings.look_history import Looks, NamespaceRule
from capture.sockets.findings.piles import Pile, by_hidden_user, by_leader, common_port, hosts_of, pile_up
from capture.sockets.row import SocketRow
from capture.sockets.watched_namespace import WatchedNamespace

ASK_AT_MOST = 300


def readers(looks: Looks, namespace: WatchedNamespace) -> Iterator[Finding]:
    """Processes with bytes unread for long: on several connections, or on one whose queue is full."""
    limits = looks.thresholds
    stalled = _stalled(looks, namespace)
    for pile in pile_up(stalled, (by_leader, by_hidden_user), 1):
        longest = max(stalled[row] for row in pile.rows)
        unread = max(row.recv_q for row in pile.rows)
        many = len(pile.rows) >= limits.reader_sockets
        if _left_behind(pile, limits.close_wait_sockets):
            continue
        if many or (longest >= limits.reader_single_s and unread >= limits.reader_bytes):
            yield _reader(looks, namespace, pile, longest)
    slow = _slow(looks, namespace, stalled)
    for pile in pile_up(slow, (by_leader, by_hidden_user), limits.reader_sockets):
        yield _reader(
            looks, namespace, pile, max(slow[row][0] for row in pile.rows), [slow[row][1] for row in pile.rows]
        )


def _left_behind(pile: Pile, many: int) -> bool:
    """Whether the peers of nearly all have closed: then they are a pile of CLOSE-WAIT, whatever lies unread in them."""
    closed = sum(row.raw[1] == diag.CLOSE_WAIT for row in pile.rows)
    return closed >= many and closed >= 0.9 * len(pile.rows)


def _stalled(looks: Looks, namespace: WatchedNamespace) -> dict[SocketRow, float]:
    """{row: seconds} of those whose unread bytes have lain there for long: the same number since then, or, where the
    look is too young to know, at least since the last data came."""
    limits, found, asked = looks.thresholds, {}, 0
    for row, since in namespace.aggregates.unread.items():
        raw = row.raw
        if not row.inode or (raw[1] == diag.CLOSE_WAIT and row.recv_q <= 1):
            continue  # not accepted: the accept queue's matter; a FIN alone counts as one byte
        if looks.now - since >= limits.reader_s:
            found[row] = looks.now - since
        elif since <= namespace.first_look and asked < ASK_AT_MOST:
            asked += 1
            info = namespace.detail(row)
            if info is not None and info.last_data_received / 1000 >= limits.reader_s:
                found[row] = info.last_data_received / 1000
    return found


def _slow(
    looks: Looks, namespace: WatchedNamespace, stalled: Mapping[SocketRow, float]
) -> dict[SocketRow, tuple[float, float]]:
    """{row: (seconds, bytes a second)} of those whose queue is full all the while though their process reads: at this
    pace what lies there takes it long. One that is only behind takes a fraction of a second."""
    limits, found, asked = looks.thresholds, dict[SocketRow, tuple[float, float]](), 0
    for row in namespace.aggregates.unread:
        if row.recv_q < limits.reader_bytes or not row.inode:
            continue
        if asked == ASK_AT_MOST:
            break
        asked += 1
        info = namespace.asked.get(row) or namespace.detail(row)
        if info is None or info.bytes_received is None:
            continue
        key = ("read", namespace.netns, row.cookie)
        rate = looks.trends.rate(key, info.bytes_received - row.recv_q, looks.now)
        since = looks.trends.since(key)
        if rate is None or since is None:
            continue
        # since the last data came the queue has only become shorter
        full_s = max(looks.now - since, info.last_data_received / 1000)
        if row not in stalled and full_s >= limits.reader_s and rate > 0 and row.recv_q >= rate * limits.reader_drain_s:
            found[row] = (full_s, rate)
    return found


def _reader(
    looks: Looks, namespace: WatchedNamespace, pile: Pile, longest: float, rates: Sequence[float] | None = None
) -> Finding:
    """`rates`: bytes a second that are read of each row; None where nothing is."""
    rows = pile.rows
    port, hosts = common_port(rows), hosts_of(rows)
    closed = looks.news[namespace].counters.get("TCPToZeroWindowAdv", 0)
    facts: dict[str, object] = {
        "pid": pile.process.pid if pile.process else None,
        "process": pile_holder(pile),
        "port": port,
        "host": hosts[0] if len(hosts) == 1 else None,
        "hosts": len(hosts),
        "count": len(rows),
        "bytes": sum(row.recv_q for row in rows),
        "oldest_s": round(longest, 3),
        "windows_closed": closed,
    }
    words = {
        "connections": count_of(len(rows), "connection"),
        "peers": peers_text(rows, hosts, port),
        "at": at_text(rows, port),
        "since": since_text(looks.time - longest, True),
        "oldest": age_text(longest, True),
        "closed": phrase("windows_closed", closed=count_of(closed, "window")) if closed else "",
    }
    # Where their senders get no answer at all, that is the fault.
    mirrored = looks.mirrored(namespace, rows, lambda there: _unanswered(there, looks.thresholds.retransmissions))
    words["other_end"] = phrase("other_end") if mirrored else ""
    severity = Severity.INFO if mirrored else Severity.WARNING
    if rates is None:
        return finding("reader_stalled", severity, rows, facts, words)
    pace = sum(rates)
    facts["bytes_a_second"] = round(pace, 1)
    words |= {"rate": f"{pace:,.0f}", "drain": age_text(sum(row.recv_q for row in rows) / pace)}
    return finding("reader_stalled", severity, rows, facts, words, text_of="reader_slow")


def _unanswered(namespace: WatchedNamespace, least: int) -> Iterator[SocketRow]:
    return (row for row in namespace.aggregates.timed if row.raw[2] == diag.TIMER_ON and row.raw[3] >= least)


NAMESPACE_RULES: tuple[NamespaceRule, ...] = (readers,)
