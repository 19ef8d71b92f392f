"""nginx's error log, sorted by kind of line."""

from __future__ import annotations

import re
from collections import Counter

from playbooks.facts.log_files import chosen_logs, error_time, is_access_log, last_lines
from playbooks.facts.model import Absence, ErrorLine, ErrorLog, Nginx

KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
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


def collect_error_log(log: str | None, nginx: Nginx | Absence | None, since: float | None) -> ErrorLog | Absence:
    """The logs' lines by kind. A log that cannot be read makes all absent: it might be the one that tells."""
    chosen = chosen_logs("error_log", log, nginx, since)
    if isinstance(chosen, Absence):
        return chosen
    counts: Counter[str] = Counter()
    upstreams: dict[str, Counter[str]] = {kind: Counter() for kind, _ in KINDS}
    last: dict[str, str] = {}
    lines = older = 0
    cut = False
    for path, start in chosen:
        try:
            text, was_cut = last_lines(path)
        except OSError as error:
            return Absence("unreadable", f"{path}: {error.strerror or error}")
        cut = cut or was_cut
        if log is not None and is_access_log(text):
            return Absence("not_given", f"{path} is an access log: the error log was not named")
        current = True
        for line in text:
            if not line:
                continue
            if start and (when := error_time(line)) is not None:
                current = when >= int(start)
            if not current:
                older += 1
                continue
            lines += 1
            kind = next((kind for kind, pattern in KINDS if pattern.search(line)), None)
            if kind is None:
                continue
            counts[kind] += 1
            last[kind] = line
            if (found := _UPSTREAM.search(line)) is not None:
                address = _ADDRESS.match(found[1])
                upstreams[kind][address[1] if address else found[1]] += 1
    kinds = {
        kind: ErrorLine(kind, count, dict(upstreams[kind].most_common(5)), last[kind][:500], last[kind][:19])
        for kind, count in counts.items()
    }
    return ErrorLog(tuple(path for path, _ in chosen), lines, older, kinds, cut)
