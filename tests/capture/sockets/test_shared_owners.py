"""Who owns a socket that several processes hold, that is handed on, or whose process has ended or left."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from capture.sockets.row import SocketRow
from capture.sockets.socket_watch import Watcher
from tests.capture.sockets.network import enter_new_network, in_own_network
from tests.capture.sockets.test_owners import become_nobody


class Other:
    """Another process that does one thing a line, `do(n)` the n-th, and says so."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        hear, self._tell = os.pipe()
        self._heard, tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._tell)
            try:
                while what := os.read(hear, 1):
                    steps[what[0]]()
                    os.write(tell, b"x")
            finally:
                os._exit(0)
        os.close(hear)
        os.close(tell)

    def do(self, step: int = 0) -> None:
        os.write(self._tell, bytes([step]))
        assert os.read(self._heard, 1) == b"x"

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def held(watcher: Watcher, port: int, state: str = "LISTEN", **how: bool) -> tuple[list[tuple[int, int]], str | None]:
    """Who holds the socket of this local port, once it is in this state: (pid, descriptor) of each, and why nobody."""
    rows: list[SocketRow] = []
    until = time.monotonic() + 20
    while not rows and time.monotonic() < until:
        rows = [row for row in watcher.look(**how).rows if (row.local.port, row.state.value) == (port, state)]
    (row,) = rows
    return sorted((owner.pid, owner.fd) for owner in row.owners), row.owner_missing


def sockets_of_this_process() -> dict[int, int]:
    """{descriptor: inode}."""
    links = {}
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            links[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    return {fd: int(link[8:-1]) for fd, link in links.items() if link.startswith("socket:[")}


@in_own_network
def test_a_listener_inherited_by_workers_is_all_of_theirs_until_each_lets_go() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port, fd, me = listener.getsockname()[1], listener.fileno(), os.getpid()
    watcher = Watcher()
    assert held(watcher, port) == ([(me, fd)], None)
    one, two = Other(listener.close), Other(listener.close)
    assert held(watcher, port) == (sorted([(me, fd), (one.pid, fd), (two.pid, fd)]), None)
    listener.close()
    assert held(watcher, port) == (sorted([(one.pid, fd), (two.pid, fd)]), None)
    one.do()
    assert held(watcher, port) == ([(two.pid, fd)], None)
    one.end()
    assert held(watcher, port) == ([(two.pid, fd)], None)
    two.end()
    assert not watcher.look().rows


@in_own_network
def test_a_socket_passed_to_another_process_is_nobodys_on_the_way() -> None:
    here, there = socket.socketpair()
    listener = socket.create_server(("127.0.0.1", 0))
    port, fd, me = listener.getsockname()[1], listener.fileno(), os.getpid()
    got: list[int] = []
    # it inherits the listener, and lets go of it before anything is sent
    other = Other(listener.close, lambda: got.extend(socket.recv_fds(there, 9, 1)[1]), lambda: os.dup2(got[0], 700))
    other.do()
    watcher = Watcher()
    assert held(watcher, port) == ([(me, fd)], None)
    socket.send_fds(here, [b"x"], [fd])
    listener.close()
    held(watcher, port)  # who had it when it was dumped may still be named
    for _ in range(3):
        owners, why = held(watcher, port)
        assert owners == []
        assert why in ("not found", "no permission")  # somebody whose descriptors may not be read could have it
    other.do(1)
    (first,), _ = held(watcher, port)
    assert first[0] == other.pid
    other.do(2)
    assert held(watcher, port) == ([first, (other.pid, 700)], None)
    other.end()
    assert not watcher.look().rows


@in_own_network
def test_a_process_of_many_sockets_opens_and_closes_some() -> None:
    """Beyond some dozens only the likely descriptors are read: those let go, and those above the highest."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=200)
    clients = [socket.create_connection(listener.getsockname()) for _ in range(40)]
    clients += [listener.accept()[0] for _ in range(40)]
    watcher, me = Watcher(), os.getpid()
    for turn in range(4):
        rows = {(row.local.port, row.remote.port): row for row in watcher.look().rows}
        for one in clients:
            row = rows[one.getsockname()[1], one.getpeername()[1]]
            assert [(owner.pid, owner.fd) for owner in row.owners] == [(me, one.fileno())], (turn, row)
        (process,) = [each for each in watcher.look().processes if each.pid == me]
        assert process.sockets == sockets_of_this_process()
        assert process.open_files is not None
        assert process.open_files > len(process.sockets) > 80
        clients.pop(3).close()
        files = [os.open("/dev/null", os.O_RDONLY) for _ in range(turn)]
        clients.append(socket.create_connection(listener.getsockname()))
        clients.pop(50).close()
        clients.append(listener.accept()[0])
        for one_file in files[:1]:
            os.close(one_file)


@in_own_network
def test_a_process_that_left_its_network_owns_what_it_took_along() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port, fd = listener.getsockname()[1], listener.fileno()
    other = Other(enter_new_network)
    listener.close()
    other.do()
    assert held(Watcher(), port) == ([(other.pid, fd)], None)
    assert held(Watcher("procfs"), port) == ([(other.pid, fd)], None)
    other.end()


@in_own_network
def test_another_users_socket_is_its_own_and_hidden_from_others() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port, fd = listener.getsockname()[1], listener.fileno()
    other = Other(become_nobody)
    listener.close()
    other.do()
    watcher = Watcher()
    assert held(watcher, port) == ([(other.pid, fd)], None)
    seen, say = os.pipe()
    looker = os.fork()
    if looker == 0:
        os.setgroups([])
        os.setgid(65533)
        os.setuid(65533)
        os.write(say, repr(held(watcher, port, thorough=True)).encode())
        os._exit(0)
    os.waitpid(looker, 0)
    told = os.read(seen, 999).decode()
    assert told == repr(([(other.pid, fd)], None)) or told == repr(([], "no permission"))
    other.end()


@in_own_network
def test_what_an_ended_process_leaves_is_the_kernels() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    other = Other(lambda: socket.create_connection(listener.getsockname()))
    kept: list[socket.socket] = []
    third = Other(lambda: kept.append(socket.create_connection(listener.getsockname())))
    third.do()
    accepted = listener.accept()[0]
    port = accepted.getpeername()[1]
    watcher = Watcher()
    assert held(watcher, port, "ESTAB")[0][0][0] == third.pid
    third.end()
    assert held(watcher, port, "FIN-WAIT-2") == ([], "orphan")
    rows = {row.local.port: row for row in watcher.look().rows if row.state.value == "CLOSE-WAIT"}
    assert [(owner.pid, owner.fd) for owner in rows[listener.getsockname()[1]].owners] == [
        (os.getpid(), accepted.fileno())
    ]
    accepted.close()
    assert held(watcher, port, "TIME-WAIT") == ([], "time-wait")
    other.end()
