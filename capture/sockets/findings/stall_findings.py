"""Findings on connections that do not move: closed windows, data, probes and SYNs without an answer, segments that do
not leave this machine, and processes here that do not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

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
from capture.sockets.findings.piles import Pile, by_host, by_leader, by_remote, common_port, hosts_of, pile_up
from capture.sockets.row import SocketRow
from capture.sockets.sources.tcpinfo import TcpInfo
from capture.sockets.watched_namespace import WatchedNamespace

ASK_AT_MOST = 500
"""Sockets asked singly in one look (5 µs each): of a larger pile the first tell enough."""
HOSTS_APART = 5
"""Up to this many hosts have a finding each; more share one."""
PAUSED_BEFORE_S = 3.0
"""A connection that its peer's window has held up for so long before pauses by habit."""
SILENT_S = 2.0
"""Neither answer nor fresh data for so long, though the window is open: longer than any pacing between two segments."""


@dataclass(slots=True)
class _Sorted:
    """The rows with a running timer, by what holds them up; seconds where they are known."""

    closed: dict[SocketRow, float] = field(default_factory=dict)
    paused_before: set[SocketRow] = field(default_factory=set)
    kept_here: dict[SocketRow, float] = field(default_factory=dict)
    unanswered: list[SocketRow] = field(default_factory=list)
    probed: list[SocketRow] = field(default_factory=list)
    connecting: list[SocketRow] = field(default_factory=list)


def stalls(looks: Looks, namespace: WatchedNamespace) -> Iterator[Finding]:
    """All kinds, by remote host."""
    kinds = _sorted(looks, namespace)
    yield from _closed_windows(looks, namespace, kinds)
    yield from _kept_here(looks, namespace, kinds.kept_here)
    yield from _unanswered(looks, namespace, kinds.unanswered)
    yield from _probed(looks, namespace, kinds.probed)
    yield from _connecting(looks, namespace, kinds.connecting)
    yield from _stuck(looks, namespace)


def _sorted(looks: Looks, namespace: WatchedNamespace) -> _Sorted:
    found, limits, asked = _Sorted(), looks.thresholds, 0
    for row in namespace.aggregates.timed:
        raw = row.raw
        if raw[2] == diag.TIMER_PERSIST:
            if row.send_q and asked < ASK_AT_MOST:
                asked += 1
                info = namespace.detail(row)
                stalled, here = _closed_for(info), _kept_here_for(info)
                if stalled is not None and stalled >= limits.zero_window_s:
                    found.closed[row] = stalled
                    if info is not None and (info.window_limited_us or 0) / 1e6 >= stalled + PAUSED_BEFORE_S:
                        found.paused_before.add(row)
                elif here is not None:
                    found.kept_here[row] = here
        elif raw[2] == diag.TIMER_KEEPALIVE:
            if raw[3] >= limits.keepalive_probes:
                found.probed.append(row)
        elif raw[1] == diag.SYN_SENT:
            if raw[3] >= limits.syn_sent_retransmissions:
                found.connecting.append(row)
        elif raw[1] not in (diag.SYN_RECV, diag.NEW_SYN_RECV) and raw[3] >= limits.retransmissions:
            found.unanswered.append(row)
    return found


def _closed_for(info: TcpInfo | None) -> float | None:
    """Seconds since a byte went out into a closed window; None where the window is open or unknown.

    The persist timer alone proves nothing: it runs for a paced sender too, whose window is open.
    """
    if info is None or info.unacked:
        return None
    window = info.send_window
    if window is None:
        # Kernels before 5.4 do not tell the window: probes that back off do.
        return info.last_data_sent / 1000 if info.backoff >= 3 and info.probes >= 1 else None
    return info.last_data_sent / 1000 if window < max(1, min(info.mss, 536)) else None


def _kept_here_for(info: TcpInfo | None) -> float | None:
    """Seconds since the last ACK of a connection whose window is open, that has nothing on the way and backs off all
    the same: the kernel could not hand its segments to the network (tcp_write_xmit fails, tcp_send_probe0 follows).
    None where that is not so."""
    if info is None or info.unacked or not info.send_window or info.send_window < max(1, min(info.mss, 536)):
        return None
    silent = info.last_ack_received / 1000
    return silent if info.backoff >= 2 and info.probes >= 1 and silent >= SILENT_S else None


def _closed_windows(looks: Looks, namespace: WatchedNamespace, kinds: _Sorted) -> Iterator[Finding]:
    limits, closed = looks.thresholds, kinds.closed
    for pile in _apart(list(closed)):
        longest = max(closed[row] for row in pile.rows)
        # A stream that pauses closes its window too, one or two at a time, and opens it again: players do all the time.
        news = [row for row in pile.rows if row not in kinds.paused_before]
        most = max(Counter(row.remote.ip for row in news).values(), default=0)
        lasting = longest >= limits.zero_window_pause_s or (
            most >= limits.zero_window_sockets
            and 2 * len(news) >= len(pile.rows)
            and max(closed[row] for row in news) >= limits.zero_window_many_s
        )
        mirrored = looks.mirrored(namespace, pile.rows, lambda there: there.aggregates.unread)
        words = {"other_end": phrase("other_end") if mirrored else ""}
        severity = Severity.WARNING if lasting and not mirrored else Severity.INFO
        yield _stall("zero_window_stall", severity, looks, namespace, pile, longest, words=words)


