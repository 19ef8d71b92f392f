"""Sockets that belong together, put into as few piles as tell what is wrong: a leak over twenty workers of one port is
one pile, and so are sockets that four processes share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from capture.sockets import inet_diag_msg as diag
from capture.sockets.row import Process, SocketRow
from capture.sockets.watched_namespace import WatchedNamespace

Key = Callable[[SocketRow], Hashable | None]


@dataclass(frozen=True, slots=True)
class Pile:
    """Rows of one pile, the oldest first. `level` is the number of the key that they share, `key` its value.

    `process` holds most of them (None: hidden, or none does), `others` is how many more processes hold some.
    """

    rows: list[SocketRow]
    level: int
    key: Hashable
    process: Process | None
    others: int


def pile_up(rows: Iterable[SocketRow], keys: Sequence[Key], wanted: int | Sequence[int]) -> list[Pile]:
    """Piles of at least `wanted` rows, by the first key under which they come to that many; a key that is None for a
    row passes it on to the next. `wanted` may differ by key. What stays below everywhere is left out."""
    piles: list[Pile] = []
    left = list(rows)
    for level, key in enumerate(keys):
        least = wanted if isinstance(wanted, int) else wanted[level]
        groups: dict[Hashable, list[SocketRow]] = defaultdict(list)
        for row in left:
            groups[key(row)].append(row)
        left = groups.pop(None, [])
        for value, group in groups.items():
            if len(group) >= least:
                piles.append(_pile(group, level, value))
            else:
                left += group
    return piles


def _pile(rows: list[SocketRow], level: int, key: Hashable) -> Pile:
    holders = Counter(process for row in rows if (process := leader(row)) is not None)
    first = max(holders, key=lambda process: (holders[process], -process.pid)) if holders else None
    return Pile(sorted(rows, key=lambda row: row.since), level, key, first, max(0, len(holders) - 1))


def leader(row: SocketRow) -> Process | None:
    """The one process that a socket is counted under: of those that share it (fork(2)) the eldest, by its number."""
    owners = row.owners
    if len(owners) <= 1:
        return owners[0].process if owners else None
    return min((owner.process for owner in owners), key=lambda process: process.pid)


def by_leader(row: SocketRow) -> Hashable | None:
    """The process; None where it is hidden or there is none."""
    return leader(row)


def by_hidden_user(row: SocketRow) -> Hashable | None:
    """The user of sockets whose process is hidden: one user may run several."""
    return None if row.owners else ("uid", row.uid)


def by_host(row: SocketRow) -> Hashable:
    """The peer's address."""
    return row.remote.ip


def by_remote(row: SocketRow) -> Hashable:
    """The peer's address and port."""
    return row.remote


def by_held_remote(row: SocketRow) -> Hashable | None:
    """The peer's address and port, where the process is known."""
    return row.remote if row.owners else None


def by_local_port(row: SocketRow) -> Hashable:
    """The local port: several sockets on one were a service's, whether or not it still listens."""
    return row.local.port


def by_service(namespace: WatchedNamespace) -> Key:
    """The local port where something listens on it."""
    listening = namespace.aggregates.listening

    def key(row: SocketRow) -> Hashable | None:
        return row.local.port if diag.local_port(row.raw) in listening else None

    return key


def common_port(rows: Sequence[SocketRow]) -> int | None:
    """The local port if several rows share it (a server's), else the remote one they share (a client's), else None."""
    local, remote = {diag.local_port(row.raw) for row in rows}, {diag.remote_port(row.raw) for row in rows}
    if len(local) == 1 and len(rows) > 1:
        return int.from_bytes(local.pop(), "big")
    return int.from_bytes(remote.pop(), "big") if len(remote) == 1 else None


def hosts_of(rows: Iterable[SocketRow]) -> list[str]:
    """The peers' addresses, those with most sockets first."""
    hosts = Counter(row.remote.ip for row in rows)
    return sorted(hosts, key=lambda host: (-hosts[host], host))
