"""What is wrong with the live connections: groups over a threshold (thresholds.py), in words (findings.toml).

Each rule sees counts and the few rows that may matter, never all of them. Facts carry `pid`, `port` and `host` under
the names that the playbooks' settings have.
"""

from __future__ import annotations

from msgspec.structs import replace

from capture.model import Finding
from capture.safe_text import printable
from capture.sockets.findings import (
    bound_findings,
    descriptor_findings,
    leak_findings,
    link_findings,
    listener_findings,
    nginx_workers,
    port_findings,
    reader_findings,
    reset_findings,
    stall_findings,
)
from capture.sockets.findings.finding_words import phrase
from capture.sockets.findings.look_history import Looks, MachineRule, NamespaceRule
from capture.sockets.watched_namespace import WatchedNamespace

MACHINE_RULES: tuple[MachineRule, ...] = (
    *descriptor_findings.MACHINE_RULES,
    *nginx_workers.MACHINE_RULES,
    *link_findings.MACHINE_RULES,
)
NAMESPACE_RULES: tuple[NamespaceRule, ...] = (
    *link_findings.NAMESPACE_RULES,
    *leak_findings.NAMESPACE_RULES,
    *port_findings.NAMESPACE_RULES,
    *bound_findings.NAMESPACE_RULES,
    *listener_findings.NAMESPACE_RULES,
    *stall_findings.NAMESPACE_RULES,
    *reader_findings.NAMESPACE_RULES,
    *reset_findings.NAMESPACE_RULES,
)


def find(looks: Looks) -> list[Finding]:
    """All findings of a look, most severe first, larger ones before smaller."""
    found = [one for rule in MACHINE_RULES for one in rule(looks)]
    for namespace in looks.namespaces:
        found += [_placed(one, namespace) for rule in NAMESPACE_RULES for one in rule(looks, namespace)]
    looks.trends.forget_before(looks.now)
    return sorted(found, key=lambda one: (one.severity.rank, -one.connections, one.code, one.title))


def _placed(found: Finding, namespace: WatchedNamespace) -> Finding:
    """Names the namespace of a finding that is not in the program's own."""
    if namespace.netns is None:
        return found
    title = phrase("in_namespace", title=found.title, netns=printable(namespace.netns.name))
    return replace(found, title=title, facts=found.facts | {"netns": str(namespace.netns)})