def _kept_here(looks: Looks, namespace: WatchedNamespace, kept: dict[SocketRow, float]) -> Iterator[Finding]:
    for pile in _apart(list(kept)):
        yield _stall(
            "segments_not_leaving", Severity.CRITICAL, looks, namespace, pile, max(kept[row] for row in pile.rows)
        )


def _unanswered(looks: Looks, namespace: WatchedNamespace, unanswered: list[SocketRow]) -> Iterator[Finding]:
    limits = looks.thresholds
    for pile in _apart(unanswered):
        rows = pile.rows
        # One connection to a host that vanished is everyday on the internet.
        lonely = len(rows) == 1 and rows[0].unanswered < 2 * limits.retransmissions
        link = looks.news[namespace].link_drops
        facts: dict[str, object] = {
            "retransmissions": limits.retransmissions,
            "most_retransmissions": max(row.unanswered for row in rows),
            "link_drops": link,
        }
        words = {"link": phrase("link_drops", dropped=sum(link.values()), links=", ".join(link)) if link else ""}
        severity = Severity.INFO if lonely else Severity.WARNING
        yield _stall("retransmitting", severity, looks, namespace, pile, _silence(namespace, rows), facts, words)


def _probed(looks: Looks, namespace: WatchedNamespace, probed: list[SocketRow]) -> Iterator[Finding]:
    for pile in _apart(probed):
        most = max(row.unanswered for row in pile.rows)
        severity = Severity.INFO if len(pile.rows) == 1 else Severity.WARNING
        yield _stall(
            "keepalive_unanswered", severity, looks, namespace, pile, _silence(namespace, pile.rows), {"probes": most}
        )


def _connecting(looks: Looks, namespace: WatchedNamespace, connecting: list[SocketRow]) -> Iterator[Finding]:
    """Toward one peer, then of one process toward many."""
    limits = looks.thresholds
    wanted = (limits.syn_sent_sockets, limits.syn_sent_spread, limits.syn_sent_spread)
    keys = (by_remote, by_leader, lambda row: row.remote.port)
    for pile in pile_up(connecting, keys, wanted):
        facts: dict[str, object] = {"retransmissions": limits.syn_sent_retransmissions}
        oldest = max(row.age_s for row in pile.rows)
        yield _stall("connect_unanswered", Severity.WARNING, looks, namespace, pile, oldest, facts)


def _stuck(looks: Looks, namespace: WatchedNamespace) -> Iterator[Finding]:
    """Bytes that stayed the same and unacknowledged though no other rule explains them."""
    limits, now, asked = looks.thresholds, looks.now, 0
    stuck = []
    for row, since in namespace.aggregates.queued.items():
        if now - since < limits.send_queue_s or row.raw[1] == diag.SYN_SENT or asked >= ASK_AT_MOST:
            continue
        if row.raw[2] == diag.TIMER_PERSIST or row.raw[3] >= limits.retransmissions:
            continue
        asked += 1
        info = namespace.detail(row)
        if info is not None and info.last_ack_received / 1000 >= limits.send_queue_s:
            stuck.append(row)
    for pile in _apart(stuck):
        longest = max(now - namespace.aggregates.queued[row] for row in pile.rows)
        yield _stall("send_queue_stuck", Severity.WARNING, looks, namespace, pile, longest)


def _stall(
    code: str,
    severity: Severity,
    looks: Looks,
    namespace: WatchedNamespace,
    pile: Pile,
    seconds: float | None,
    facts: dict[str, object] | None = None,
    words: dict[str, str] | None = None,
) -> Finding:
    rows, hosts = pile.rows, hosts_of(pile.rows)
    port = _port(rows)
    shared: dict[str, object] = {
        "host": hosts[0] if len(hosts) == 1 else None,
        "hosts": len(hosts),
        "port": port,
        "process": pile_holder(pile, looks.listener_on(namespace, diag.local_port(rows[0].raw))),
        "count": len(rows),
        "bytes": sum(row.send_q for row in rows),
        "oldest_s": None if seconds is None else round(seconds, 3),
    }
    said = {
        "connections": count_of(len(rows), "connection"),
        "sockets": count_of(len(rows), "socket"),
        "queues": count_of(len(rows), "send queue"),
        "attempts": count_of(len(rows), "connection attempt"),
        "peers": peers_text(rows, hosts, port),
        "at": at_text(rows, port),
        "oldest": phrase("unknown_time") if seconds is None else age_text(seconds),
        "since": phrase("unknown_time") if seconds is None else since_text(looks.time - seconds),
    }
    return finding(code, severity, rows, shared | (facts or {}), said | (words or {}))


def _silence(namespace: WatchedNamespace, rows: Sequence[SocketRow]) -> float | None:
    """For how long the longest silent one of the first rows had no ACK; None where nothing tells."""
    infos = [info for row in rows[:20] if (info := namespace.detail(row)) is not None]
    return max((info.last_ack_received / 1000 for info in infos), default=None)


def _apart(rows: list[SocketRow]) -> list[Pile]:
    """A pile for each host, or one for all where there are many: a lost uplink is one fault."""
    if not rows:
        return []
    if len({row.remote.ip for row in rows}) > HOSTS_APART:
        return pile_up(rows, (lambda row: True,), 1)
    return pile_up(rows, (by_host,), 1)


def _port(rows: list[SocketRow]) -> int | None:
    """The service's port: the local one if all share it, else the remote one."""
    if len(rows) == 1:
        return rows[0].remote.port
    return common_port(rows)


NAMESPACE_RULES: tuple[NamespaceRule, ...] = (stalls,)
