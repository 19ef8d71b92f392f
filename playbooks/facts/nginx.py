"""nginx's configuration with file and line (crossplane, nginx's own grammar), and the processes that run it."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from capture.sockets.process_limits import process_details
from playbooks.facts.facts import Absence
from playbooks.facts.its_files import OtherFilesError, below, root_for
from playbooks.facts.nginx_facts import Directive, Nginx, NginxServer
from playbooks.facts.this_host import own_netns
from playbooks.facts.worker_processes import workers_of
from playbooks.language import tr

DEFAULTS = (
    "/etc/nginx/nginx.conf",
    "/usr/local/nginx/conf/nginx.conf",
    "/usr/local/openresty/nginx/conf/nginx.conf",
    "/usr/local/etc/nginx/nginx.conf",
    "/opt/nginx/conf/nginx.conf",
)
MOST_SERVERS = 8
MOST_DIRECTIVES = 50_000
LARGEST_FILE = 8_000_000
_CONFIG = re.compile(r"\s-c\s*(\S+)")
_PREFIX = re.compile(r"\s-p\s*(\S+)")
_OWN = re.compile(r"(/proc/\d+/root)(/.*)", re.DOTALL)
_LOG_DIRECTIVES = ("error_log", "access_log")


def collect_nginx(config: str | None) -> Nginx | Absence:
    """The named configuration, or that of each running nginx, or the one installed. Absent where there is none, or
    where none may be read."""
    masters: list[tuple[int | None, str, str]] = list(_masters())
    if config is not None:
        path = os.path.abspath(config)
        running = next((pid for pid, found, _ in masters if _same(_root(pid, found) + found, path)), None)
        wanted: list[tuple[int | None, str, str]] = [
            (running, path, next((prefix for pid, _, prefix in masters if pid == running), ""))
        ]
    else:
        # One in another network namespace is a container's: its path would be read here, and it is not asked about.
        masters = [one for one in masters if _in_this_network(one[0])]
        wanted = list(masters)
        wanted += [(None, path, "") for path in DEFAULTS if not masters and os.path.exists(path)][:1]
    if not wanted:
        return Absence(
            "not_here", tr("no nginx runs here and no configuration of one was found: --set config=FILE names one")
        )
    named = config is not None
    servers = [_server(path, prefix, master, named) for master, path, prefix in wanted[:MOST_SERVERS]]
    read = [server for server in servers if isinstance(server, NginxServer)]
    if not read:
        return next(server for server in servers if isinstance(server, Absence))
    return Nginx(tuple(read))


def _masters() -> Iterator[tuple[int | None, str, str]]:
    """(pid, configuration, prefix) of each nginx master, the paths as it sees them."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        details = process_details(int(name))
        if details.name != "nginx" or not (details.command or "").startswith("nginx: master process"):
            continue
        command = details.command or ""
        config, prefix = _CONFIG.search(command), _PREFIX.search(command)
        folder = prefix[1].rstrip("/") if prefix else ""
        if config:
            path = config[1] if config[1].startswith("/") else f"{folder or '/etc/nginx'}/{config[1]}"
        else:
            tried = [f"{folder}/conf/nginx.conf", f"{folder}/nginx.conf"] if folder else []
            path = next((one for one in [*tried, *DEFAULTS] if _is_there(int(name), one)), DEFAULTS[0])
        yield int(name), path, folder


def _is_there(pid: int, path: str) -> bool:
    """Whether a process has such a file; where its files may not be looked at, whether this program has."""
    return os.path.exists(_root(pid, path) + path)


def _root(pid: int | None, path: str) -> str:
    try:
        return root_for(pid, path)
    except OtherFilesError:
        return ""


def _in_this_network(pid: int | None) -> bool:
    """Whether a process has the network namespace of this thread; where that may not be seen, it counts as here."""
    try:
        return str(os.stat(f"/proc/{pid}/ns/net").st_ino) == own_netns()
    except OSError:
        return True


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return one == other


