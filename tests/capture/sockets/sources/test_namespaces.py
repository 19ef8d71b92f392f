"""Sockets of other network namespaces, named, and namespaces that end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from capture.filters import parse
from capture.sockets.socket_groups import members
from capture.sockets.socket_watch import Watcher
from capture.sockets.sockets_report import document, text
from capture.sockets.sources import namespaces
from capture.sockets.sources.counters import parse_file, read_counters
from capture.sockets.sources.namespaces import (
    NamespaceSource,
    container_of,
    find_namespaces,
    in_network_of,
    namespace_of,
    open_namespace,
)
from tests.capture.sockets.network import enter_new_network, in_own_network
from tests.capture.sockets.test_owners import become_nobody
from tui.rows.live_rows import GroupRows

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


def process_in_new_network(address: str = "127.0.0.1") -> tuple[int, int]:
    """A process that listens in a network of its own: (pid, inode of the namespace)."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        enter_new_network()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, 4321), family=family)
        client = socket.create_connection((address, 4321))
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
    wide._others._searched = None
    snapshot = wide.look()
    # Not by the inode: once nobody holds the namespace, the next one that anybody makes may have the same.
    assert not [row for row in snapshot.rows if str(row.netns) == str(rows[0].netns)]
    assert not [found for found in find_namespaces().values() if found.pid == pid]


@in_own_network
def test_sockets_of_a_namespace_that_is_not_looked_into_are_counted_and_named() -> None:
    """IPv6's are counted in a file of their own: a dual-stack server has no others."""
    pid, _ = process_in_new_network()
    six, _ = process_in_new_network("::1")
    snapshot = Watcher().look()
    assert not snapshot.rows
    held = {one.namespace.name.partition("[")[2]: one.sockets for one in snapshot.unseen}
    assert (held[f"{pid}]"], held[f"{six}]"]) == (3, 3)
    told = text(snapshot)
    # what is found without a socket is of the whole machine: other tests' processes
    assert snapshot.findings or "nothing asks for attention among 0 sockets; not seen:" in told
    said = next(limit for limit in snapshot.limits if "not looked into" in limit)
    assert said in told
    wide = Watcher(all_namespaces=True).look()
    assert {pid, six} <= {owner.pid for row in wide.rows for owner in row.owners}
    assert not any("not looked into" in limit for limit in wide.limits)
    for child in (pid, six):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@in_own_network
def test_the_namespace_of_one_process_is_looked_at_in_place_of_the_own() -> None:
    pid, inode = process_in_new_network()
    inside = namespace_of(pid)
    assert inside is not None
    assert namespace_of(os.getpid()) is None
    snapshot = Watcher(inside=inside).look()
    assert sorted(row.state.value for row in snapshot.rows) == ["ESTAB", "ESTAB", "LISTEN"]
    assert {row.netns.inode for row in snapshot.rows if row.netns} == {inode}
    assert inode not in [one.namespace.inode for one in snapshot.unseen]
    own = os.stat("/proc/self/ns/net").st_ino
    assert in_network_of(pid, lambda: os.stat("/proc/thread-self/ns/net").st_ino) == inode
    assert in_network_of(None, lambda: os.stat("/proc/thread-self/ns/net").st_ino) == own
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@in_own_network
def test_a_source_inside_another_namespace_tells_what_is_its_own() -> None:
    pid, _ = process_in_new_network()
    found = namespace_of(pid)
    assert found is not None
    source, own = open_namespace(found), read_counters()
    assert isinstance(source, NamespaceSource)
    counters = source.counters()
    assert (counters["ActiveOpens"], counters["PassiveOpens"], own["ActiveOpens"]) == (1, 1, 0)
    backlog = set(parse_file("softnet_stat", Path("/proc/net/softnet_stat").read_text()))
    assert set(own) - set(counters) == backlog  # the whole machine's
    assert source.interfaces() == {1: "lo"}
    assert source.number == os.stat(f"/proc/{pid}/net/tcp").st_ino
    assert [len(bytes(chunk)) > 0 for chunk in source.listeners()] == [True]
    source.tap_resets().close()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with pytest.raises(OSError, match=str(pid)):
        source.interfaces()
    source.close()


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


