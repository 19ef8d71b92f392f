"""What the looks at sockets hand to the checks: whose they are, what could not be seen, unknown told from none."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from playbooks.facts.collecting import collect
from playbooks.facts.socket_facts import Sockets
from playbooks.facts.socket_looks import collect_sockets, tells_bound
from tests.capture.sockets.network import in_own_network
from tests.capture.sockets.sources.test_namespaces import process_in_new_network


@in_own_network
def test_a_process_of_another_namespace_is_looked_at_there() -> None:
    pid, inode = process_in_new_network()
    here, there = collect_sockets(), collect_sockets(pid)
    assert isinstance(here, Sockets)
    assert isinstance(there, Sockets)
    assert here.rows == ()
    assert here.netns is None
    assert 3 in [one.sockets for one in here.elsewhere if f"[{pid}]" in one.name]
    assert sorted(row.state for row in there.rows) == ["ESTAB", "ESTAB", "LISTEN"]
    assert there.netns is not None
    assert there.netns.startswith(f"{inode} ")
    assert {row.netns for row in there.rows} == {there.netns}
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@in_own_network
def test_settings_are_those_of_the_process_s_network() -> None:
    pid, _ = process_in_new_network()
    Path("/proc/sys/net/ipv4/tcp_fin_timeout").write_text("17")
    own, other = collect(("kernel",), {}), collect(("kernel",), {"pid": str(pid)})
    assert own.sysctl("net.ipv4.tcp_fin_timeout") == 17
    assert other.sysctl("net.ipv4.tcp_fin_timeout") == 60
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@in_own_network
def test_listeners_tell_what_they_serve_and_unix_ones_are_there(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_INET6)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(("::", 0))
    listener.listen(7)
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(tmp_path / "u.sock"))
    unix.listen(3)
    facts = collect_sockets()
    assert isinstance(facts, Sockets)
    (row,) = facts.rows
    assert (row.v6_only, row.backlog_max) == (True, 7)
    assert facts.unix is not None
    (found,) = facts.unix
    assert (found.path, found.waiting, found.most) == (str(tmp_path / "u.sock"), 0, 3)
    assert found.owners[0].pid == os.getpid()


def test_a_socket_that_is_only_bound_holds_its_port() -> None:
    assert tells_bound("6.8.0-31-generic")
    assert tells_bound("7.0")
    assert not tells_bound("6.1.0-18-amd64")
    assert not tells_bound("unknown")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        found = collect_sockets()
        assert isinstance(found, Sockets)
        if found.bound is None:
            pytest.skip("this kernel, or this user's source, does not list sockets that are only bound")
        assert str(bound.getsockname()[1]) in {str(one.local.port) for one in found.bound}
