"""Which log files to read, from when on, and their last lines: reads are bounded."""

from __future__ import annotations

import gzip
import os
import re
import stat
import time
from datetime import datetime

from capture.packing_magic import GZIP
from playbooks.facts.facts import Absence
from playbooks.facts.its_files import real_path
from playbooks.facts.nginx_facts import Nginx, NginxServer
from playbooks.language import tr

MOST_BYTES = 64 << 20
"""Read from the end of one log."""
RECENT_S = 3600.0
"""Of a log that nobody named, older lines say nothing about now."""
_NOT_FILES = ("off", "stderr", "/dev/null", "/dev/stdout", "/dev/stderr", "syslog:", "memory:")


def is_file(path: str) -> bool:
    """Whether nginx writes such a log to a file: not to syslog, memory, a terminal, or nowhere."""
    return not path.startswith(_NOT_FILES)


def log_paths(directive: str, server: NginxServer) -> list[str]:
    """The files that a configuration writes such logs to, without variables, syslog and /dev."""
    found: dict[str, None] = {}
    for one in server.directives:
        if one.name == directive and one.args and is_file(one.args[0]) and "$" not in one.args[0]:
            path = one.args[0]
            if not path.startswith("/"):
                path = f"{server.prefix or '/usr/share/nginx'}/{path}"
            found[path] = None
    if not found and directive == "error_log":
        found["/var/log/nginx/error.log"] = None
    return [there for path in found if (there := real_path(server.root, path)) is not None]


def chosen_logs(
    directive: str, log: str | None, nginx: Nginx | Absence | None, since: float | None
) -> list[tuple[str, float]] | Absence:
    """(path, from when on) of each log to read. A running nginx's own log counts from when its workers were started:
    what it said before that is of another configuration. Of a log of no running nginx all counts."""
    own: dict[str, float] = {}
    if isinstance(nginx, Nginx):
        for server in nginx.servers:
            if server.workers or log is not None:
                own |= dict.fromkeys(log_paths(directive, server), server.since or 0.0)
    if log is not None:
        start = next((when for path, when in own.items() if same_file(path, log)), 0.0)
        return [(log, max(start, since or 0.0))]
    if own:
        recent = max(since or 0.0, time.time() - RECENT_S)
        there = [(path, max(start, recent)) for path, start in own.items() if os.path.exists(path)]
        return there or Absence("not_here", tr("no such log is there yet: {paths}", paths=", ".join(list(own)[:3])))
    if isinstance(nginx, Absence) and nginx.kind == "unreadable":
        return Absence("unreadable", nginx.why)
    return Absence(
        "not_given", tr("no log was named and no nginx runs whose log it could be: --set log=FILE reads one")
    )


def is_own(directive: str, log: str | None, nginx: Nginx | Absence | None) -> bool:
    """Whether a log is one that the configuration read here writes; a log that nobody named always is."""
    if log is None:
        return True
    servers = nginx.servers if isinstance(nginx, Nginx) else ()
    return any(same_file(path, log) for server in servers for path in log_paths(directive, server))


def same_file(one: str, other: str) -> bool:
    """Whether two paths lead to one file."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.abspath(one) == os.path.abspath(other)


def last_lines(path: str) -> tuple[list[str], bool]:
    """The last MOST_BYTES of a log (gzip too) as lines, and whether earlier ones were left out. Raises OSError."""
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(22, tr("not a regular file"), path)
        if file.read(2) == GZIP:
            file.seek(0)
            try:
                with gzip.open(file) as unpacked:
                    data = unpacked.read(MOST_BYTES)
            except (EOFError, gzip.BadGzipFile) as error:
                raise OSError(22, tr("damaged gzip: {error}", error=error), path) from None
            return data.decode("utf-8", "replace").splitlines(), len(data) == MOST_BYTES
        cut = status.st_size > MOST_BYTES
        file.seek(max(0, status.st_size - MOST_BYTES))
        lines = file.read(MOST_BYTES).decode("utf-8", "replace").split("\n")
    return (lines[1:] if cut else lines), cut


_ERROR_TIME = re.compile(r"(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d) \[[a-z]+\] \d+#\d+: ")
"""As every line of nginx's error log has it; before it a container's runtime or syslog may put words of its own."""
MOST_PREFIX = 200
_ACCESS_TIME = re.compile(
    r"\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[+-]\d\d:\d\d|Z))"
)


def error_time(line: str) -> float | None:
    """Epoch seconds of a line of nginx's error log (local time); None where it has none."""
    found = _ERROR_TIME.search(line, 0, MOST_PREFIX)
    if not found:
        return None
    try:
        return datetime(*(int(part) for part in found.groups())).timestamp()  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None


def access_time(line: str) -> float | None:
    """Epoch seconds of a line of an access log ($time_local or $time_iso8601)."""
    found = _ACCESS_TIME.search(line)
    if not found:
        return None
    try:
        if found[1]:
            return datetime.strptime(found[1], "%d/%b/%Y:%H:%M:%S %z").timestamp()
        return datetime.fromisoformat(found[2].replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def is_error_log(lines: list[str]) -> bool:
    """Whether most of the first lines are those of nginx's error log."""
    first = [line for line in lines[:50] if line]
    return bool(first) and sum(1 for line in first if is_error_line(line)) * 2 > len(first)


def is_error_line(line: str) -> bool:
    """Whether a line is one of nginx's error log."""
    return _ERROR_TIME.search(line, 0, MOST_PREFIX) is not None


def is_access_log(lines: list[str]) -> bool:
    """Whether the first lines carry an access log's time."""
    first = [line for line in lines[:50] if line]
    return bool(first) and sum(1 for line in first if _ACCESS_TIME.search(line)) * 2 > len(first)
