"""Puts a snapshot together from namespaces just looked at: the same for the kernel and for a recording."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from capture.sockets import inet_diag_msg as diag
from capture.sockets.finding_lives import Lives
from capture.sockets.findings.look_history import Looks
from capture.sockets.findings.rule_list import find
from capture.sockets.findings.thresholds import Thresholds
from capture.sockets.findings.trends import Trends
from capture.sockets.row import Process, SocketRow
from capture.sockets.snapshot import NamespaceView, Snapshot, Unseen
from capture.sockets.socket_groups import group_namespaces
from capture.sockets.watched_namespace import News, WatchedNamespace


@dataclass(frozen=True, slots=True)
class Look:
    """What surrounds the sockets of one look. `now` is on the clock of ages, `time` epoch seconds."""

    time: float
    now: float
    elapsed_s: float | None
    host: str
    source: str
    limits: tuple[str, ...]
    hidden_owners: int
    processes: Sequence[Process]
    unseen: tuple[Unseen, ...] = ()
    hidden_why: str = ""
    touched: Collection[SocketRow] | None = None
    """Beyond those that the namespaces tell; None: any row may have been."""
    before: float | None = None


def assemble(
    look: Look, news: Mapping[WatchedNamespace, News], thresholds: Thresholds, trends: Trends, lives: Lives
) -> Snapshot:
    """A snapshot of all namespaces; the first is the program's own namespace, whose counters and settings count."""
    namespaces = list(news)
    own = namespaces[0]
    looks = Looks(namespaces, news, look.processes, thresholds, trends, look.now, look.time, look.elapsed_s)
    findings = find(looks)
    return Snapshot(
        time=look.time,
        host=look.host,
        source=look.source,
        limits=look.limits,
        states=_states(namespaces),
        rows=own.rows() if len(namespaces) == 1 else [row for namespace in namespaces for row in namespace.rows()],
        counters=_of_tcp(news[own].counters),
        groups=group_namespaces(namespaces),
        findings=tuple(findings),
        lives=lives.take(findings, look.time),
        transitions=tuple(entry for namespace in namespaces for entry in news[namespace].transitions),
        processes=tuple(look.processes),
        settings=own.settings,
        counter_totals=_of_tcp(own.totals),
        elapsed_s=look.elapsed_s,
        transitions_left_out=sum(entry.left_out for entry in news.values()),
        hidden_owners=look.hidden_owners,
        moment=look.now,
        details={row: info for namespace in namespaces for row, info in namespace.asked.items()},
        unix_listeners=tuple(listener for namespace in namespaces for listener in namespace.unix.rows.values()),
        sees_unix=any(namespace.unix.seen for namespace in namespaces),
        unseen=look.unseen,
        of_ports=lambda wanted: (row for namespace in namespaces for row in namespace.of_ports(wanted)),
        hidden_why=look.hidden_why,
        touched=None
        if look.touched is None
        else dict.fromkeys([*(row for entry in news.values() for row in entry.touched), *look.touched]),
        gone=[row for entry in news.values() for row in entry.gone],
        before=look.before,
        namespaces=tuple(
            NamespaceView(
                namespace.netns,
                namespace.settings,
                namespace.totals,
                tuple(namespace.bound.values()),
                news[namespace].resets,
            )
            for namespace in namespaces
        ),
    )


def _of_tcp(counters: Mapping[str, int]) -> dict[str, int]:
    """Without those of links, whose names have a colon."""
    return {name: count for name, count in counters.items() if ":" not in name}


def _states(namespaces: Sequence[WatchedNamespace]) -> dict[str, int]:
    states: dict[str, int] = {}
    for namespace in namespaces:
        for number, count in enumerate(namespace.aggregates.states):
            if count:
                name = diag.state_of(number).value
                states[name] = states.get(name, 0) + count
    return states
