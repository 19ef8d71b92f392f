"""The settings of databases, stores, PHP-FPM and proxies that run or are installed here, by their own files."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec import structs

from capture.sockets.process_limits import process_details
from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.facts import Absence
from playbooks.facts.its_files import OtherFilesError, below, root_for
from playbooks.facts.proxy_config import READERS as WAITS
from playbooks.facts.proxy_config import installed
from playbooks.facts.services.mysql import mysql_settings
from playbooks.facts.services.php_fpm import php_fpm_settings
from playbooks.facts.services.postgres import postgres_settings
from playbooks.facts.services.redis import redis_settings
from playbooks.facts.services.ssh import ssh_settings
from playbooks.facts.services.uwsgi import uwsgi_settings
from playbooks.language import tr

PLACES = {
    "postgres": ("/etc/postgresql/*/*/postgresql.conf", "/var/lib/pgsql/data/postgresql.conf"),
    "redis": ("/etc/redis/redis.conf", "/etc/redis.conf"),
    "mysql": ("/etc/mysql/my.cnf", "/etc/my.cnf"),
    "uwsgi": ("/etc/uwsgi/apps-enabled/*.ini",),
    "ssh": ("/etc/ssh/sshd_config",),
    "php-fpm": ("/etc/php/*/fpm/php-fpm.conf", "/etc/php-fpm.conf", "/usr/local/etc/php-fpm.conf"),
}
"""Where packages put them: looked at only where no running server names another."""
NAMES = {
    "postgres": "postgres", "redis-server": "redis", "mysqld": "mysql", "mariadbd": "mysql", "php-fpm": "php-fpm",
    "sshd": "ssh", "uwsgi": "uwsgi",
}  # fmt: skip
OPTIONS = {
    "postgres": re.compile(r"config_file[= ](\S+)"),
    "mysql": re.compile(r"--defaults-file=(\S+)"),
    "redis": re.compile(r"redis-server (/\S+\.conf)"),
    "php-fpm": re.compile(r"php-fpm: master process \((/[^)]+)\)"),
    "uwsgi": re.compile(r"(?:--ini[ =]|\s)(\S+\.ini)(?:\s|$)"),
    "ssh": re.compile(r"sshd:?(?: -\S+)* -f ?(\S+)"),
}
"""Where the command line, or the title that a server gives itself, names the file."""
FILES: dict[str, Callable[[str], list[ServiceSetting]]] = {
    "redis": redis_settings, "mysql": mysql_settings, "php-fpm": php_fpm_settings, "ssh": ssh_settings,
    "uwsgi": uwsgi_settings,
}  # fmt: skip
_DATA = re.compile(r"-D ?(\S+)")


@dataclass(frozen=True, slots=True)
class Server:
    """A server's configuration file; `pid` and `command` where one runs that was started with it, `root` where that one
    has files of its own (its_files.py)."""

    service: str
    path: str
    pid: int | None = None
    command: str = ""
    root: str = ""


def collect_service_settings() -> tuple[ServiceSetting, ...] | Absence:
    """Settings of each server's configuration, those of running ones first. Files only: no server is asked."""
    found: list[ServiceSetting] = []
    unread: list[str] = []
    for server in _known(unread):
        try:
            found += _of_server(server)
        except OSError as error:
            unread.append(f"{error.filename or server.path}: {error.strerror or error}")
    found += _of_proxies(unread)
    if found:
        return tuple(found)
    if unread:
        return Absence("unreadable", "; ".join(unread))
    return Absence("not_here", tr("no configuration of PostgreSQL, MySQL, Redis, PHP-FPM or a proxy was found here"))


def _of_proxies(unread: list[str]) -> Iterator[ServiceSetting]:
    """How long proxies keep the idle connections of their clients, and Envoy those to its upstreams."""
    for program, path, root in installed(None, unread):
        try:
            waits = below(root, lambda program=program, path=path: WAITS[program](path)[0])  # type: ignore[misc]
        except OSError as error:
            unread.append(f"{error.filename or path}: {error.strerror or error}")
            continue
        except ValueError as error:
            unread.append(tr("{path}: cannot be read: {error}", path=path, error=error))
            continue
        for wait in waits:
            name, _, value = wait.written.rpartition(" ")
            if wait.kind == "idle" and name:
                yield ServiceSetting(program, name, value, root + (wait.file or path), wait.line, wait.place)


def _of_server(server: Server) -> list[ServiceSetting]:
    """Its settings, with whose process they are; those of its command line in place of its files'."""
    data = _DATA.search(server.command) if server.service == "postgres" else None
    found = below(server.root, lambda: _read(server, data[1] if data is not None else None))
    if server.pid is None:
        return found
    return [structs.replace(_as_started(one, server.command), pid=server.pid) for one in found]


def _read(server: Server, data: str | None) -> list[ServiceSetting]:
    """What its files say; of one with another root each file as it is found from here, without links on the way."""
    found = postgres_settings(server.path, data) if server.service == "postgres" else FILES[server.service](server.path)
    if not server.root:
        return found
    return [structs.replace(one, file=server.root + os.path.realpath(one.file)) for one in found]


def _as_started(one: ServiceSetting, command: str) -> ServiceSetting:
    """What the command line says of a setting wins: -c name=value, --name=value."""
    name = re.escape(one.name).replace("_", "[-_]")
    given = re.findall(rf"(?:-c ?|--){name}[= ](\S+)", command)
    return structs.replace(one, written=given[-1], file="", line=0) if given else one


def _known(unread: list[str]) -> Iterator[Server]:
    # of a server and its workers with the same command, the first
    ordered = sorted(_running(unread), key=lambda one: -(one.pid or 0))
    running = {(one.service, one.path, _files_of(one.root)): one for one in ordered}
    seen = {path for _, path, _ in running}
    yield from running.values()
    served = {service for service, _, _ in running}
    for service, patterns in PLACES.items():
        if service not in served:
            yield from (Server(service, path) for path in _installed(patterns) if path not in seen)


def _installed(patterns: tuple[str, ...]) -> list[str]:
    return [path for pattern in patterns for path in sorted(glob.glob(pattern))]


def _files_of(root: str) -> object:
    """The same for processes of one container, or chroot."""
    if not root:
        return None
    status = os.stat(root)
    return status.st_dev, status.st_ino


def _running(unread: list[str]) -> Iterator[Server]:
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        pid = int(name)
        details = process_details(pid)
        service = next((one for begin, one in NAMES.items() if (details.name or "").startswith(begin)), None)
        if service is None:
            continue
        command = details.command or ""
        path = _started_with(service, command)
        if path is not None and not path.startswith("/"):
            path = _below_its_folder(pid, path)
        if path is None:
            continue
        try:
            root = root_for(pid, path)
        except OtherFilesError as error:
            unread.append(f"{details.name}[{pid}] {path}: {error.strerror}")
            continue
        if os.path.exists(root + path):
            yield Server(service, path, pid, command, root)


def _started_with(service: str, command: str) -> str | None:
    """The file that a running server reads; None where its command does not tell (its workers, Redis)."""
    option = OPTIONS[service].search(command)
    if option is not None:
        return option[1]
    if service == "postgres":
        data = _DATA.search(command)
        return f"{data[1]}/postgresql.conf" if data is not None else None
    usual = {"mysql": "--no-defaults" not in command, "ssh": "[listener]" in command}.get(service, False)
    return next(iter(_installed(PLACES[service])), None) if usual else None


def _below_its_folder(pid: int, path: str) -> str | None:
    try:
        return os.path.join(os.readlink(f"/proc/{pid}/cwd"), path)
    except OSError:
        return None
