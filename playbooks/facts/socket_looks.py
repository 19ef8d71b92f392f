"""Two looks at the live connections, far enough apart to tell what stays from what is only passing."""

from __future__ import annotations

import itertools
import os
import re
import time
from collections import Counter, defaultdict

from capture.model import Endpoint, TcpState
from capture.sockets import inet_diag_msg as diag
from capture.sockets.row import Namespace, Owner, SocketRow
from capture.sockets.snapshot import NamespaceView, Snapshot
from capture.sockets.socket_watch import Watcher
from capture.sockets.sources.counters import moved
from capture.sockets.sources.namespaces import Found, in_host_network, namespace_of
from capture.sockets.sources.socket_errors import SourceUnavailable
from capture.sockets.sources.tcpinfo import TcpInfo
from capture.sockets.sources.unix_listeners import UnixListener
from playbooks.facts.facts import Absence
from playbooks.facts.socket_facts import Bound, Elsewhere, Holder, Socket, Sockets
from playbooks.facts.socket_facts import UnixListener as UnixFact

SHORT_S, LONG_S = 1.0, 2.5
"""Between the looks: LONG where something young may yet turn out to be passing."""
PASSING = {
    TcpState.CLOSE_WAIT: 5,
    TcpState.FIN_WAIT_1: 5,  # for 40 ms, where the peer's kernel delays the ACK of a FIN: FIN_WAIT_2 to be
    TcpState.FIN_WAIT_2: 5,
    TcpState.SYN_RECEIVED: 5,
}
"""From how many sockets in these states a longer look pays."""
KEPT_S = 2.0
MOST_ASKED = 5_000
"""Connections that are asked for their last data (5 µs each)."""
MOST_NAMESPACES, MOST_ROWS = 64, 50_000
"""Other network namespaces, and sockets in them, that are judged too, as many as fit; the rest are named."""


def collect_sockets(pid: int | None = None) -> Sockets | Absence:
    """The sockets of this network namespace, or of that of process `pid`; takes SHORT_S, or LONG_S where there is
    something to tell apart."""
    inside = None if pid is None else namespace_of(pid)
    whole_machine = pid is None and in_host_network()
    try:
        with Watcher(inside=inside, all_namespaces=whole_machine) as watcher:
            first = watcher.look()
            before = _Before(first)
            time.sleep(LONG_S if _wants_longer(first) else SHORT_S)
            second = watcher.look(thorough=True)
            return _facts(second, before, inside, watcher.details(_of_those_whose_peers_left(second)))
    except SourceUnavailable as error:
        return Absence("unreadable", str(error))


class _Before:
    """The first look: states and drops of its sockets, and the counters of the other namespaces."""

    def __init__(self, look: Snapshot) -> None:
        self.rows = {_key(row): (row.state, row.drops or 0) for row in look.rows}
        self.totals = {namespace.netns: namespace.counters for namespace in look.namespaces}


def _key(row: SocketRow) -> object:
    """What makes two rows the same socket. A request whose SYN,ACK could not be sent is made anew for each SYN of the
    client, with another cookie: there the addresses tell."""
    return (row.raw[4:40], row.netns) if row.state is TcpState.SYN_RECEIVED else row.cookie


def _wants_longer(look: Snapshot) -> bool:
    young = Counter(row.state for row in look.rows if row.state in PASSING and row.age_s < KEPT_S)
    if any(young[state] >= number for state, number in PASSING.items()):
        return True
    for row in look.rows:
        if row.timer == "persist" or (row.timer == "on" and row.unanswered):
            return True
        if row.state is TcpState.LISTEN and row.recv_q and row.recv_q >= (row.backlog_max or 1) / 2:
            return True
    return False


def _facts(look: Snapshot, before: _Before, inside: Found | None, infos: dict[SocketRow, TcpInfo]) -> Sockets:
    own = look.namespaces[0].netns if look.namespaces else None
    by_namespace: defaultdict[Namespace | None, list[SocketRow]] = defaultdict(list)
    for row in look.rows:
        by_namespace[row.netns].append(row)
    others: list[NamespaceView] = []
    left: list[NamespaceView] = []
    room = MOST_ROWS
    for namespace in sorted(
        (p for p in look.namespaces[1:] if by_namespace[p.netns]), key=lambda p: len(by_namespace[p.netns])
    ):
        fits = len(others) < MOST_NAMESPACES and len(by_namespace[namespace.netns]) <= room
        room -= len(by_namespace[namespace.netns]) if fits else 0
        (others if fits else left).append(namespace)
    unseen = [Elsewhere(one.namespace.name, one.sockets) for one in look.unseen if one.sockets != 0]
    unseen += [Elsewhere(str(namespace.netns), len(by_namespace[namespace.netns])) for namespace in left]
    return Sockets(
        elapsed_s=look.elapsed_s or 0.0,
        source=look.source,
        hidden_owners=look.hidden_owners,
        limits=look.limits,
        rows=tuple(_socket(row, look, before, infos) for row in by_namespace[own]),
        counters=dict(look.counters),
        totals=dict(look.counter_totals),
        ephemeral_ports=look.settings.ephemeral_ports,
        port_range=look.settings.ip_local_port_range,
        netns=None if inside is None else str(inside.namespace),
        elsewhere=tuple(unseen),
        unix=_unix_of(look, own) if look.sees_unix else None,
        hidden_why=look.hidden_why,
        bound=_bound_in(look.namespaces[0] if look.namespaces else None, look.source),
        others=tuple(
            Sockets(
                elapsed_s=look.elapsed_s or 0.0,
                source=look.source,
                hidden_owners=0,
                limits=(),
                rows=tuple(_socket(row, look, before, infos) for row in by_namespace[namespace.netns]),
                counters=moved(dict(before.totals.get(namespace.netns, {})), dict(namespace.counters)),
                totals=dict(namespace.counters),
                ephemeral_ports=namespace.settings.ephemeral_ports,
                port_range=namespace.settings.ip_local_port_range,
                netns=str(namespace.netns),
                unix=_unix_of(look, namespace.netns) if look.sees_unix else None,
            )
            for namespace in others
        ),
    )


