"""An application's log, read for error lines by playbooks.symptoms."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field

from capture.naming.name_book import EPHEMERAL
from playbooks.facts.facts import Absence
from playbooks.facts.identity import words_of_line
from playbooks.facts.leading_lines import LeadingLines
from playbooks.facts.log_facts import MOST_GROUPS, LogGroup, SymptomLog
from playbooks.facts.log_kind import before, moment_of, nature_of
from playbooks.facts.moments import Moments
from playbooks.facts.this_host import locals_here, own_addresses
from playbooks.language import tr
from playbooks.symptoms.explanation import End

TELLING = 500
"""Characters of a line in which its library is looked for."""


@dataclass(slots=True)
class _Group:
    count: int
    first: str
    last: str
    sample: str
    line: int
    peer: End | None
    same_peer: bool = True
    sources: Counter[str] = field(default_factory=Counter)
    playbooks: set[str] = field(default_factory=set)
    moments: Moments = field(default_factory=Moments)


def _named(group: _Group) -> str:
    """A service as address and port; many connections of one client, each from another port, as its address."""
    if group.peer is None:
        return ""
    return str(group.peer) if group.same_peer else group.peer.ip


def collect_log(path: str | None, since: float | None) -> SymptomLog | Absence:
    """Error lines by symptom and peer, all of the log; those before `since` (epoch seconds) do not count."""
    if path is None:
        return Absence("not_given", tr("no log was named: --set log=FILE reads one"))
    from playbooks.symptoms.log_blocks import LogUnreadable
    from playbooks.symptoms.log_scan import scan_log

    groups: dict[tuple[str, str, int, int], _Group] = {}
    own_ends: set[str] = set()
    read = 0

    def counted(_: int, lines: int) -> None:
        nonlocal read
        read = lines

    try:
        nature = nature_of(path)
        if nature.kind == "binary":
            return Absence("unreadable", tr("{path} is no text: not a log", path=path))
        leading = LeadingLines(since)
        for match in scan_log(path, 0, counted, leading.look):
            explained = match.explained
            if since is not None and before(explained.time, since):
                continue
            if explained.local is not None and explained.local.ip:
                own_ends.add(str(explained.local.ip))
            remote = explained.remote
            ip = str(remote.ip) if remote is not None else ""
            key = (explained.symptom, ip, _service_port(remote), _service_port(explained.local))
            if key not in groups and len(groups) >= MOST_GROUPS:
                key, remote = (explained.symptom, "", 0, 0), None
            when = explained.time or ""
            group = groups.setdefault(key, _Group(0, when, when, match.text.strip()[:300], match.line, remote))
            group.same_peer = group.same_peer and group.peer == remote
            group.count += 1
            words = words_of_line(match.text[:TELLING], remote.port if remote is not None else None)
            group.sources.update({*words, *filter(None, (explained.source,))})
            group.playbooks.add(explained.playbook)
            group.last = when or group.last
            if (moment := moment_of(explained.time or match.near)) is not None:
                group.moments.add(moment)
    except LogUnreadable as error:
        return Absence("unreadable", str(error))
    found = [
        LogGroup(
            symptom,
            _named(one),
            one.count,
            one.first,
            one.last,
            one.sample,
            one.line,
            dict(one.sources),
            tuple(sorted(one.playbooks)),
            one.moments.all(),
        )
        for (symptom, *_), one in groups.items()
    ]
    found += leading.groups()
    if since is not None and not _written_since(path, nature.last, since):
        read = 0  # after a fix: that no error came means nothing where no line came
    return SymptomLog(
        path,
        read,
        tuple(found),
        here=locals_here(own_ends, own_addresses()) if own_ends else None,
        requests=nature.kind == "requests",
        first_time=nature.first,
        last_time=nature.last,
        speaks=nature.speaks,
    )


def _service_port(end: End | None) -> int:
    """An end's port where it can name a service; 0 where it may be a client's, another for each connection."""
    return end.port if end is not None and end.port is not None and end.port < EPHEMERAL else 0


def _written_since(path: str, last: float | None, since: float) -> bool:
    """Whether a line came since: by the last line's time, else by the file's."""
    try:
        return (os.stat(path).st_mtime if last is None else last) >= int(since)
    except OSError:
        return False
