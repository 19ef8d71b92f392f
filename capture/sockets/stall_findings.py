"""Findings on connections that do not move: closed windows, retransmissions without an answer, unanswered SYNs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from capture.model import Finding, Severity
from capture.sockets import wireform as form
from capture.sockets.place import Place
from capture.sockets.row import SocketRow
from capture.sockets.tcpinfo import TcpInfo
from capture.sockets.thresholds import Thresholds
from capture.sockets.wording import age_text, finding, phrase

ASK_AT_MOST = 500
"""Sockets asked singly in one look (5 µs each): of a larger pile the first tell enough."""
HOSTS_APART = 5
"""Up to this many hosts have a finding each; more share one."""


def stalls(place: Place, limits: Thresholds) -> Iterator[Finding]:
    """All kinds, by remote host."""
    closed: list[tuple[SocketRow, float]] = []
    unanswered: list[SocketRow] = []
    connecting: dict[tuple[str, int], list[SocketRow]] = defaultdict(list)
    asked = 0
    for row in place.aggregates.timed:
        raw = row.raw
        if raw[2] == form.TIMER_PERSIST:
            if row.send_q and asked < ASK_AT_MOST:
                asked += 1
                stalled = _closed_for(place.detail(row))
                if stalled is not None and stalled >= limits.zero_window_s:
                    closed.append((row, stalled))
        elif raw[1] == form.SYN_SENT:
            if raw[3] >= limits.syn_sent_retransmissions:
                connecting[(row.remote.ip, row.remote.port)].append(row)
        elif raw[1] not in (form.SYN_RECV, form.NEW_SYN_RECV) and raw[3] >= limits.retransmissions:
            unanswered.append(row)
    yield from _closed_windows(closed)
    yield from _unanswered(unanswered, limits)
    for (host, port), rows in connecting.items():
        if len(rows) >= limits.syn_sent_sockets:
            facts: dict[str, object] = {"host": host, "port": port, "count": len(rows)}
            facts["retransmissions"] = limits.syn_sent_retransmissions
            yield finding("connect_unanswered", Severity.WARNING, rows, facts)
    yield from _stuck(place, limits)


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


def _closed_windows(closed: list[tuple[SocketRow, float]]) -> Iterator[Finding]:
    since = dict(closed)
    for host, rows in _by_host(list(since)):
        longest = max(since[row] for row in rows)
        facts: dict[str, object] = {"host": host, "port": _port(rows), "count": len(rows)}
        facts |= {"bytes": sum(row.send_q for row in rows), "oldest_s": round(longest, 3)}
        yield finding("zero_window_stall", Severity.WARNING, rows, facts, {"oldest": age_text(longest)})


def _unanswered(unanswered: list[SocketRow], limits: Thresholds) -> Iterator[Finding]:
    for host, rows in _by_host(unanswered):
        # One connection to a host that vanished is everyday on the internet.
        lonely = len(rows) == 1 and rows[0].unanswered < 2 * limits.retransmissions
        facts: dict[str, object] = {"host": host, "port": _port(rows), "count": len(rows)}
        facts |= {"bytes": sum(row.send_q for row in rows), "retransmissions": limits.retransmissions}
        facts["most_retransmissions"] = max(row.unanswered for row in rows)
        yield finding("retransmitting", Severity.INFO if lonely else Severity.WARNING, rows, facts)


def _stuck(place: Place, limits: Thresholds) -> Iterator[Finding]:
    """Bytes that stayed the same and unacknowledged though no other rule explains them."""
    now, asked = place.moment.now, 0
    stuck = []
    for row, since in place.aggregates.queued.items():
        if now - since < limits.send_queue_s or row.raw[1] == form.SYN_SENT or asked >= ASK_AT_MOST:
            continue
        if row.raw[2] == form.TIMER_PERSIST or row.raw[3] >= limits.retransmissions:
            continue
        asked += 1
        info = place.detail(row)
        if info is not None and info.last_ack_received / 1000 >= limits.send_queue_s:
            stuck.append(row)
    for host, rows in _by_host(stuck):
        longest = max(now - place.aggregates.queued[row] for row in rows)
        facts: dict[str, object] = {"host": host, "port": _port(rows), "count": len(rows)}
        facts |= {"bytes": sum(row.send_q for row in rows), "oldest_s": round(longest, 3)}
        yield finding("send_queue_stuck", Severity.WARNING, rows, facts, {"oldest": age_text(longest, True)})


def _by_host(rows: list[SocketRow]) -> Iterator[tuple[str, list[SocketRow]]]:
    by_host: dict[str, list[SocketRow]] = defaultdict(list)
    for row in rows:
        by_host[row.remote.ip].append(row)
    if len(by_host) > HOSTS_APART:
        yield phrase("several_hosts", hosts=len(by_host)), rows
    else:
        yield from by_host.items()


def _port(rows: list[SocketRow]) -> int | None:
    """The service's port: the local one if all share it, else the remote one."""
    local, remote = {row.local.port for row in rows}, {row.remote.port for row in rows}
    if len(local) == 1 and len(remote) > 1:
        return local.pop()
    return remote.pop() if len(remote) == 1 else None
