"""The groups of a look, made of the counts: what a person drills into."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from capture.sockets import inet_diag_msg as diag
from capture.sockets.aggregates import LARGEST, group_by_tally
from capture.sockets.row import Process, SocketRow
from capture.sockets.snapshot import Group, Groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from capture.sockets.watched_namespace import WatchedNamespace

_WILDCARDS = (b"\0" * 4, b"\0" * 16)


def group_namespaces(namespaces: Sequence[WatchedNamespace]) -> Groups:
    """Groups of all namespaces; those of other namespaces carry its name in their key."""
    hosts: list[Group] = []
    peers: list[Group] = []
    listeners: list[Group] = []
    for namespace in namespaces:
        prefix = f"{namespace.netns}|" if namespace.netns else ""
        hosts += [
            _placed(group, namespace)
            for group in group_by_tally("host", namespace.aggregates.hosts, prefix)
            if group.label not in ("0.0.0.0", "::")
        ]
        peers += [
            _placed(group, namespace)
            for group in group_by_tally("peer", namespace.aggregates.peers, prefix)
            if not group.label.endswith(":0")
        ]
        listeners += [_placed(group, namespace) for group in _listeners(namespace, prefix)]
    return Groups(
        processes=_sorted(_processes(namespaces)),
        listeners=_sorted(listeners),
        hosts=_sorted(hosts)[:LARGEST],
        peers=_sorted(peers)[:LARGEST],
        states=_sorted(_states(namespaces)),
    )


def _placed(group: Group, namespace: WatchedNamespace) -> Group:
    """With the name of its namespace in the label: the same address there is another host."""
    return group if namespace.netns is None else replace(group, label=f"{group.label} @{namespace.netns.name}")


def members(group: Group, rows: Iterable[SocketRow]) -> list[SocketRow]:
    """The sockets of a group, of a snapshot's rows."""
    belongs = _MEMBERSHIP[group.kind]
    netns, _, key = group.key.rpartition("|")
    return (
        [row for row in rows if str(row.netns or "") == netns and belongs(row, key)]
        if group.kind in _BY_PLACE
        else [row for row in rows if belongs(row, group.key)]
    )


def _processes(namespaces: Sequence[WatchedNamespace]) -> list[Group]:
    merged: dict[Process, dict[str, int]] = {}
    for namespace in namespaces:
        for process, states in namespace.aggregates.processes.items():
            named = merged.setdefault(process, {})
            for number, count in states.items():
                name = diag.state_of(number).value
                named[name] = named.get(name, 0) + count
    return [
        Group("process", str(process.pid), f"{process.name}[{process.pid}]", sum(states.values()), states)
        for process, states in merged.items()
    ]


def _states(namespaces: Sequence[WatchedNamespace]) -> list[Group]:
    totals: dict[str, int] = {}
    for namespace in namespaces:
        for number, count in enumerate(namespace.aggregates.states):
            if count:
                name = diag.state_of(number).value
                totals[name] = totals.get(name, 0) + count
    return [Group("state", name, name, count, {name: count}) for name, count in totals.items()]


def _listeners(namespace: WatchedNamespace, prefix: str) -> list[Group]:
    """Connections by the listener they came in at: the one bound to their address, else the one bound to all."""
    local = namespace.aggregates.local
    totals: dict[str, dict[str, int]] = {}
    bound: dict[bytes, str] = {}
    for row in namespace.listeners.rows.values():
        address = diag.address_bytes(row.raw[0], row.raw[8:24])
        bound[address + row.raw[4:6]] = str(row.local)
        totals[str(row.local)] = {"LISTEN": totals.get(str(row.local), {}).get("LISTEN", 0) + 1}
    for key in local.totals:
        if key[:-2] in _WILDCARDS:
            continue
        # A dual-stack listener takes IPv4 too, and is named by its IPv6 wildcard.
        label = bound.get(key) or next(
            (bound[wild + key[-2:]] for wild in _WILDCARDS if wild + key[-2:] in bound), None
        )
        if label is None:
            continue
        for state, count in local.states(key).items():
            if state != "LISTEN":
                totals[label][state] = totals[label].get(state, 0) + count
    return [Group("listener", prefix + label, label, sum(states.values()), states) for label, states in totals.items()]


def _sorted(groups: list[Group]) -> tuple[Group, ...]:
    return tuple(sorted(groups, key=lambda group: (-group.sockets, group.key)))


def _at_listener(row: SocketRow, key: str) -> bool:
    address, _, port = key.rpartition(":")
    if row.local.port != int(port):
        return False
    return row.local.ip == address.strip("[]") or address in ("0.0.0.0", "[::]")


_BY_PLACE = frozenset(("host", "peer", "listener"))
_MEMBERSHIP: dict[str, Callable[[SocketRow, str], bool]] = {
    "process": lambda row, key: any(owner.pid == int(key) for owner in row.owners),
    "state": lambda row, key: row.state.value == key,
    "host": lambda row, key: row.remote.ip == key,
    "peer": lambda row, key: str(row.remote) == key,
    "listener": _at_listener,
}
