"""Databases that end idle sessions: the log leads to the server's own setting, cured as printed, and undone."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.lab.harness.namespaces import Namespace
from tests.playbooks.faults.conftest import Checked
from tests.playbooks.faults.servers import until

pytestmark = pytest.mark.root
Check = Callable[..., Checked]
Shell = Callable[[str], str]
IDLE_S = 2.2


def account(name: str) -> tuple[int, int]:
    """An account's user and group."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        pytest.skip(f"no account {name}")
    return found.pw_uid, found.pw_gid


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other accounts may reach: pytest closes its own to them."""
    with tempfile.TemporaryDirectory(prefix="databases-") as made:
        os.chmod(made, 0o755)
        yield Path(made)


def kept(host: Namespace, port: int, first: Callable[[socket.socket], None]) -> bool:
    """Whether a connection that was idle for IDLE_S after its first words is still open."""
    with host.entered():
        client = socket.create_connection(("127.0.0.1", port), timeout=4)
    with closing(client):
        first(client)
        client.settimeout(IDLE_S)
        try:
            while client.recv(4096):
                pass
        except TimeoutError:
            return True
        except ConnectionResetError:
            return False
    return False


@pytest.fixture
def postgres(host: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """PostgreSQL that ends sessions idle for 1 s; its log."""
    server, initdb = shutil.which("postgres"), shutil.which("initdb")
    if server is None or initdb is None or shutil.which("psql") is None:
        pytest.skip("not installed: postgres, initdb, psql")
    uid, gid = account("postgres")
    os.chown(folder, uid, gid)
    data, log = folder / "data", folder / "postgres.log"
    as_it = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    made = [*as_it, initdb, "-D", str(data), "-A", "trust", "-U", "postgres", "--no-sync"]
    subprocess.run(made, check=True, capture_output=True, timeout=60)
    with (data / "postgresql.conf").open("a") as file:
        file.write(
            f"listen_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\nidle_session_timeout = 1000\n"
        )
    with log.open("wb") as out:
        process = host.start(*as_it, server, "-D", str(data), stdout=out, stderr=out)
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGUSER", "postgres")
    try:
        until(lambda: b"ready to accept" in log.read_bytes(), 20)
        yield log
    finally:
        process.terminate()
        process.wait(10)


def hello(client: socket.socket) -> None:
    """PostgreSQL's start-up message, and what it answers, up to ReadyForQuery."""
    words = b"user\0postgres\0database\0postgres\0\0"
    client.sendall((8 + len(words)).to_bytes(4, "big") + (196608).to_bytes(4, "big") + words)
    answer = b""
    while b"Z\0\0\0\5" not in answer:
        answer += client.recv(4096)


def test_an_idle_session_of_postgres(host: Namespace, postgres: Path, check: Check, shell: Shell) -> None:
    assert not kept(host, 5432, hello)
    until(lambda: b"idle-session timeout" in postgres.read_bytes())
    fix = check("keepalive-race", log=postgres).report.fixes[0]
    assert fix.id == "idle-postgres"
    shell(fix.apply)
    until(lambda: kept(host, 5432, hello), 12)  # the server reads its configuration when it comes to it
    shell(fix.undo)
    until(lambda: not kept(host, 5432, hello), 12)


@pytest.fixture
def mariadb(host: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """MariaDB that ends sessions idle for 1 s; its log."""
    if shutil.which("mariadbd") is None or shutil.which("mysql_install_db") is None:
        pytest.skip("not installed: mariadbd, mysql_install_db")
    os.chown(folder, *account("mysql"))
    data, log, unix = folder / "data", folder / "mariadb.log", folder / "s.sock"
    made = ["mysql_install_db", "--no-defaults", "--user=mysql", f"--datadir={data}"]
    subprocess.run([*made, "--auth-root-authentication-method=normal"], check=True, capture_output=True, timeout=90)
    words = ["mariadbd", "--no-defaults", "--user=mysql", f"--datadir={data}", "--bind-address=127.0.0.1"]
    with log.open("wb") as out:
        words += [f"--socket={unix}", "--wait-timeout=1", "--log-warnings=4", "--skip-name-resolve"]
        process = host.start(*words, stdout=out, stderr=out)
    (folder / ".my.cnf").write_text(f"[client]\nsocket={unix}\n")
    monkeypatch.setenv("HOME", str(folder))
    try:
        until(lambda: b"ready for connections" in log.read_bytes(), 20)
        yield log
    finally:
        process.terminate()
        process.wait(10)


def log_in(client: socket.socket) -> None:
    """MariaDB's greeting, and a log-in as root without a password (protocol 4.1)."""
    client.recv(4096)
    flags = (0x0200 | 0x8000 | 0x0008 | 0x80000).to_bytes(4, "little")
    body = flags + (1 << 24).to_bytes(4, "little") + bytes([33]) + bytes(23) + b"root\0" + b"\0" + b"mysql\0"
    body += b"mysql_native_password\0"
    client.sendall(len(body).to_bytes(3, "little") + b"\1" + body)
    assert client.recv(4096)[4:5] == b"\0", "logged in"


def test_the_wait_timeout_of_mariadb(host: Namespace, mariadb: Path, check: Check, shell: Shell) -> None:
    """SET PERSIST is MySQL's alone."""
    user = "root@'127.0.0.1'"
    shell(f"mysql -uroot -e \"CREATE USER {user} IDENTIFIED BY ''; GRANT ALL ON *.* TO {user}\" || true")
    assert not kept(host, 3306, log_in)
    until(lambda: b"Got timeout reading communication packets" in mariadb.read_bytes())
    fix = check("keepalive-race", log=mariadb).report.fixes[0]
    assert fix.id == "idle-mysql"
    shell(fix.apply)
    assert kept(host, 3306, log_in)
    shell(fix.undo)
    assert not kept(host, 3306, log_in)
