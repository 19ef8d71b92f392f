"""An application's log, read for error lines by playbooks.symptoms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from playbooks.facts.model import Absence, LogGroup, SymptomLog

MOST_GROUPS = 5000


@dataclass(slots=True)
class _Group:
    count: int
    first: str
    last: str
    sample: str
    line: int


def collect_log(path: str | None, since: float | None) -> SymptomLog | Absence:
    """Error lines by symptom and peer, all of the log; those before `since` (epoch seconds) do not count."""
    if path is None:
        return Absence("not_given", "no log was named: --set log=FILE reads one")
    from playbooks.symptoms.reading import LogUnreadable
    from playbooks.symptoms.scanning import scan_log

    groups: dict[tuple[str, str], _Group] = {}
    read = 0

    def told(_: int, lines: int) -> None:
        nonlocal read
        read = lines

    try:
        for match in scan_log(path, 0, told):
            explained = match.explained
            if since is not None and _before(explained.time, since):
                continue
            key = (explained.symptom, str(explained.remote) if explained.remote is not None else "")
            if key not in groups and len(groups) >= MOST_GROUPS:
                key = (explained.symptom, "")
            when = explained.time or ""
            group = groups.setdefault(key, _Group(0, when, when, match.text.strip()[:300], match.line))
            group.count += 1
            group.last = when or group.last
    except LogUnreadable as error:
        return Absence("unreadable", str(error))
    found = [
        LogGroup(symptom, peer, one.count, one.first, one.last, one.sample, one.line)
        for (symptom, peer), one in groups.items()
    ]
    return SymptomLog(path, read, tuple(found))


def _before(time: str | None, since: float) -> bool:
    """Whether a line was written before; False where its time does not tell (a time without a zone is local)."""
    if time is None:
        return False
    try:
        return datetime.fromisoformat(time).timestamp() < int(since)
    except (ValueError, OverflowError):
        return False
