"""Servers whose files are not this program's: mounts of their own, and chroot; read as they see them, changed there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from playbooks.checks.nginx_config import how_to_reload
from playbooks.facts import its_files
from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.facts import Absence, Facts
from playbooks.facts.its_files import OtherFilesError, below, real_path, root_for
from playbooks.facts.log_files import log_paths
from playbooks.facts.nginx import collect_nginx
from playbooks.facts.proxy_config import installed
from playbooks.facts.service_settings import collect_service_settings
from playbooks.server_values import values_of
from tests.playbooks.faults.servers import until
from tests.playbooks.test_server_values import TEMPLATES

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts and chroot need root")
pytestmark = [pytest.mark.root, needs_root]
AS = """
import os, time
comm = os.open("/proc/self/comm", os.O_WRONLY)
{before}
os.write(comm, b"{name}")
print("ready", flush=True)
time.sleep(60)
"""


@contextmanager
def as_server(name: str, *arguments: str, before: str = "pass", mounts: str = "") -> Iterator[int]:
    """A process that goes by a server's name and command line; `mounts` is done in a mount namespace of its own."""
    words = [sys.executable, "-c", AS.format(name=name, before=before), *arguments]
    if mounts:
        words = ["unshare", "-m", "sh", "-c", f'{mounts} && exec "$@"', "sh", *words]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process.pid
    finally:
        process.kill()
        process.wait(5)
        process.stdout.close()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """(what this program sees, what is mounted there for the server)."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    return here, there


def settings_of(pid: int) -> dict[str, ServiceSetting]:
    found = collect_service_settings()
    assert not isinstance(found, Absence)
    return {one.name: one for one in found if one.pid == pid}


@pytest.mark.skipif(shutil.which("unshare") is None, reason="not installed: unshare")
def test_mounts_of_its_own(folders: tuple[Path, Path]) -> None:
    here, there = folders
    (here / "redis.conf").write_text("maxclients 4444\n")
    (there / "redis.conf").write_text(f"include {here}/more.conf\n")
    (there / "real.conf").write_text("# by\nmaxclients 5\n")
    (there / "more.conf").symlink_to(here / "real.conf")
    config = str(here / "redis.conf")
    with as_server("redis-server", "redis-server", config, mounts=f"mount --bind {there} {here}") as pid:
        found = settings_of(pid)["maxclients"]
        assert (found.written, found.file, found.line) == ("5", f"/proc/{pid}/root{here}/real.conf", 2)
        facts = Facts(host="h", time=0, root=True, settings={}, service_settings=(found,))
        values = values_of(TEMPLATES["full-redis"], facts, {"more": "10"})
        assert f"process {pid} has files of its own" in values["now"]
        subprocess.run(["sh", "-ec", values["config_edit"].replace("{{sudo}}", "")], check=True)
        assert (there / "real.conf").read_text() == "# by\nmaxclients 10\n"
        subprocess.run(["sh", "-ec", values["config_unedit"].replace("{{sudo}}", "")], check=True)
        assert (there / "real.conf").read_text() == "# by\nmaxclients 5\n"
    assert (here / "redis.conf").read_text() == "maxclients 4444\n"


@pytest.mark.skipif(shutil.which("unshare") is None, reason="not installed: unshare")
def test_mounts_that_lead_to_the_same_file(folders: tuple[Path, Path]) -> None:
    """A mount namespace alone changes nothing: `ip netns exec` makes one."""
    here, there = folders
    (here / "redis.conf").write_text("maxclients 7\n")
    config = str(here / "redis.conf")
    with as_server("redis-server", "redis-server", config, mounts=f"mount --bind {there} {there}") as pid:
        assert settings_of(pid)["maxclients"].file == config


def test_a_root_of_its_own(folders: tuple[Path, Path]) -> None:
    _, there = folders
    (there / "etc").mkdir()
    (there / "etc/haproxy.cfg").write_text("frontend fe\n  timeout client 7s\n  timeout http-keep-alive 3s\n")
    (there / "proc").mkdir()
    with as_server("haproxy", "haproxy", "-f", "/etc/haproxy.cfg", before=f"os.chroot({str(there)!r})") as pid:
        assert ("haproxy", "/etc/haproxy.cfg", f"/proc/{pid}/root") in list(installed("haproxy"))
        found = collect_service_settings()
        assert not isinstance(found, Absence)
        idle = next(one for one in found if one.file == f"/proc/{pid}/root/etc/haproxy.cfg")
        assert (idle.name, idle.written, idle.line) == ("timeout http-keep-alive", "3s", 3)
        assert real_path(f"/proc/{pid}/root", "/dev/stdout") is None, "its log is not this program's output"
        assert os.path.isfile(__file__), "this program's own root is as it was"


@pytest.mark.skipif(shutil.which("unshare") is None or shutil.which("nginx") is None, reason="not installed: nginx")
def test_nginx_with_mounts_of_its_own(folders: tuple[Path, Path]) -> None:
    here, there = folders
    (here / "nginx.conf").write_text("events {}\n")
    (there / "nginx.conf").write_text(
        f"pid {there}/pid;\nerror_log {here}/error.log;\nevents {{}}\ninclude {here}/more.conf;\n"
    )
    (there / "more.conf").write_text("worker_rlimit_nofile 99;\n")
    command = f"mount --bind {there} {here} && exec nginx -c {here}/nginx.conf"
    subprocess.run(["unshare", "-m", "sh", "-c", command], check=True, timeout=10)
    until(lambda: (there / "pid").exists())
    pid = int((there / "pid").read_text())
    try:
        found = collect_nginx(None)
        assert not isinstance(found, Absence)
        server = next(one for one in found.servers if one.master == pid)
        root = f"/proc/{pid}/root"
        assert (server.root, server.path) == (root, f"{root}{here}/nginx.conf")
        limit = next(one for one in server.directives if one.name == "worker_rlimit_nofile")
        assert (limit.args, limit.where) == (("99",), f"{root}{here}/more.conf:1")
        assert log_paths("error_log", server) == [f"{root}{here}/error.log"]
        reload = how_to_reload(server).replace("{{sudo}}", "")
        assert reload == f"nsenter -t {pid} -m -r nginx -t -c {here}/nginx.conf && kill -HUP {pid}"
        subprocess.run(["bash", "-ec", reload], check=True, capture_output=True, timeout=10)
        named = collect_nginx(f"{root}{here}/nginx.conf")
        assert not isinstance(named, Absence)
        assert (named.servers[0].master, named.servers[0].root) == (pid, root)
    finally:
        os.kill(pid, 15)


def test_what_may_not_be_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a container that is said; what is no container is taken to see the same files."""
    done = os.pipe()
    child = os.fork()
    if child == 0:
        os.setresuid(65534, 65534, 65534)
        found = root_for(os.getppid(), "/etc/hostname")
        monkeypatch.setattr(its_files, "container", lambda pid: "" if pid == os.getpid() else "docker 3f2a")
        try:
            root_for(os.getppid(), "/etc/hostname")
        except OtherFilesError as error:
            found += f"{error.strerror}"
        os.write(done[1], found.encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(done[0], 500).decode() == "in a container (docker 3f2a) that may not be looked into: run with sudo"


def test_what_is_raised_below_a_root_is_raised_here() -> None:
    with pytest.raises(FileNotFoundError):
        below("/proc/self/root", lambda: open("/nonexistent/file"))  # noqa: SIM115