@in_own_network
def test_an_interface_may_have_any_bytes_for_a_name_here_and_elsewhere() -> None:
    def listening() -> socket.socket:
        link = b"\xff\xfe0"
        for words in ((b"add", link, b"type", b"veth", b"peer", b"name", b"veth8"), (b"set", link, b"up")):
            subprocess.run([b"ip", b"link", *words], check=True)
        subprocess.run([b"ip", b"addr", b"add", b"fe80::7/64", b"dev", link, b"nodad"], check=True)
        (index,) = (index for index, name in socket.if_nameindex() if os.fsencode(name) == link)
        listener = socket.socket(socket.AF_INET6)
        listener.bind(("fe80::7", 4321, 0, index))
        listener.listen()
        return listener

    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        enter_new_network()
        listener = listening()
        os.write(writing, b"x")
        signal.pause()
        listener.close()
    os.read(reading, 1)
    with listening(), Watcher(all_namespaces=True) as watcher:
        for _ in range(2):  # links are counted from the second look on
            snapshot = watcher.look()
        held = [row for row in snapshot.rows if {owner.pid for owner in row.owners} & {pid, os.getpid()}]
        assert [row.scope for row in held] == [r"\xff\xfe0"] * 2
        told = [one for one in document(snapshot)["sockets"] if one.get("interface") == r"\xff\xfe0"]
        assert len(json.dumps(told)) > 0 < len(told)
        assert "LISTEN" in text(snapshot)
        assert all(r"link:\xff\xfe0" in view.counters for view in snapshot.namespaces if view.netns is None)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@in_own_network
def test_groups_and_scopes_of_another_namespace_carry_its_name() -> None:
    pid = os.fork()
    if pid == 0:
        enter_new_network()
        subprocess.run(["ip", "link", "add", "veth7", "type", "veth", "peer", "name", "veth8"], check=True)
        for link in ("veth7", "veth8"):
            subprocess.run(["ip", "link", "set", link, "addrgenmode", "none"], check=True)
            subprocess.run(["ip", "link", "set", link, "up"], check=True)
        subprocess.run(["ip", "addr", "add", "fe80::7/64", "dev", "veth7", "nodad"], check=True)
        listener, client = socket.socket(socket.AF_INET6), socket.socket(socket.AF_INET6)
        listener.bind(("fe80::7", 4321, 0, socket.if_nametoindex("veth7")))
        listener.listen()
        client.connect(listener.getsockname())
        signal.pause()
    wide = Watcher(all_namespaces=True)
    until = time.monotonic() + 10
    while True:
        snapshot = wide.look()
        rows = [row for row in snapshot.rows if any(owner.pid == pid for owner in row.owners)]
        if len(rows) == 2 or time.monotonic() > until:
            break
        time.sleep(0.1)
        wide._others._searched = None
    assert {row.scope for row in rows} == {"veth7"}
    place = rows[0].netns
    assert place is not None
    (host,) = [group for group in snapshot.groups.hosts if group.key == f"{place}|fe80::7"]
    assert host.label == f"fe80::7 @{place.name}"
    assert len(members(host, snapshot.rows)) == host.sockets > 0
    key = GroupRows((host,), "peer").key(0)
    wanted = parse(str(key))
    assert sum(map(wanted.matches_socket, snapshot.rows)) == host.sockets
    told = [one for one in document(snapshot)["sockets"] if one.get("interface")]
    assert {one["interface"] for one in told if one["netns"] == str(place)} == {"veth7"}
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@in_own_network
def test_a_mounted_namespace_is_not_told_twice_to_those_who_may_not_read_inodes() -> None:
    """Whose processes' inodes are hidden sees the same namespace by its number, and the mount without one."""
    name = f"twice{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        pid = os.fork()
        if pid == 0:
            descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY)
            namespaces._enter(descriptor)
            listener = socket.create_server(("0.0.0.0", 4321))
            signal.pause()
            listener.close()
        Watcher(all_namespaces=True).look()  # loads what is read from files
        seeing, waiting = os.pipe()
        looker = os.fork()
        if looker == 0:
            become_nobody()
            snapshot = Watcher(all_namespaces=True).look()
            told = [one.namespace.name for one in snapshot.unseen if name in one.namespace.name]
            held = [row for row in snapshot.rows if row.local.port == 4321]
            os.write(waiting, f"{len(told)} {len(held)}".encode())
            os._exit(0)
        os.waitpid(looker, 0)
        assert os.read(seeing, 100) == b"0 1"
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)
