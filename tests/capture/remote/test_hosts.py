"""Hosts that are real: network namespaces reached by a command in ssh's place, and a real sshd on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from capture.kernel.tracefs import open_tracefs

needs_root = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="needs root and ip")
ENTER = '#!/bin/sh\nwhile [ "$1" != "--" ]; do shift; done\nns=$2; shift 2\nexec ip netns exec "$ns" sh -c "$*"\n'
SERVER = """
import socket, struct, sys, time
l = socket.create_server(("10.77.0.1", 8080)); kept = []
print("up", flush=True)
while len(kept) < 3:
    kept.append(l.accept()[0])
    if LINGER: kept[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
time.sleep(60)
"""
OTHER = """
import socket, time
l = socket.create_server(("10.77.0.1", 9))
print("up", flush=True)
time.sleep(60)
"""
CLIENT = """
import socket, time
kept = [socket.create_connection(("10.77.0.1", 8080)) for _ in range(3)]
kept[0].close(); kept[1].close()
print("up", flush=True)
time.sleep(60)
"""


def tcptriage(*words: str, limit: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tui.cli", *words], capture_output=True, text=True, timeout=limit)


def looks(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def two_hosts(tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """Two namespaces with a cable between them; their names, and the command that stands for ssh."""
    names = [f"tt-r{os.getpid()}{end}" for end in "ab"]
    cable = [f"tt{os.getpid()}{end}" for end in "ab"]
    script = tmp_path / "enter"
    script.write_text(ENTER)
    script.chmod(0o755)
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True)
        subprocess.run(["ip", "link", "add", cable[0], "type", "veth", "peer", "name", cable[1]], check=True)
        for number, (name, link) in enumerate(zip(names, cable, strict=True), 1):
            subprocess.run(["ip", "link", "set", link, "netns", name], check=True)
            for words in (["addr", "add", f"10.77.0.{number}/24", "dev", link], ["link", "set", link, "up"]):
                subprocess.run(["ip", "-n", name, *words], check=True)
        yield names[0], names[1], str(script)
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)


@contextlib.contextmanager
def running(namespace: str, code: str) -> Iterator[subprocess.Popen[str]]:
    command = ["ip", "netns", "exec", namespace, sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "up\n"
        try:
            yield program
        finally:
            program.kill()


@needs_root
def test_both_ends_of_a_connection_prove_a_leak(two_hosts: tuple[str, str, str]) -> None:
    server, client, enter = two_hosts
    with running(server, "LINGER = False" + SERVER) as leaking, running(client, CLIENT):
        time.sleep(6)
        done = tcptriage("sockets", "--host", server, "--host", client, "--ssh", enter, "--format", "json")
        found = {str(look["asked"]): look for look in looks(done)}
        states = {name: look["states"] for name, look in found.items()}
        assert states[server] == {"LISTEN": 1, "CLOSE-WAIT": 2, "ESTAB": 1}
        assert states[client] == {"FIN-WAIT-2": 2, "ESTAB": 1}
        (leak,) = [one for one in found[server]["findings"] if one["code"] == "leak_proven"]  # type: ignore[attr-defined]
        assert leak["severity"] == "critical"
        assert leak["connections"] == 2
        assert f"[{leaking.pid}]" in leak["title"]
        assert not [one for one in found[client]["findings"] if one["code"] == "leak_proven"]  # type: ignore[attr-defined]


@needs_root
@pytest.mark.skipif(shutil.which("nft") is None, reason="needs nft")
def test_an_end_that_the_other_host_does_not_know_is_said_after_two_looks(two_hosts: tuple[str, str, str]) -> None:
    server, client, enter = two_hosts
    with running(server, "LINGER = True" + SERVER) as program, running(client, CLIENT):
        time.sleep(1)
        # the server's end goes without a word: its reset is dropped
        rule = "table ip t { chain o { type filter hook output priority 0; ip daddr 10.77.0.2 drop; }; }"
        subprocess.run(["ip", "netns", "exec", server, "nft", "-f", "-"], input=rule, text=True, check=True)
        program.kill()
        with running(server, OTHER):
            time.sleep(5)
            done = tcptriage(
                "sockets", "--host", client, "--host", server, "--ssh", enter, "--format", "json", "--count", "2"
            )
        found = [look["findings"] for look in looks(done) if look["asked"] == client]
        codes = [[one["code"] for one in findings] for findings in found]  # type: ignore[attr-defined]
        assert "one_end_gone" not in codes[0]
        assert codes[1].count("one_end_gone") == 1


@needs_root
def test_a_dead_host_is_named_and_delays_no_other(two_hosts: tuple[str, str, str]) -> None:
    server, client, enter = two_hosts
    subprocess.run(["ip", "netns", "del", client], check=True)
    done = tcptriage("sockets", "--host", server, "--host", client, "--ssh", enter)
    assert done.returncode == 0
    assert done.stdout.startswith(f"{server}: ")
    assert f"tcptriage sockets: {client}: Cannot open network namespace" in done.stderr
    alone = tcptriage("sockets", "--host", client, "--ssh", enter)
    assert alone.returncode == 2
    assert "Traceback" not in alone.stderr


def test_a_hostile_host_is_refused_in_a_line(tmp_path: Path) -> None:
    liar = tmp_path / "liar"
    liar.write_text("#!/bin/sh\nhead -c 100000 /dev/urandom\n")
    liar.chmod(0o755)
    done = tcptriage("sockets", "--host", "far", "--ssh", str(liar))
    assert done.returncode == 2
    assert "tcptriage sockets: far: " in done.stderr
    assert "Traceback" not in done.stderr


def test_what_goes_not_together_is_said() -> None:
    assert tcptriage("sockets", "--host", "far", "--record", "x").returncode == 2
    assert "can be no host" in tcptriage("sockets", "--host=-oProxyCommand=x").stderr


BROKEN = """
import socket, time
l = socket.create_server(("127.0.0.1", 0))
print("up", flush=True)
time.sleep(2)
for _ in range(5):
    c = socket.create_connection(l.getsockname()); s, _ = l.accept()
    c.send(b"x"); time.sleep(.02); s.close(); time.sleep(.05)
    for _ in range(3):
        try: c.send(b"y")
        except OSError: pass
        time.sleep(.01)
time.sleep(60)
"""


@needs_root
def test_kernel_events_of_another_host_name_its_process(two_hosts: tuple[str, str, str]) -> None:
    server, _, enter = two_hosts
    subprocess.run(["ip", "-n", server, "link", "set", "lo", "up"], check=True)
    with running(server, BROKEN) as program:
        done = tcptriage("sockets", "--host", server, "--ssh", enter, "--events", "--interval", "4", "--format", "json")
        (look,) = looks(done)
        (host,) = [look for look in [look] if look["asked"] == server]
        events = [one for one in host["events"] if (one["owner"] or {}).get("pid") == program.pid]  # type: ignore[attr-defined]
        failed = [one for one in events if one["kind"] == "call_failed" and one["errno"] == "EPIPE"]
        assert sum(one["count"] for one in failed) == 10
        assert {one["owner"]["name"] for one in failed} == {Path(f"/proc/{program.pid}/comm").read_text().strip()}
        assert all(one["local"]["ip"] == "127.0.0.1" for one in failed)
        assert any(one["reason"] == "TCP_ABORT_ON_CLOSE" for one in events)
        closed = [one for one in host["events"] if one["kind"] == "closed"]  # type: ignore[attr-defined]
        assert any(one["bytes_sent"] for one in closed)


def instances() -> set[str]:
    return {name for name in open_tracefs().names("instances") if name.startswith("tcptriage-")}


@needs_root
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_stays_on_a_host_whose_ssh_died(two_hosts: tuple[str, str, str], how: signal.Signals) -> None:
    server, _, enter = two_hosts
    before = instances()
    words = ["sockets", "--host", server, "--ssh", enter, "--events", "--interval", "1", "--count", "1000"]
    with subprocess.Popen([sys.executable, "-m", "tui.cli", *words], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        family = {str(one.pid) for one in psutil.Process(program.pid).children(recursive=True)}
        (own,) = {name for name in instances() - before if name[10:] in family}
        program.send_signal(signal.SIGSTOP)  # ssh dies by itself, nobody tells the collector
        os.kill(int(own.removeprefix("tcptriage-")), how)
        for _ in range(100):
            if own not in instances():
                break
            time.sleep(0.1)
        assert own not in instances()
        program.kill()


@needs_root
def test_a_host_with_a_shell_alone_is_read_from_proc(two_hosts: tuple[str, str, str], tmp_path: Path) -> None:
    server, client, _ = two_hosts
    bare = tmp_path / "bin"
    bare.mkdir()
    for tool in ("sh", "cat", "date", "id", "grep", "ls", "sleep", "ss"):
        (bare / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    enter = tmp_path / "enter-bare"
    enter.write_text(ENTER.replace('sh -c "$*"', f'env PATH={bare} sh -c "$*"'))
    enter.chmod(0o755)
    with running(server, "LINGER = False" + SERVER) as program, running(client, CLIENT):
        time.sleep(5)
        done = tcptriage(
            "sockets", "--host", server, "--ssh", str(enter), "--format", "json", "--count", "2", "--events"
        )
        first, last = looks(done)
        assert first["source"] == last["source"] == "procfs"
        assert last["states"] == {"LISTEN": 1, "CLOSE-WAIT": 2, "ESTAB": 1}
        rows = {row["state"]: row for row in last["sockets"]}  # type: ignore[attr-defined]
        assert rows["CLOSE-WAIT"]["owners"][0]["pid"] == program.pid
        assert rows["CLOSE-WAIT"]["owners"][0]["name"] == Path(f"/proc/{program.pid}/comm").read_text().strip()
        assert rows["LISTEN"]["backlog_max"] == 128 or rows["LISTEN"]["backlog_max"] > 0
        assert any("no python3" in limit for limit in last["limits"])  # type: ignore[attr-defined]


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[str]:
    """A real sshd on loopback; the command that reaches it as any host."""
    server = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    if os.geteuid() != 0 or server is None or shutil.which("ssh-keygen") is None:
        pytest.skip("needs root and openssh-server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / key)], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    (tmp_path / "sshd").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nAuthorizedKeysFile {tmp_path}/user.pub\n"
        "StrictModes no\nUsePAM no\nPermitRootLogin yes\nPidFile none\n"
    )
    (tmp_path / "ssh").write_text(
        f"Host *\nPort {port}\nHostName 127.0.0.1\nIdentityFile {tmp_path}/user\nStrictHostKeyChecking no\n"
        f"UserKnownHostsFile {tmp_path}/known\nLogLevel ERROR\n"
    )
    with subprocess.Popen([server, "-D", "-f", str(tmp_path / "sshd")]) as program:
        for _ in range(50):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        try:
            yield f"ssh -F {tmp_path}/ssh"
        finally:
            program.terminate()


def test_a_real_sshd_shows_what_this_machine_shows(sshd: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        port = listener.getsockname()[1]
        done = tcptriage("sockets", "--host", "web1", "--ssh", sshd, "--format", "json", "--count", "2")
        assert done.returncode == 0, done.stderr
        first, last = looks(done)
        assert first["asked"] == last["asked"] == "web1"
        rows = [one for one in last["sockets"] if one["local"]["port"] == port]  # type: ignore[attr-defined]
        assert {row["state"] for row in rows} == {"LISTEN", "ESTAB"}
        assert rows[0]["owners"][0]["pid"] == os.getpid()
        assert last["counters"]
        client.close()
