"""Sockets of other network namespaces, named, and namespaces that end."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from capture.sockets import namespaces
from capture.sockets.namespaces import container_of, find_namespaces
from capture.sockets.watching import Watcher
from tests.capture.sockets.network import enter_new_network, in_own_network

ID = "3f" * 32


@pytest.mark.parametrize(
    ("cgroup", "name"),
    [
        (f"0::/system.slice/docker-{ID}.scope\n", "docker 3f3f3f3f3f3f"),
        (f"12:pids:/docker/{ID}\n", "docker 3f3f3f3f3f3f"),
        (f"0::/machine.slice/libpod-{ID}.scope/container\n", "podman 3f3f3f3f3f3f"),
        (f"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope\n", "containerd 3f3f3f3f3f3f"),
        (f"0::/kubepods/besteffort/pod1/{ID}\n", "pod 3f3f3f3f3f3f"),
        ("0::/lxc.payload.web/init.scope\n", "lxc web"),
        ("0::/lxc/web\n", "lxc web"),
        ("0::/machine.slice/machine-build.scope\n", "machine build"),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", None),
        ("", None),
    ],
)
def test_a_container_is_named_by_its_control_group(cgroup: str, name: str | None) -> None:
    assert container_of(cgroup) == name


def process_in_new_network() -> tuple[int, int]:
    """A process that listens in a network of its own: (pid, inode of the namespace)."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        enter_new_network()
        listener = socket.create_server(("127.0.0.1", 4321))
        client = socket.create_connection(("127.0.0.1", 4321))
        os.write(writing, b"x")
        signal.pause()
        client.close()
        listener.close()
    os.read(reading, 1)
    return pid, os.stat(f"/proc/{pid}/ns/net").st_ino


@in_own_network
def test_sockets_of_another_namespace_are_seen_and_named() -> None:
    pid, inode = process_in_new_network()
    plain, wide = Watcher(), Watcher(all_namespaces=True)
    assert not plain.look().rows
    rows = [row for row in wide.look().rows if row.netns and row.netns.inode == inode]
    assert sorted(row.state.value for row in rows) == ["ESTAB", "ESTAB", "LISTEN"]
    assert str(rows[0].netns) == f"{inode} {rows[0].owners[0].name}[{pid}]"
    owned = [row for row in rows if row.owners]
    assert {row.owners[0].pid for row in owned} == {pid}
    assert len(owned) == 2
    assert [row.owner_missing for row in rows if not row.owners] == ["not yet accepted"]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    wide._namespaces_at = None
    snapshot = wide.look()
    assert not [row for row in snapshot.rows if row.netns and row.netns.inode == inode]
    assert ("net", inode) not in find_namespaces()


@in_own_network
def test_where_entering_is_refused_proc_shows_the_sockets() -> None:
    pid, inode = process_in_new_network()

    def refuse(descriptor: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    namespaces._enter = refuse  # in this child process alone
    rows = [row for row in Watcher(all_namespaces=True).look().rows if row.netns and row.netns.inode == inode]
    assert sorted(row.state.value for row in rows) == ["ESTAB", "ESTAB", "LISTEN"]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
