"""The live sockets in groups: alike (one state of one process with one peer), by state, process, peer, listener."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.rows.grouped_rows import CLOSED, OPEN, Group, GroupedRows, GroupKey, UnderGroups
from tui.rows.socket_rows import SocketRows, badness, mark_of, process
from tui.text.language import count
from tui.text.quantities import duration, size

if TYPE_CHECKING:
    from capture.sockets.row import SocketRow
    from tui.rows.arrangement import Arrangement
    from tui.rows.list_rows import Cell

SUMMED: dict[str, Callable[[SocketRow], int]] = {
    "recv_q": lambda row: row.recv_q,
    "send_q": lambda row: row.send_q,
    "retransmits": lambda row: row.retransmits,
}

LOCAL = 2
"""The cell with the local end: a group's count is in it, its members are moved in there."""
GRAVITY = ("", "·", "!", "!!")


def _state(row: SocketRow) -> Hashable:
    return row.state.value


def _process(row: SocketRow) -> Hashable:
    return (row.owners[0].pid, row.owners[0].name) if row.owners else (None, row.owner_missing)


def _peer(row: SocketRow) -> Hashable:
    return "*" if row.state == "LISTEN" else row.remote.ip


def _alike(row: SocketRow) -> Hashable:
    if row.state == "LISTEN":  # each has a queue of its own
        return (row.state.value, str(row.local), row.netns)
    return (row.state.value, _process(row), _peer(row), row.netns)


class Listener:
    """The end that is a service: the local port where something listens on it, else the remote end."""

    def __init__(self, rows: Sequence[SocketRow]) -> None:
        self._ports = {(row.netns, row.local.port) for row in rows if row.state == "LISTEN"}

    def __call__(self, row: SocketRow) -> Hashable:
        """What the sockets of one service share."""
        if (row.netns, row.local.port) in self._ports:
            return (f":{row.local.port}", row.netns)
        return (str(row.remote), row.netns)


KEYS: dict[str, Callable[[SocketRow], Hashable]] = {
    "alike": _alike,
    "state": _state,
    "process": _process,
    "peer": _peer,
}


class GroupedSockets(UnderGroups, SocketRows):
    """SocketRows with groups over them."""

    def __init__(self, rows: SocketRows, groups: Sequence[Group], opened: frozenset[Hashable]) -> None:
        super().__init__(rows.sockets, rows.severities)
        self._view = GroupedRows(rows, groups, opened, self._summary, LOCAL)

    def row(self, key: Hashable) -> SocketRow | None:
        """The socket of a key; of a group its first one."""
        group = self.group(key)
        return self.sockets[group.places[0]] if group is not None else super().row(key)

    def _summary(self, group: Group, is_open: bool) -> Sequence[Cell]:
        """What the members share, how many there are of what they do not; the oldest, and sums."""
        rows = [self.sockets[place] for place in group.places]
        worst = max(rows, key=badness)
        sign, tone = max((mark_of(row, self.severities) for row in rows), key=lambda one: GRAVITY.index(one[0].strip()))
        states = {row.state.value for row in rows}
        locals_ = {str(row.local) for row in rows}
        ports = {row.local.port for row in rows}
        remotes = {_peer(row) for row in rows}
        holders = {process(row) for row in rows}
        oldest = max(rows, key=lambda row: row.age_s)
        recv, send, retr = (sum(map(of, rows)) for of in SUMMED.values())
        local = next(iter(locals_)) if len(locals_) == 1 else f":{next(iter(ports))}" if len(ports) == 1 else ""
        return (
            (sign, tone),
            (worst.state.value if len(states) == 1 else count(len(states), "state"), tone),
            (f"{OPEN if is_open else CLOSED} {len(rows):,} {local}".rstrip(), "strong"),
            (str(next(iter(remotes))) if len(remotes) == 1 else count(len(remotes), "host"), ""),
            next(iter(holders)) if len(holders) == 1 else (count(len(holders), "process"), ""),
            (duration(oldest.age_s, at_least=oldest.age_is_minimum), ""),
            ("" if worst.netns is None else printable(worst.netns.name, 20), "dim"),
            (size(recv), "warn" if recv else "dim"),
            (size(send), "warn" if send else "dim"),
            (str(retr), "warn" if retr else "dim"),
            *(("", "") for _ in range(4)),
        )


def grouped_sockets(rows: SocketRows, arrangement: Arrangement, all_rows: Sequence[SocketRow]) -> SocketRows:
    """The rows in groups, as the arrangement says; `all_rows`, filtered or not, tell who listens. For the worker."""
    by = arrangement.by
    if not by:
        return rows
    key_of = Listener(all_rows) if by == "listener" else KEYS[by]
    places: dict[Hashable, list[int]] = {}
    for place, row in enumerate(rows.sockets):
        places.setdefault(key_of(row), []).append(place)
    groups = [Group(GroupKey(by, value), members) for value, members in places.items()]
    column, descending = arrangement.sort
    sign = -1 if descending else 1
    if column in SUMMED:
        of = SUMMED[column]
        groups.sort(key=lambda group: sign * sum(of(rows.sockets[place]) for place in group.places))
    elif column == "mark":
        groups.sort(key=lambda g: (sign * badness(rows.sockets[g.places[0]]), -len(g.places)))
    return GroupedSockets(rows, groups, arrangement.opened)


def filter_of(key: GroupKey, first: SocketRow) -> str:
    """The filter that keeps a group's sockets, given one of them."""
    parts = {
        "state": f"state:{first.state.value.lower()}",
        "process": f"pid:{first.owners[0].pid}" if first.owners else "pid:none",
        "peer": "" if first.state == "LISTEN" else f"peer:{first.remote.ip}",
        "listener": f"local::{first.local.port}" if str(key.value).startswith("(':") else f"peer:{first.remote}",
    }
    names = ("state", "process", "peer") if key.by == "alike" else (key.by,)
    place = f"netns:{first.netns.inode or first.netns.name}" if first.netns is not None else ""
    return " ".join(part for part in (*(parts[name] for name in names), place) if part)
