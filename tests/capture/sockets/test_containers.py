"""Inside a container that shares the network, other processes are out of sight, and that is what is said."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path

from capture.sockets.socket_watch import Watcher
from tests.capture.sockets.making import Maker
from tests.capture.sockets.network import in_own_network

CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER = 0x20000, 0x20000000, 0x10000000


@in_own_network
def test_owners_outside_the_pid_namespace_are_in_another_one() -> None:
    outside = Maker(20)
    assert ctypes.CDLL(None).unshare(CLONE_NEWNS | CLONE_NEWPID) == 0
    child = os.fork()
    if child == 0:
        status = 1
        try:
            subprocess.run(["mount", "--make-rprivate", "/"], check=True)
            subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
            inside = Maker(10)
            snapshot = Watcher().look()
            owned = [row for row in snapshot.rows if row.owners]
            assert {row.owners[0].pid for row in owned} == {inside.pid}
            assert len(owned) == 21
            assert {row.owner_missing for row in snapshot.rows if not row.owners} == {"other namespace"}
            assert snapshot.hidden_owners == 41
            assert any("41 sockets" in limit and "pid namespace" in limit for limit in snapshot.limits)
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert outside.pid


@in_own_network
def test_root_of_a_user_namespace_is_told_that_owners_are_hidden() -> None:
    """It is root by name, and may not read one descriptor of those outside."""
    outside = Maker(20)
    Watcher().look()  # loads what is read from files
    assert ctypes.CDLL(None).unshare(CLONE_NEWUSER) == 0
    for name, text in (("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")):
        Path("/proc/self", name).write_text(text)
    assert os.geteuid() == 0
    snapshot = Watcher().look()
    assert {row.owner_missing for row in snapshot.rows} == {"no permission"}
    assert any("41 sockets" in limit and "user namespace" in limit for limit in snapshot.limits)
    assert outside.pid