def _server(path: str, prefix: str, master: int | None, named: bool) -> NginxServer | Absence:
    import crossplane

    def parse() -> Any:
        if os.path.getsize(path) > LARGEST_FILE:
            return None
        with open(path, "rb"):
            pass
        found = crossplane.parse(path, comments=False, strict=False, check_ctx=False, check_args=False)
        changed = max((_changed(one["file"]) for one in found["config"]), default=0.0)
        if root:
            for one in found["config"]:
                one["file"] = root + os.path.realpath(one["file"])
        return found, changed

    try:
        own = _OWN.fullmatch(path)
        root, path = own.groups() if own is not None else ("" if named else root_for(master, path), path)
        parsed_whole = below(root, parse)
        if parsed_whole is None:
            return Absence("unreadable", tr("{path}: too large for a configuration of nginx", path=path))
        parsed, changed = parsed_whole
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or tr("not readable as text")
        return Absence(
            "unreadable",
            tr("{path}: {reason}: nginx's configuration is unknown (run with sudo?)", path=path, reason=reason),
        )
    except Exception as error:  # crossplane's parser raises many kinds on broken files
        return Absence("unreadable", tr("{path}: cannot be parsed: {error}", path=path, error=error))
    files = tuple(one["file"] for one in parsed["config"])
    flat = itertools.islice(_flattened(parsed["config"]), MOST_DIRECTIVES)
    errors = tuple(f"{one.get('file')}:{one.get('line') or '?'}: {one.get('error')}" for one in parsed["errors"])
    return NginxServer(
        path=root + path,
        files=files,
        directives=tuple(flat),
        errors=errors[:5],
        changed=changed,
        root=root,
        prefix=prefix,
        master=master,
        workers=tuple(workers_of(master)) if master is not None else (),
        deleted_logs=tuple(_deleted_logs(master)) if master is not None else (),
        cpus=os.cpu_count() or 1,
        version=_version(master),
        page=os.sysconf("SC_PAGESIZE"),
        named=named,
    )


def _flattened(configs: list[dict[str, Any]]) -> Iterator[Directive]:
    """Every directive in the order in which nginx reads them, includes in their place."""
    numbers = itertools.count(1)
    if configs:
        yield from _walk(configs, 0, configs[0]["parsed"], (), (), numbers, frozenset((0,)))


def _walk(
    configs: list[dict[str, Any]],
    index: int,
    block: list[dict[str, Any]],
    context: tuple[str, ...],
    outer: tuple[int, ...],
    numbers: Iterator[int],
    seen: frozenset[int],
) -> Iterator[Directive]:
    for entry in block:
        name, args = entry["directive"], tuple(entry["args"])
        if name == "include":
            for included in entry.get("includes", ()):
                if included not in seen:
                    parsed = configs[included]["parsed"]
                    yield from _walk(configs, included, parsed, context, outer, numbers, seen | {included})
            continue
        inner = (*outer, next(numbers)) if "block" in entry else outer
        yield Directive(
            name=name,
            args=args,
            file=configs[index]["file"],
            line=entry["line"],
            context=context,
            block=outer[-1] if outer else 0,
            outer=inner,
        )
        if "block" in entry:
            label = " ".join((name, *args)) if name in ("location", "upstream") else name
            yield from _walk(configs, index, entry["block"], (*context, label), inner, numbers, seen)


def _changed(path: str) -> float:
    """When a file last came to be as it is: a copy may keep the time of its original (cp -p), but not that of its
    inode."""
    try:
        status = os.stat(path)
    except OSError:
        return 0.0
    return max(status.st_mtime, status.st_ctime)


_VERSION = re.compile(rb"nginx/(\d+)\.(\d+)\.(\d+)")


def _version(master: int | None) -> tuple[int, ...]:
    """What the running program, or the installed one, says of itself; empty where it may not be read."""
    import mmap
    import shutil

    installed = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    path = f"/proc/{master}/exe" if master is not None else installed
    try:
        with open(path or "", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            found = _VERSION.search(whole)
            return tuple(int(part) for part in found.groups()) if found else ()
    except (OSError, ValueError):
        return ()


def _deleted_logs(master: int) -> Iterator[str]:
    """Logs that were moved or removed under nginx: it still writes to the file of before."""
    folder = Path(f"/proc/{master}/fd")
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            goal = os.readlink(folder / name)
        except OSError:
            continue
        if goal.endswith(".log (deleted)"):
            yield goal.removesuffix(" (deleted)")
