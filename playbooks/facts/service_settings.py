"""The settings of databases, stores, PHP-FPM and proxies that run or are installed here, by their own files."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator

from capture.sockets.process_limits import process_details
from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.facts import Absence
from playbooks.facts.proxy_config import READERS as WAITS
from playbooks.facts.proxy_config import installed
from playbooks.facts.services.mysql import mysql_settings
from playbooks.facts.services.php_fpm import php_fpm_settings
from playbooks.facts.services.postgres import postgres_settings
from playbooks.facts.services.redis import redis_settings
from playbooks.language import tr

PLACES = {
    "postgres": ("/etc/postgresql/*/*/postgresql.conf", "/var/lib/pgsql/data/postgresql.conf"),
    "redis": ("/etc/redis/redis.conf", "/etc/redis.conf"),
    "mysql": ("/etc/mysql/my.cnf", "/etc/my.cnf"),
    "php-fpm": ("/etc/php/*/fpm/php-fpm.conf", "/etc/php-fpm.conf", "/usr/local/etc/php-fpm.conf"),
}
"""Where packages put them: looked at only where no running server names another."""
NAMES = {
    "postgres": "postgres", "redis-server": "redis", "mysqld": "mysql", "mariadbd": "mysql", "php-fpm": "php-fpm"
}  # fmt: skip
_FPM_TITLE = re.compile(r"php-fpm: master process \((?P<path>/[^)]+)\)")
_OPTION = {
    "postgres": re.compile(r"config_file[= ](\S+)"),
    "mysql": re.compile(r"--defaults-file=(\S+)"),
    "redis": re.compile(r"redis-server (/\S+\.conf)"),
}
_DATA = re.compile(r"-D ?(\S+)")

Found = tuple[str, str, int | None, str | None]
"""(service, configuration file, pid of the running server, its data directory)."""


def collect_service_settings() -> tuple[ServiceSetting, ...] | Absence:
    """Settings of each server's configuration, those of running ones first. Files only: no server is asked."""
    found: list[ServiceSetting] = []
    unread: list[str] = []
    for service, path, pid, data in _known():
        try:
            found += _read(service, path, pid, data)
        except OSError as error:
            unread.append(f"{error.filename or path}: {error.strerror or error}")
    found += _of_proxies(unread)
    if found:
        return tuple(found)
    if unread:
        return Absence("unreadable", "; ".join(unread))
    return Absence("not_here", tr("no configuration of PostgreSQL, MySQL, Redis, PHP-FPM or a proxy was found here"))


def _of_proxies(unread: list[str]) -> Iterator[ServiceSetting]:
    """How long proxies keep the idle connections of their clients, and Envoy those to its upstreams."""
    for program, path in installed(None):
        try:
            waits = WAITS[program](path)[0]
        except OSError as error:
            unread.append(f"{error.filename or path}: {error.strerror or error}")
            continue
        except ValueError as error:
            unread.append(tr("{path}: cannot be read: {error}", path=path, error=error))
            continue
        for wait in waits:
            name, _, value = wait.written.rpartition(" ")
            if wait.kind == "idle" and name:
                yield ServiceSetting(program, name, value, wait.file or path, wait.line, wait.place)


def _read(service: str, path: str, pid: int | None, data: str | None) -> list[ServiceSetting]:
    if service == "postgres":
        return postgres_settings(path, data)
    if service == "php-fpm":
        return php_fpm_settings(path, pid)
    reader: Callable[[str], list[ServiceSetting]] = {"redis": redis_settings, "mysql": mysql_settings}[service]
    return reader(path)


def _known() -> Iterator[Found]:
    running = list(dict.fromkeys(_running()))
    seen = {path for _, path, _, _ in running}
    yield from running
    served = {service for service, *_ in running}
    for service, patterns in PLACES.items():
        if service in served:
            continue
        every = [path for pattern in patterns for path in sorted(glob.glob(pattern))]
        yield from ((service, path, None, None) for path in every if path not in seen)


def _running() -> Iterator[Found]:
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        pid = int(name)
        details = process_details(pid)
        service = next((one for begin, one in NAMES.items() if (details.name or "").startswith(begin)), None)
        command = details.command or ""
        if service == "php-fpm":
            title = _FPM_TITLE.search(command)
            if title is not None:
                yield service, title["path"], pid, None
        elif service is not None and (path := _named(service, command, pid)) is not None:
            yield service, path, pid, _data(service, command)


def _data(service: str, command: str) -> str | None:
    found = _DATA.search(command) if service == "postgres" else None
    return found[1] if found is not None else None


def _named(service: str, command: str, pid: int) -> str | None:
    """The file that a running server was started with; None where its command names none, or none that is there."""
    option = _OPTION[service].search(command)
    data = _data(service, command)
    path = option[1] if option is not None else f"{data}/postgresql.conf" if data is not None else None
    if path is None:
        return None
    if not path.startswith("/"):
        try:
            path = os.path.join(os.readlink(f"/proc/{pid}/cwd"), path)
        except OSError:
            return None
    return path if os.path.exists(path) else None
