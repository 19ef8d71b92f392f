"""Findings over groups: the same cause at the same endpoint is one problem, however many connections it cost."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from capture.model import Certainty, Closer, Ending, Finding, Severity
from capture.verdicts import catalogue
from capture.verdicts.events.event_codes import PAUSE, Context, Trait
from capture.verdicts.groups.group import Group
from capture.verdicts.groups.group_patterns import describe
from capture.verdicts.groups.proxy_findings import Hop, join_proxy_hops
from capture.verdicts.groups.short_connections import short_connections
from capture.wire.numpy_sets import distinct, in_groups, numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.flows.connection_table import FlowTable
    from capture.verdicts.judge import Verdicts
    from capture.verdicts.rules.verdict_template import Template
    from capture.wire.column_types import I32, I64, Bool

MOST_PLACES = 8  # listeners with the same problem; with more, hosts are named, then only their number
MOST_FINDINGS = 60
SAMPLE = 10
UNSEEN = (
    "closed_unanswered", "client_gave_up", "write_after_peer_close", "stale_keepalive", "late_close", "no_response",
)  # fmt: skip
"""Causes that rest on what a peer did not say, or said too late: of one direction alone they are a guess."""
AMID = ("write_after_peer_close", "client_gave_up", "aborted")
"""Causes of which a client that had read enough is one reading."""
RARE = 0.001  # share of a listener's connections below which a problem costs little
NOTABLE = 0.01

_SEVERITIES = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


def find_groups(flows: FlowTable, verdicts: Verdicts, chosen: Bool | None = None) -> list[Finding]:
    """All findings of a capture, most severe first, larger groups first among equals.

    `chosen` (a mask over connections, a filter's) leaves the other ones out, and what is said of whole exchanges.
    """
    if not len(flows):
        return []
    only = verdicts.once if chosen is None else verdicts.once & chosen
    found = [_finding(group, hop) for group, hop in join_proxy_hops(list(_groups(flows, verdicts, only)), verdicts)]
    if chosen is None:
        found += [*short_connections(flows, verdicts), *seen_again(verdicts)]
    found.sort(key=lambda f: (f.severity.rank, -f.connections))
    return found[:MOST_FINDINGS]


def seen_again(verdicts: Verdicts) -> list[Finding]:
    """Connections of which the capture holds another copy: one for all, so that nobody counts them twice."""
    again = sorted(verdicts.relations.same_as)
    if not again:
        return []
    n = f"{len(again):,}"
    return [
        Finding(
            code="seen_again",
            severity=Severity.INFO,
            title=catalogue.finding_title("seen_again", len(again)).format(n=n),
            text=catalogue.clause("seen_again"),
            connections=len(again),
            sample=tuple(again[:SAMPLE]),
            playbook=None,
            facts={"count": len(again)},
        )
    ]


def listener_groups(flows: FlowTable, verdicts: Verdicts) -> Iterator[Group]:
    """Connections with the same cause, acting side and listener, however many listeners share it."""
    return _groups(flows, verdicts, verdicts.once, most=len(flows))


def _groups(flows: FlowTable, verdicts: Verdicts, only: Bool, most: int = MOST_PLACES) -> Iterator[Group]:
    """Connections with the same cause, acting side and listener; where more than `most` share it, wider groups."""
    kinds, labels = _kinds(verdicts)
    kind_of = kinds[verdicts.template_of]
    chosen = np.flatnonzero((kind_of >= 0) & only)
    listener = verdicts.listeners
    totals = np.bincount(listener[verdicts.once], minlength=int(listener.max()) + 1)

    @cache
    def host() -> I64:
        return numbered(flows.address[:, 1])

    for kind in distinct(kind_of[chosen]).tolist():
        cause, actor = labels[kind]
        members = chosen[kind_of[chosen] == kind]
        parts = _split(members, listener[members])
        if len(parts) > most:
            parts = _split(members, host()[members])
        if len(parts) > most:
            parts = [members]
        for part in parts:
            total = int(totals[distinct(listener[part])].sum())
            yield Group(flows, verdicts, cause, actor, part, total)


def _kinds(verdicts: Verdicts) -> tuple[I32, list[tuple[str, int | None]]]:
    """A number for each (cause, acting side) worth a finding, per template; -1 for clean ends."""
    labels: list[tuple[str, int | None]] = []
    numbers = []
    for template in verdicts.templates:
        diagnosis = template.diagnosis
        info = catalogue.causes()[diagnosis.cause]
        if diagnosis.harmless and template.ended_by is Ending.RST:
            label: tuple[str, int | None] = ("harmless", None)
        elif info.clean or diagnosis.harmless:
            numbers.append(-1)
            continue
        else:
            label = (diagnosis.variant or diagnosis.cause, diagnosis.actor)
        if label not in labels:
            labels.append(label)
        numbers.append(labels.index(label))
    return np.array(numbers, np.int32), labels


def _split(members: I64, place: I64) -> list[I64]:
    order = in_groups(place, int(place.max(initial=0)) + 1)
    cuts = np.flatnonzero(np.diff(place[order])) + 1
    return np.split(members[order], cuts)


def _finding(group: Group, hop: Hop | None = None) -> Finding:
    info = catalogue.info_of(group.cause)
    playbook = info.playbook if info is not None else None
    title, text, facts = describe(group, hop.clause() if hop is not None else None)
    return Finding(
        code=group.cause,
        severity=_severity(group),
        title=title,
        text=text,
        connections=len(group.members),
        sample=tuple(group.members[:SAMPLE].tolist()),
        playbook=playbook,
        facts=facts,
    )


def _severity(group: Group) -> Severity:
    if any(group.cause in causes and _all_of(group, tells_little) for causes, tells_little in GUESSES):
        return Severity.INFO
    return severity_of(group.cause, group.actor, len(group.members), group.total)


def _all_of(group: Group, tells: Callable[[Template], bool]) -> bool:
    kinds = distinct(group.verdicts.template_of[group.members])
    return all(tells(group.verdicts.templates[kind]) for kind in kinds)


def _ends_the_capture(template: Template) -> bool:
    """The answer may have come a moment later."""
    return Context.LAST_OF_ALL in template.history.context


def _left_amid_data(template: Template) -> bool:
    """The client left while the answer was coming: it had read enough (`curl | head`), or its user went on to something
    else. Who had waited before that had given up, and what comes long after was not on its way."""
    history, at = template.history, template.end.at
    left = history.fins[0] if history.fins[0] is not None else at
    if left is None or template.closed_first is not Closer.ORIGINATOR or history.events[left].gap >= PAUSE:
        return False
    if history.waiting(0, left) is not None or not history.data(1, before=left) or history.stalled(0, left):
        return False
    unheard = [history.events[i] for i in history.data(1) if history.events[i].has(Trait.LOST)]
    return bool(unheard) and unheard[0].gap < PAUSE


def _cannot_tell(template: Template) -> bool:
    """One direction of a connection alone: what it is called is one reading of several."""
    history = template.history
    return history.heard_of is not None and history.answered and template.diagnosis.certainty is Certainty.POSSIBLE


GUESSES: tuple[tuple[tuple[str, ...], Callable[[Template], bool]], ...] = (
    (UNSEEN, _cannot_tell),
    (AMID, _left_amid_data),
    (("no_response",), _ends_the_capture),
)
"""Causes, and where their packets tell so little of them that they are no alarm."""


def severity_of(cause: str, actor: int | None, members: int, total: int) -> Severity:
    """What it costs users: the cause's own weight, less where it is rare among the `total` of its listeners."""
    info = catalogue.info_of(cause)
    if info is None or info.severity == "none":
        return Severity.INFO
    rank = Severity(info.severity).rank
    if cause == "aborted" and actor == 0:
        rank += 1  # whoever asked went away by itself
    share = members / max(1, total)
    if share < NOTABLE and members < 100:
        rank += 1
    if share < RARE and members < 10:
        rank += 1
    return _SEVERITIES[min(rank, 2)]
