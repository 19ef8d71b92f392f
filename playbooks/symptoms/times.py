"""The time that a log line carries, whoever wrote it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_CLOCK = r"(?P<clock>\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?)"
_ZONE = r"(?P<zone> ?(?:Z\b|UTC\b|GMT\b|[+-]\d{2}:?\d{2}\b))?"
_MONTH = r"(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"

_WITH_YEAR = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<!\d)(?P<year>\d{{4}})[-/.](?P<number>\d{{2}})[-/.](?P<day>\d{{2}})(?:[T ]| - | @ ){_CLOCK}{_ZONE}",
        rf"\b(?P<day>\d{{1,2}})[/ -]{_MONTH}[/ -](?P<year>\d{{4}})[: ]{_CLOCK}{_ZONE}",
        rf"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? {_MONTH} +(?P<day>\d{{1,2}}) {_CLOCK} (?P<year>\d{{4}})(?P<zone>)",
        rf"\b{_MONTH} (?P<day>\d{{1,2}}), (?P<year>\d{{4}}),? (?:at )?{_CLOCK}{_ZONE}",
    )
)
_RAW = tuple(
    re.compile(pattern)
    for pattern in (
        rf"^(?:<\d+>)?({_MONTH} [ \d]\d {_CLOCK.replace('clock', 'c')})",  # syslog: no year
        r"^[IWEF](\d{4} \d{2}:\d{2}:\d{2}\.\d+)",  # klog: no year
        r"^(?:<\d>)?\[ *(\d+\.\d{6})\]",  # kernel: since boot
        rf"^\[?({_CLOCK.replace('clock', 'c')})\b",  # a clock alone
    )
)
_ANY_CLOCK = re.compile(r"\d:\d\d:\d\d")
_EPOCH = re.compile(
    r"(?:\"(?:ts|time|timestamp|@timestamp|msec|t)\": ?\"?|^|\bts=|\btime=)(1[0-9]{9}(?:\.\d+|\d{3})?)(?![\d.])"
)


def time_of(text: str) -> str | None:
    """The first time in a line: ISO 8601 (with its zone where given), or as written where the line has no year."""
    found = time_at(text)
    return found[2] if found else None


def time_at(text: str) -> tuple[int, int, str] | None:
    """The same with the places where it begins and ends."""
    head = text[:4096]
    best: tuple[int, int, str] | None = None
    for pattern in _WITH_YEAR if _ANY_CLOCK.search(head) else ():
        found = pattern.search(head)
        if found and (best is None or found.start() < best[0]):
            best = found.start(), found.end(), _iso(found)
    for pattern in _RAW:
        found = pattern.search(head)
        if found and (best is None or found.start(1) < best[0]):
            best = found.start(1), found.end(1), found[1]
    if best:
        return best
    epoch = _EPOCH.search(head)
    return (epoch.start(1), epoch.end(1), _from_epoch(epoch[1])) if epoch else None


def _iso(found: re.Match[str]) -> str:
    parts = found.groupdict()
    month = int(parts["number"]) if parts.get("number") else _MONTHS[parts["month"].lower()]
    zone = (parts["zone"] or "").strip()
    if zone in ("Z", "UTC", "GMT"):
        zone = "+00:00"
    elif len(zone) == 5:
        zone = f"{zone[:3]}:{zone[3:]}"
    return f"{parts['year']}-{month:02d}-{int(parts['day']):02d}T{parts['clock'].replace(',', '.')}{zone}"


def _from_epoch(text: str) -> str:
    seconds = float(text) / (1000 if len(text) == 13 and "." not in text else 1)
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
