"""What one capture gives to the findings of a fleet: groups at each listener, small enough to be sent home."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture.fleet.model import FindingPart
from capture.verdicts import catalogue
from capture.verdicts.groups.group_findings import listener_groups, seen_again, severity_of
from capture.verdicts.groups.group_patterns import describe
from capture.verdicts.groups.proxy_findings import join_proxy_hops
from capture.verdicts.groups.short_connections import short_connections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.model import Finding
    from capture.triage import Triage
    from capture.verdicts.groups.group import Group
    from capture.verdicts.groups.proxy_findings import Hop

SAMPLE = 10
MOST_CLIENTS = 256  # of a group, named
DESCRIBED = 300  # the largest groups, of which is looked for what they have in common
MOST_PARTS = 20_000  # of a capture: a scan of all ports makes a group of each
KEPT = ("wait_s", "silence_s", "age_s", "first_time", "last_time", "by", "per_minute", "client", "where", "closed_by")


def parts_of(triage: Triage) -> Iterator[FindingPart]:
    """The findings of a capture, by listener. Ids are those of its connections."""
    flows, verdicts = triage.decoded.flows, triage.verdicts
    if not len(flows):
        return
    groups = sorted(listener_groups(flows, verdicts), key=lambda group: -len(group.members))[:MOST_PARTS]
    for at, (group, hop) in enumerate(join_proxy_hops(groups, verdicts)):
        yield _part(group, hop, described=at < DESCRIBED)
    for finding in (*short_connections(flows, verdicts), *seen_again(verdicts)):
        yield _whole(triage, finding)


def _part(group: Group, hop: Hop | None, *, described: bool) -> FindingPart:
    flows, first = group.flows, int(group.members[0])
    ends = flows.last_time[group.members]
    title, text = "", ""
    facts: dict[str, object] = {"first_time": int(ends.min()), "last_time": int(ends.max())}
    if described:
        title, text, facts = describe(group, hop.clause() if hop is not None else None)
    keys, counts = np.unique(flows.address[group.members, 0], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_CLIENTS].tolist()
    info = catalogue.info_of(group.cause)
    return FindingPart(
        code=group.cause,
        actor=group.actor,
        key="",
        ip=flows.addresses.text(int(flows.address[first, 1])),
        port=int(flows.port[first, 1]),
        connections=len(group.members),
        total=group.total,
        sample=tuple(group.members[:SAMPLE].tolist()),
        severity=severity_of(group.cause, group.actor, len(group.members), group.total).value,
        title=title,
        text=text,
        playbook=info.playbook if info is not None else None,
        clients={flows.addresses.text(int(keys[at])): int(counts[at]) for at in order},
        clients_seen=len(keys),
        facts={name: facts[name] for name in KEPT if facts.get(name) is not None},
    )


def _whole(triage: Triage, finding: Finding) -> FindingPart:
    """One that is of no listener's share: of a client's habit, or of the capture."""
    client = str(finding.facts.get("client", ""))
    sample = tuple(int(number) for number in finding.sample)
    end = triage.endpoint(sample[0], 1)
    return FindingPart(
        code=finding.code,
        actor=None,
        key=client,
        ip=end.ip,
        port=end.port,
        connections=finding.connections,
        total=0,
        sample=sample,
        severity=finding.severity.value,
        title=finding.title,
        text=finding.text,
        playbook=finding.playbook,
        clients={client: finding.connections} if client else {},
        clients_seen=1 if client else 0,
        facts={name: finding.facts[name] for name in KEPT if finding.facts.get(name) is not None},
    )
