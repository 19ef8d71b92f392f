"""nginx's error log, sorted by kind of line."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from playbooks.facts.facts import Absence
from playbooks.facts.log_facts import ErrorLine, ErrorLog
from playbooks.facts.log_files import (
    chosen_logs,
    error_time,
    is_access_log,
    is_error_line,
    is_own,
    last_lines,
)
from playbooks.facts.moments import Moments
from playbooks.facts.nginx_facts import Nginx
from playbooks.facts.proxy_log import is_proxys, not_nginx
from playbooks.language import tr

KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("setrlimit", r"setrlimit\(RLIMIT_NOFILE, \d+\) failed"),
        ("exceed_files", r"worker_connections exceed open file resource limit"),
        ("worker_connections", r"worker_connections are not enough"),
        ("too_many_files", r"\(24: "),
        ("prematurely_closed", r"upstream prematurely closed connection"),
        ("reset", r"\(104: .*upstream|recv\(\) failed \(104: |writev\(\) failed \(104: "),
        ("refused", r"\(111: "),
        ("timed_out", r"upstream timed out|\(110: .*upstream"),
        ("no_live", r"no live upstreams"),
        ("broken_pipe", r"\(32: "),
        ("unreachable", r"\(113: |\(101: "),
        ("no_ports", r"\(99: "),
        ("body_buffered", r"client request body is buffered to a temporary file"),
        ("response_buffered", r"an upstream response is buffered to a temporary file"),
        ("header_too_big", r"upstream sent too big header"),
        ("body_too_large", r"client intended to send too large body"),
    )
)
"""In this order: the first that matches names the line."""
_UPSTREAM = re.compile(r'upstream: "([^"]*)"')
_ADDRESS = re.compile(r"^[a-z]+://(unix:[^:]+|\[[0-9a-f:.]+\](?::\d+)?|[^/:]+(?::\d+)?)")


@dataclass(slots=True)
class _Counted:
    counts: Counter[str] = field(default_factory=Counter)
    older_kinds: Counter[str] = field(default_factory=Counter)
    upstreams: dict[str, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind, _ in KINDS})
    moments: dict[tuple[str, str], Moments] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    lines: int = 0
    older: int = 0

    def add(self, line: str, start: float) -> None:
        """One line; it counts where it is nginx's, and as older where it was written before `start`."""
        if not is_error_line(line):
            return
        when = error_time(line)
        kind = next((kind for kind, pattern in KINDS if pattern.search(line)), None)
        if start and when is not None and when < int(start):
            self.older += 1
            if kind is not None:
                self.older_kinds[kind] += 1
            return
        self.lines += 1
        if when is not None:
            self.times.append(when)
        if kind is None:
            return
        self.counts[kind] += 1
        self.last[kind] = line
        if (found := _UPSTREAM.search(line)) is not None:
            address = _ADDRESS.match(found[1])
            upstream = address[1] if address else found[1]
            self.upstreams[kind][upstream] += 1
            if when is not None:
                self.moments.setdefault((kind, upstream), Moments()).add(when)


def collect_error_log(log: str | None, nginx: Nginx | Absence | None, since: float | None) -> ErrorLog | Absence:
    """The logs' lines by kind. A log that cannot be read makes all absent: it might be the one that tells. So does a
    log of another program: that it holds no line of nginx says nothing."""
    chosen = chosen_logs("error_log", log, nginx, since)
    if isinstance(chosen, Absence):
        return chosen
    counted = _Counted()
    cut = False
    for path, start in chosen:
        try:
            text, was_cut = last_lines(path)
        except OSError as error:
            return Absence("unreadable", f"{path}: {error.strerror or error}")
        cut = cut or was_cut
        before = counted.lines + counted.older
        for line in text:
            counted.add(line, start)
        if counted.lines + counted.older == before and any(line.strip() for line in text):
            if log is not None and is_access_log(text) and not is_proxys(text):
                return Absence("not_given", tr("{path} is an access log: the error log was not named", path=path))
            return not_nginx(path, text, tr("nginx's error log"))
    starts = [start for _, start in chosen]
    return ErrorLog(
        paths=tuple(path for path, _ in chosen),
        lines=counted.lines,
        older=counted.older,
        kinds={kind: _kind(kind, counted) for kind in counted.counts},
        cut=cut,
        older_kinds=dict(counted.older_kinds.most_common()),
        since=min(starts) or None,
        first=min(counted.times, default=None),
        last=max(counted.times, default=None),
        own=is_own("error_log", log, nginx),
    )


def _kind(kind: str, counted: _Counted) -> ErrorLine:
    last = counted.last[kind]
    upstreams = dict(counted.upstreams[kind].most_common(5))
    moments = {name: one.all() for name in upstreams if (one := counted.moments.get((kind, name))) is not None}
    return ErrorLine(kind, counted.counts[kind], upstreams, last[:500], last[:19], moments)
