"""How long HAProxy, Apache or Envoy waits, by its own configuration, with file and line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from msgspec import structs

from capture.sockets.process_limits import process_details
from playbooks.facts.apache_config import apache_waits
from playbooks.facts.config_facts import ProxyConfig, ProxyWait
from playbooks.facts.envoy_config import envoy_waits
from playbooks.facts.facts import Absence
from playbooks.facts.haproxy_config import haproxy_waits
from playbooks.facts.its_files import OtherFilesError, below, real_path, root_for
from playbooks.language import tr

DEFAULTS = {
    "haproxy": ("/etc/haproxy/haproxy.cfg", "/usr/local/etc/haproxy/haproxy.cfg"),
    "apache": ("/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf", "/usr/local/apache2/conf/httpd.conf"),
    "envoy": ("/etc/envoy/envoy.yaml", "/etc/envoy/envoy.json"),
}
OPTIONS = {"haproxy": "-f", "apache": "-f", "envoy": "-c"}
NAMES = {"haproxy": "haproxy", "apache2": "apache", "httpd": "apache", "envoy": "envoy"}
LARGEST_FILE = 8_000_000

READERS: dict[str, Callable[[str], tuple[list[ProxyWait], list[str]]]] = {
    "haproxy": haproxy_waits,
    "apache": apache_waits,
    "envoy": envoy_waits,
}


def collect_proxy_config(config: str | None, program: str | None) -> ProxyConfig | Absence:
    """The named configuration, or that of the running or installed proxy; `program` is whose log was read, if any."""
    unread: list[str] = []
    found: list[tuple[str | None, str, str]] = [(_program_of(config), config, "")] if config is not None else []
    found += installed(program, unread) if config is None else ()
    if not found and unread:
        return Absence("unreadable", "; ".join(unread))
    if not found:
        return Absence("not_here", tr("no configuration of HAProxy, Apache or Envoy was found: --set config=FILE"))
    absence = None
    for name, path, root in found:
        read = below(root, lambda name=name, path=path: _read(name or program, path))  # type: ignore[misc]
        if root and isinstance(read, ProxyConfig):
            read = _from_here(read, root)
        if isinstance(read, ProxyConfig):
            return read
        absence = absence or read
    assert absence is not None
    return absence


def _read(program: str | None, path: str) -> ProxyConfig | Absence:
    try:
        if os.path.getsize(path) > LARGEST_FILE:
            return Absence("unreadable", tr("{path}: too large for a proxy's configuration", path=path))
        with open(path, encoding="utf-8", errors="replace") as file:
            program = program or _program_of_text(file.read(200_000))
        if program is None:
            return Absence("unreadable", tr("{path}: no configuration of HAProxy, Apache or Envoy", path=path))
        waits, missing = READERS[program](path)
    except OSError as error:
        return Absence("unreadable", f"{error.filename or path}: {error.strerror or error}")
    except ValueError as error:
        return Absence("unreadable", tr("{path}: cannot be read: {error}", path=path, error=error))
    if not waits and not missing:
        return Absence("unreadable", tr("{path}: says nothing of how long the proxy waits", path=path))
    return ProxyConfig(program, path, tuple(waits), tuple(missing))


def _from_here(read: ProxyConfig, root: str) -> ProxyConfig:
    """The configuration of a process with files of its own, each file as it is found from here."""
    waits = tuple(
        structs.replace(one, file=(real_path(root, one.file) or "") if one.file else "") for one in read.waits
    )
    missing = tuple(one.replace(read.path, root + read.path) for one in read.missing)
    return structs.replace(read, path=real_path(root, read.path) or root + read.path, waits=waits, missing=missing)


def installed(program: str | None, unread: list[str] | None = None) -> Iterator[tuple[str, str, str]]:
    """(program, configuration, root) of the proxies that run or are installed here; of one program where it is named.
    `root` is where a process with files of its own has them (its_files.py), else empty; `unread` gets those whose files
    may not be looked at."""
    seen = set()
    running = list(_running(unread if unread is not None else []))
    told = {name for name, _, _ in running}  # what a package put there is not what one that runs reads
    of_packages = ((name, path, "") for name, paths in DEFAULTS.items() for path in paths if name not in told)
    for name, path, root in (*running, *of_packages):
        there = root + path
        if (program is None or name == program) and there not in seen and os.path.exists(there):
            seen.add(there)
            yield name, path, root


def _running(unread: list[str]) -> Iterator[tuple[str, str, str]]:
    """(program, configuration, root) of each running proxy that names one on its command line."""
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        details = process_details(int(pid))
        program = NAMES.get(details.name or "")
        words = (details.command or "").split()
        if program is None or OPTIONS[program] not in words[:-1]:
            continue
        path = words[words.index(OPTIONS[program]) + 1]
        path = path if path.startswith("/") else os.path.join(_folder(pid), path)
        try:
            yield program, path, root_for(int(pid), path)
        except OtherFilesError as error:
            unread.append(f"{details.name}[{pid}] {path}: {error.strerror}")


def _folder(pid: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return "/"


def _program_of(path: str) -> str | None:
    """By the file's name, where that says it."""
    name = os.path.basename(path).lower()
    if "haproxy" in name:
        return "haproxy"
    if "apache" in name or "httpd" in name:
        return "apache"
    return "envoy" if "envoy" in name else None


def _program_of_text(text: str) -> str | None:
    lines = [line.strip() for line in text.splitlines()]
    if any(line.split()[:1] in (["defaults"], ["frontend"], ["backend"], ["listen"]) for line in lines):
        return "haproxy"
    if any(line.startswith(("<VirtualHost", "ProxyPass", "ServerRoot", "ServerName")) for line in lines):
        return "apache"
    return "envoy" if any("static_resources" in line or "typed_config" in line for line in lines) else None
