"""Whose connection was refused or reset: no socket is left of it that a look could find, but the kernel reported it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from capture.kernel.event import EventOwner, KernelEvent, Kind
from capture.model import Finding
from capture.safe_text import printable
from capture.sockets.findings.finding_words import phrase
from capture.sockets.snapshot import Snapshot

REFUSED = "ECONNREFUSED"


def callers_named(look: Snapshot, events: Sequence[KernelEvent]) -> Snapshot:
    """A look whose findings, and the lives of these, name who was refused."""
    named = with_callers(look.findings, events)
    changed = {id(old): new for old, new in zip(look.findings, named, strict=True) if old is not new}
    if not changed:
        return look
    lives = tuple(
        dataclasses.replace(one, finding=changed[id(one.finding)]) if id(one.finding) in changed else one
        for one in look.lives
    )
    return dataclasses.replace(look, findings=named, lives=lives)


def with_callers(findings: Sequence[Finding], events: Iterable[KernelEvent]) -> tuple[Finding, ...]:
    """Findings on refusals and resets that came for nobody who was seen, with the process that most of the connections
    were of."""
    unknown = phrase("unknown_process")
    if not any(_wanting(one, unknown) for one in findings):
        return tuple(findings)
    owned = [event for event in events if event.owner is not None and event.remote]
    by_code = {
        "refusals": [event for event in owned if event.errno == REFUSED],
        "resets": [event for event in owned if event.kind is Kind.RESET_RECEIVED],
    }
    return tuple(_named(one, unknown, by_code[one.code]) if _wanting(one, unknown) else one for one in findings)


def _wanting(finding: Finding, unknown: str) -> bool:
    facts = finding.facts
    return finding.code in ("refusals", "resets") and not facts.get("sent") and facts.get("process") == unknown


def _named(finding: Finding, unknown: str, owned: Iterable[KernelEvent]) -> Finding:
    host, port = finding.facts.get("host"), finding.facts.get("port")
    callers: Counter[EventOwner] = Counter()
    for event in owned:
        if event.remote is not None and event.owner is not None and event.remote.port == port:
            callers[event.owner] += event.count if host in (None, event.remote.ip) else 0
    if not callers.total():
        return finding
    owner = callers.most_common(1)[0][0]
    name = f"{printable(owner.name, 64)}[{owner.pid}]"
    seen = phrase("caller_seen", process=unknown)
    text = finding.text.replace(seen, phrase("caller_told", process=name)).replace(unknown, name)
    facts = {**finding.facts, "process": name, "pid": owner.pid}
    return replace(finding, title=finding.title.replace(unknown, name), text=text, facts=facts)
