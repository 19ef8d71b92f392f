"""Owners under churn, without privileges, and where processes end in between."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from capture.sockets.limits import limit_text
from capture.sockets.owners import REST_LOOKS, OwnerIndex
from capture.sockets.socket_watch import Watcher
from capture.sockets.sources.namespaces import find_namespaces
from capture.sockets.sources.netlink import DiagSocket
from capture.sockets.sources.socket_errors import SourceUnavailable
from tests.capture.sockets.making import MAKER, Maker, maker
from tests.capture.sockets.network import in_own_network

libc = ctypes.CDLL(None)
CLONE_NEWNS = 0x20000
PR_SET_DUMPABLE = 4
CAP_SYS_PTRACE = 19
LOOKS = 25

CHURN = """
import os, socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
pairs = []
until = time.monotonic() + float(sys.argv[1])
while time.monotonic() < until:
    began = time.monotonic()
    client = socket.create_connection(listener.getsockname())
    server = listener.accept()[0]
    pairs.append((client, server))
    if len(pairs) > 150:
        for one in pairs.pop(len(pairs) // 2):
            one.close()
    time.sleep(max(0, 0.005 - (time.monotonic() - began)))
"""


@pytest.mark.parametrize("thorough", [False, True])
@in_own_network
def test_no_owner_is_wrong_under_churn(thorough: bool) -> None:
    """Two processes with 200 pairs a second each: every socket is on the port of the process that owns it."""
    children = [subprocess.Popen([sys.executable, "-c", CHURN, "120"], stdout=subprocess.PIPE) for _ in range(2)]
    ports = {int((child.stdout or sys.stdin).readline()): child.pid for child in children}
    watcher = Watcher()
    looks = 0
    while all(child.poll() is None for child in children):
        if looks == LOOKS:
            for child in children:
                child.send_signal(signal.SIGSTOP)
            break
        for row in watcher.look(thorough=thorough).rows:
            port = row.local.port if row.local.port in ports else row.remote.port
            assert {owner.pid for owner in row.owners} <= {ports[port]}, row
            assert len(row.owners) <= 1, row.owners
        looks += 1
        time.sleep(0.1)
    assert looks == LOOKS
    # How many were too young to be found depends on the load; once nothing changes, none may be missing.
    for _ in range(REST_LOOKS + 2):  # so many where another test's processes hide theirs
        rows = watcher.look(thorough=thorough).rows
    for child in children:
        child.kill()
        child.wait()
    held = [row for row in rows if row.owners]
    assert len(held) > len(ports)
    for row in rows:
        port = row.local.port if row.local.port in ports else row.remote.port
        expected = set() if row.owner_missing in ("time-wait", "orphan", "not yet accepted") else {ports[port]}
        assert {owner.pid for owner in row.owners} == expected, (row, row.owner_missing)


@in_own_network
def test_processes_that_end_in_between_own_nothing() -> None:
    watcher = Watcher()
    for _ in range(5):
        with maker(50):
            snapshot = watcher.look()
            assert sum(1 for row in snapshot.rows if row.owners) == 101
        time.sleep(0.05)
        snapshot = watcher.look()
        assert not [row for row in snapshot.rows if row.owners]
        assert not snapshot.groups.processes


def become_nobody() -> None:
    """Gives all privileges up, and may then still read its own descriptors, as a program that nobody started could."""
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


@pytest.mark.parametrize("hidepid", [0, 1, 2])
@in_own_network
def test_without_privileges_rows_stay_and_hidden_owners_are_counted(hidepid: int) -> None:
    made = Maker(30)
    if hidepid:
        assert libc.unshare(CLONE_NEWNS) == 0
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "-t", "proc", "-o", f"hidepid={hidepid}", "proc", "/proc"], check=True)
    Watcher().look()  # loads what is read from files that nobody may not read
    limit_text("run_as_root")
    assert find_namespaces
    become_nobody()
    own = socket.create_server(("127.0.0.1", 0))
    snapshot = Watcher().look()
    assert snapshot.source == "sock_diag"
    assert len(snapshot.rows) == 62
    assert snapshot.hidden_owners == 61
    advice = limit_text("hidepid" if hidepid else "run_as_root")
    assert f"owners hidden: 61 sockets; {advice}" in snapshot.limits
    for row in snapshot.rows:
        if row.local.port == own.getsockname()[1]:
            assert [(owner.pid, owner.fd) for owner in row.owners] == [(os.getpid(), own.fileno())]
        else:
            assert row.owner_missing == "no permission"
    assert made.pid


@in_own_network
def test_root_without_the_right_to_trace_is_told_that_owners_are_hidden() -> None:
    """Its /proc/PID/fd may be listed, but no link in it may be read: open descriptors, and whose is not known."""
    with maker(15) as made:
        drop_from_effective(CAP_SYS_PTRACE)
        snapshot = Watcher(exact=True).look()
        assert {row.owner_missing for row in snapshot.rows} == {"no permission"}
        assert snapshot.hidden_owners == 31
        assert any("31 sockets" in limit and "CAP_SYS_PTRACE" in limit for limit in snapshot.limits)
        process = next(one for one in snapshot.processes if one.pid == made.pid)
        assert not process.readable
        assert process.open_files
        assert process.open_files > 31


def drop_from_effective(capability: int) -> None:
    """Takes one capability out of this process's effective set (capset(2), version 3)."""
    header = struct.pack("=Ii", 0x20080522, 0)
    data = bytearray(24)
    buffer = (ctypes.c_char * 24).from_buffer(data)
    assert libc.capget(header, buffer) == 0
    low, high = struct.unpack_from("=I8xI", data)
    both = (low | high << 32) & ~(1 << capability)
    struct.pack_into("=I", data, 0, both & 0xFFFFFFFF)
    struct.pack_into("=I", data, 12, both >> 32)
    assert libc.capset(header, buffer) == 0


@in_own_network
def test_a_source_that_fails_is_followed_by_the_next_and_said_so() -> None:
    with maker(30) as made:
        watcher = Watcher()
        assert watcher.look().source == "sock_diag"

        def fail(*arguments: object, **named: object) -> bytes:
            raise SourceUnavailable("sock_diag: Operation not permitted")

        DiagSocket._walk = fail  # type: ignore[method-assign,assignment]
        for _ in range(2):
            snapshot = watcher.look()
            assert snapshot.source == "procfs"
            assert snapshot.states == {"ESTAB": 60, "LISTEN": 1}
            assert any("Operation not permitted" in limit for limit in snapshot.limits)
            assert sum(1 for row in snapshot.rows if row.owners and row.owners[0].pid == made.pid) == 61
        other = Watcher("psutil").look()
        assert other.states == {"ESTAB": 60, "LISTEN": 1}
        assert {row.owners[0].pid for row in other.rows} == {made.pid}


def test_only_a_source_that_exists_can_be_asked_for() -> None:
    with pytest.raises(ValueError, match="no source of sockets is called 'magic'"):
        Watcher("magic")


def test_a_vanished_proc_leaves_all_owners_unknown(tmp_path: Path) -> None:
    index = OwnerIndex(str(tmp_path / "none"))
    index.refresh()
    index.refresh(thorough=True)
    assert index.processes == []
    assert MAKER.exists()
    assert threading.active_count() >= 1
