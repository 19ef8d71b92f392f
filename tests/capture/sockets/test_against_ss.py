"""The same sockets, states, queues, timers and owners as ss at the same moment."""

from __future__ import annotations

import os
import socket
import time

from capture.sockets.row import SocketRow
from capture.sockets.socket_watch import Watcher
from tests.capture.sockets.making import SsRow, maker, ss
from tests.capture.sockets.network import in_own_network


def as_said(row: SocketRow) -> SsRow:
    local, remote = str(row.local), str(row.remote)
    if row.state == "LISTEN":
        remote = remote.replace(":0", ":*") if remote.endswith(":0") else remote
    owners = frozenset((owner.pid, owner.fd) for owner in row.owners)
    return SsRow(row.state.value, row.recv_q, row.send_q, local, remote, owners, row.cookie, row.timer)


def same(mine: SsRow, theirs: SsRow) -> bool:
    plain = theirs.local.replace("[::ffff:", "").replace("]", "")
    if mine.local != theirs.local and mine.local != plain and not theirs.local.startswith("*:"):
        return False
    return (mine.state, mine.recv_q, mine.send_q, mine.owners, mine.timer) == (
        theirs.state,
        theirs.recv_q,
        theirs.send_q,
        theirs.owners,
        theirs.timer,
    )


def compare(watcher: Watcher, **how: bool) -> int:
    """Holds a look between two runs of ss against what did not change between these; returns how many were compared."""
    before = ss()
    mine = {row.cookie: as_said(row) for row in watcher.look(**how).rows}
    after = ss()
    still = {cookie: said for cookie, said in before.items() if after.get(cookie) == said}
    assert len(mine) >= len(still)
    wrong = [
        (said, mine.get(cookie)) for cookie, said in still.items() if cookie not in mine or not same(mine[cookie], said)
    ]
    assert not wrong, f"{len(wrong)} of {len(still)}: {wrong[:3]}"
    assert not [cookie for cookie in mine if cookie not in before and cookie not in after]
    return len(still)


@in_own_network
def test_thousands_of_sockets_in_every_state() -> None:
    with maker(3000, 3) as one, maker(500) as other:
        one.tell("half-close 500")
        one.tell("shut 500")
        one.tell("write 300 1000")
        one.tell("write 100 4000000")
        other.tell("cycle 300")
        full = socket.socket()
        full.bind(("127.0.0.1", 0))
        full.listen(1)
        waiting = [socket.socket() for _ in range(6)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        six = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        pairs = [socket.create_connection(("127.0.0.1", six.getsockname()[1])) for _ in range(20)]
        pairs += [socket.create_connection(("::1", six.getsockname()[1])) for _ in range(20)]
        accepted = [six.accept()[0] for _ in range(30)]
        time.sleep(0.3)
        watcher = Watcher()
        assert compare(watcher) > 6000
        states = watcher.look().states
        assert states["CLOSE-WAIT"] == 1000
        assert states["FIN-WAIT-2"] == 1000
        assert states["TIME-WAIT"] == 300
        assert states["SYN-SENT"] > 0
        other.tell("churn 200")
        one.tell("cycle 200")
        for sockets in (pairs[:5], accepted[:5]):
            for one_socket in sockets:
                one_socket.close()
        time.sleep(0.1)
        assert compare(watcher) > 6000
        one.tell("half-close 100")
        other.tell("open 100")
        time.sleep(0.1)
        assert compare(watcher, thorough=True, details=True) > 6000


@in_own_network
def test_owners_follow_forks_duplicates_and_hand_overs() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    clients = [socket.create_connection(listener.getsockname()) for _ in range(20)]
    servers = [listener.accept()[0] for _ in range(20)]
    watcher = Watcher()
    compare(watcher)
    copies = [server.dup() for server in servers[:5]]
    compare(watcher)
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    compare(watcher)
    for server in servers[5:10]:
        server.close()  # the child still holds them
    compare(watcher)
    # The same descriptors for other sockets at once: the count stays as it was.
    clients += [socket.create_connection(listener.getsockname()) for _ in range(2)]
    servers += [listener.accept()[0] for _ in range(2)]
    watcher.look()
    compare(watcher)
    os.kill(child, 9)
    os.waitpid(child, 0)
    compare(watcher)
    assert copies
