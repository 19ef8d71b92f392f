from __future__ import annotations

import socket

from capture.sockets.snapshot import Group, Snapshot
from capture.sockets.socket_groups import members
from capture.sockets.socket_watch import Watcher
from tests.capture.sockets.making import maker
from tests.capture.sockets.network import in_own_network


def all_groups(snapshot: Snapshot) -> list[Group]:
    groups = snapshot.groups
    return [*groups.processes, *groups.listeners, *groups.hosts, *groups.peers, *groups.states]


def recount(snapshot: Snapshot) -> None:
    """Each group counts the rows that belong to it, and each row is in its state's group."""
    for group in all_groups(snapshot):
        rows = members(group, snapshot.rows)
        states: dict[str, int] = {}
        for row in rows:
            states[row.state.value] = states.get(row.state.value, 0) + 1
        assert (group.sockets, dict(group.states)) == (len(rows), states), group
    assert sum(group.sockets for group in snapshot.groups.states) == len(snapshot.rows)
    assert dict(snapshot.states) == {group.key: group.sockets for group in snapshot.groups.states}


@in_own_network
def test_groups_count_what_the_rows_say_however_they_change() -> None:
    six = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    with maker(100, 3) as made, maker(50) as other:
        watcher = Watcher()
        recount(watcher.look())
        kept = [socket.create_connection(("127.0.0.1", six.getsockname()[1])) for _ in range(5)]
        for command in ("half-close 30", "cycle 20", "churn 20", "shut 10", "open 30", "pass-by"):
            made.tell(command)
            other.tell("churn 10")
            kept.append(six.accept()[0] if len(kept) < 9 else six.dup())
            snapshot = watcher.look()
            recount(snapshot)
        assert {group.key for group in snapshot.groups.processes} >= {str(made.pid), str(other.pid)}
        listeners = {group.label: group for group in snapshot.groups.listeners}
        assert listeners[f"127.1.0.2:{made.port}"].states["CLOSE-WAIT"] > 0
        assert listeners[f"[::]:{six.getsockname()[1]}"].sockets == 6
        # A listener that closes leaves its connections; one that opens takes those of its port.
        late = socket.create_server(("127.0.0.1", 0))
        recount(watcher.look())
        late.close()
        recount(watcher.look())