def _bound_in(namespace: NamespaceView | None, source: str) -> tuple[Bound, ...] | None:
    if namespace is None or source != "sock_diag" or not tells_bound():
        return None
    return tuple(
        Bound(
            Endpoint(diag.address_text(diag.address_bytes(raw[0], raw[8:24])), raw[4] << 8 | raw[5]),
            diag.number_at(raw, 68),
        )
        for raw in namespace.bound
    )


def tells_bound(release: str = "") -> bool:
    """Whether this kernel lists sockets that are only bound (TCP_BOUND_INACTIVE: Linux 6.8); `release` as of uname."""
    numbers = re.match(r"(\d+)\.(\d+)", release or os.uname().release)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= (6, 8)


def _unix_of(look: Snapshot, netns: Namespace | None) -> tuple[UnixFact, ...]:
    return tuple(_unix(listener, look.moment) for listener in look.unix_listeners if listener.netns == netns)


def _unix(listener: UnixListener, now: float) -> UnixFact:
    return UnixFact(
        path=listener.path,
        waiting=listener.waiting,
        most=listener.most,
        waited_s=listener.waited(now),
        owners=_holders(listener.owners),
        owner_missing=listener.owner_missing,
        netns=None if listener.netns is None else str(listener.netns),
    )


def _holders(owners: tuple[Owner, ...]) -> tuple[Holder, ...]:
    return tuple(Holder(owner.pid, owner.name, owner.fd) for owner in owners)


def _socket(row: SocketRow, look: Snapshot, first: _Before, infos: dict[SocketRow, TcpInfo]) -> Socket:
    before = first.rows.get(_key(row))
    return Socket(
        state=row.state.value,
        local=row.local,
        remote=row.remote,
        age_s=row.age_s,
        age_is_minimum=row.age_is_minimum,
        recv_q=row.recv_q,
        send_q=row.send_q,
        owners=_holders(row.owners),
        cookie=row.cookie,
        owner_missing=row.owner_missing,
        uid=row.uid,
        inode=row.inode,
        timer=row.timer,
        retransmits=row.retransmits,
        unanswered=row.unanswered,
        answered=row.answered,
        drops=row.drops,
        new_drops=max(0, (row.drops or 0) - before[1]) if before is not None else 0,
        stayed=before is not None and (before[0] is row.state or row.age_s >= KEPT_S),
        closed_window_s=_closed_for(row, look.details.get(row)),
        awaiting_s=_awaiting(row, infos.get(row) or look.details.get(row)),
        backlog_max=row.backlog_max,
        v6_only=row.v6_only,
        netns=None if row.netns is None else str(row.netns),
    )


def _of_those_whose_peers_left(look: Snapshot) -> list[SocketRow]:
    """Established connections of processes that also hold connections whose peers have closed, or that others wait
    for to be accepted by: they are asked what they wait for."""
    left = {
        owner.process
        for row in look.rows
        if row.state is TcpState.CLOSE_WAIT or (row.state is TcpState.LISTEN and row.recv_q)
        for owner in row.owners
    }
    if not left:
        return []
    found = (
        row
        for row in look.rows
        if row.state is TcpState.ESTABLISHED and any(owner.process in left for owner in row.owners)
    )
    return list(itertools.islice(found, MOST_ASKED))


def _awaiting(row: SocketRow, info: TcpInfo | None) -> float | None:
    """Seconds since this side sent its last data, where none came back since: it waits for an answer."""
    if info is None or row.state is not TcpState.ESTABLISHED:
        return None
    sent_any = info.unacked > 0 or (info.bytes_acked or 0) > 1  # the SYN counts as one
    if not sent_any or info.last_data_sent > info.last_data_received:
        return None
    return info.last_data_sent / 1000


def _closed_for(row: SocketRow, info: TcpInfo | None) -> float | None:
    """The persist timer alone proves no zero window: it runs for a paced sender too, whose window is open."""
    if info is None or info.unacked or row.timer != "persist":
        return None
    if info.send_window is None:  # kernels before 5.4: probes that back off tell
        return info.last_data_sent / 1000 if info.backoff >= 3 and info.probes >= 1 else None
    return info.last_data_sent / 1000 if info.send_window < max(1, min(info.mss, 536)) else None
