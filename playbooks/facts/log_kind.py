"""What kind of file a log is, and from when to when it tells: none of these errors in a file of something else says
nothing."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from capture.packing_magic import GZIP, ZSTD

SAMPLED = 400
"""Lines looked at, from the beginning."""
STRANGE, REQUESTS = 0.02, 0.8
"""The share of characters that no text has, and of lines that are of one kind, from which on the whole file is such."""
TAIL = 64 << 10
_CONTROL = frozenset(chr(number) for number in range(32)) - set("\t\n\r\x0b\x0c\x1b") | {"\ufffd", "\x7f"}

_NO_CONNECTIONS = re.compile(
    r"\s(?:cron|crond|anacron|atd|sudo|su|login|passwd|chpasswd|useradd|usermod|groupadd|logrotate|systemd-logind|auditd)"
    r"(?:\[\d+\])?: |^\S+ \S+ (?:install|status|configure|upgrade|remove|purge|trigproc|startup|conffile) \S|"
    r"^(?:Start-Date|End-Date|Commandline|Install|Upgrade|Remove|Requested-By): |^type=[A-Z_]+ msg=audit\(",
    re.IGNORECASE,
)
"""Lines of programs that hold no connections of their own: cron, logins, package managers, the audit."""
_PROXYS = re.compile(r"\bhaproxy\[\d+\]: (?!.*\b(?:server|proxy|backend) \S+ (?:is|has|started|stopped)\b)")
"""HAProxy's lines of a format of its own; what it says of servers that go down are no requests."""
_ASKED = frozenset(
    ("uri", "request", "request_uri", "path", "url", "method", "request_method", "http_method", "verb", "requestpath")
)
_LEVELS = frozenset(("level", "severity", "lvl", "loglevel", "msg", "message", "error", "err"))

Kind = Literal["text", "requests", "binary"]


@dataclass(frozen=True, slots=True)
class Nature:
    """`first` and `last`: the first and last moment that its lines tell, epoch seconds; None where they tell none.
    `speaks`: whether it may be of a program that holds connections."""

    kind: Kind
    first: float | None
    last: float | None
    speaks: bool = True


def nature_of(path: str) -> Nature:
    """By the first lines; the last moment by the end of the file, where it is no packed one. Raises LogUnreadable."""
    from playbooks.symptoms.log_blocks import blocks_of

    block = next(iter(blocks_of(path)), b"")
    lines = [line for line in block[: TAIL * 4].decode("utf-8", "replace").splitlines()[:SAMPLED] if line.strip()]
    ending = _last_lines(path)
    sampled = [*lines, *ending]
    speaks = sum(1 for line in sampled if _NO_CONNECTIONS.search(line)) < REQUESTS * len(sampled) or not sampled
    return Nature(kind_of(lines), _first_moment(lines), _first_moment(reversed(ending)), speaks)


def kind_of(lines: list[str]) -> Kind:
    """binary: characters that no text has; requests: an access log, or a proxy's log of how requests ended."""
    text = "".join(lines)
    if sum(1 for character in text if character in _CONTROL) > STRANGE * len(text):
        return "binary"
    asked = sum(1 for line in lines if _is_request(line))
    return "requests" if lines and asked >= REQUESTS * len(lines) else "text"


def _is_request(line: str) -> bool:
    from playbooks.symptoms.access_logs import read_access
    from playbooks.symptoms.proxies import read_envoy, read_haproxy

    low = line.lower()
    if read_access(low) or read_haproxy(line, low) or read_envoy(line, low):
        return True
    return _PROXYS.search(low) is not None or _has_request_fields(line)


def _has_request_fields(line: str) -> bool:
    """Whether a JSON line is a request by its fields, whatever its format calls them: what was asked, and a status of
    HTTP; not where it also has words of a level, as applications have."""
    if not line.lstrip().startswith("{"):
        return False
    try:
        fields = json.loads(line)
    except ValueError:
        return False
    names = {str(name).lower() for name in fields}
    statuses = [value for value in fields.values() if _is_status(value)]
    return bool(statuses and names & _ASKED and not names & _LEVELS)


def _is_status(value: object) -> bool:
    return str(value).isascii() and str(value).isdigit() and 100 <= int(str(value)[:9]) <= 599


def moment_of(time: str | None) -> float | None:
    """Epoch seconds of a line's time (a time without a zone is local); None where it does not tell."""
    try:
        return None if time is None else datetime.fromisoformat(time).timestamp()
    except (ValueError, OverflowError):
        return None


def before(time: str | None, since: float) -> bool:
    """Whether a line was written before; False where its time does not tell."""
    moment = moment_of(time)
    return moment is not None and moment < int(since)


def _first_moment(lines: Iterable[str]) -> float | None:
    from playbooks.symptoms.times import time_of

    found = (moment_of(time_of(line)) for line in lines)
    return next((moment for moment in found if moment is not None), None)


def _last_lines(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            if file.read(4).startswith((GZIP, ZSTD, b"\xff\xfe", b"\xfe\xff")):
                return []
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            return file.read(TAIL).decode("utf-8", "replace").splitlines()[-SAMPLED:]
    except OSError:
        return []
