"""Findings on ephemeral ports that bind() took: each for itself, whatever its destination.

connect() shares a local port between destinations, so that most of the ports are in use only once far more connections
than that exist. Sockets that called bind() first never share. So where most ports are in use and no two sockets share
one, bind() chose them, though the kernel's dump does not say so.
"""

from __future__ import annotations

from collections.abc import Iterator

from capture.model import Finding, Severity
from capture.sockets import inet_diag_msg as diag
from capture.sockets.findings.finding_words import (
    finding,
    growth_text,
    per_minute,
    phrase,
    pile_holder,
    process_text,
    room_text,
    seconds_left,
    share_text,
)
from capture.sockets.findings.look_history import Looks, NamespaceRule
from capture.sockets.findings.piles import pile_up
from capture.sockets.row import SocketRow
from capture.sockets.watched_namespace import WatchedNamespace

_WILDCARDS = (b"\0" * 4, b"\0" * 16)
SHARED = 1.05
"""More sockets than ports by this much, and connect() has shared some."""


def ports_bound(looks: Looks, namespace: WatchedNamespace) -> Iterator[Finding]:
    """Local addresses most of whose ephemeral ports are taken so; not those that are short toward one destination
    already (ports_running_out says more). Judged anew with each look for bound sockets."""
    if namespace.bound_at == looks.now:
        namespace.bound_findings = list(_judged(looks, namespace))
    yield from namespace.bound_findings


def _judged(looks: Looks, namespace: WatchedNamespace) -> Iterator[Finding]:
    low, high = namespace.settings.ip_local_port_range
    ports = namespace.settings.ephemeral_ports
    wanted = max(2.0, looks.thresholds.ports_bound_share * ports)
    bound: dict[bytes, list[int]] = {}
    for raw in namespace.bound.values():
        if low <= (port := _port(raw)) <= high:
            bound.setdefault(diag.local_address(raw), []).append(port)
    anywhere = [port for wildcard in _WILDCARDS for port in bound.get(wildcard, ())]
    for local in {*namespace.aggregates.sources, *bound}:
        held = anywhere if local in _WILDCARDS else [*bound.get(local, ()), *anywhere]
        sockets = namespace.aggregates.sources.get(local, 0) + len(held)
        if not wanted <= sockets <= SHARED * ports or _scarce(looks, namespace, local, ports):
            continue
        rows = [row for row in namespace.connections.rows.values() if diag.local_address(row.raw) == local]
        rows = [row for row in rows if low <= _port(row.raw) <= high]
        used = len({_port(row.raw) for row in rows} | set(held))
        if used >= wanted and len(rows) + len(held) <= SHARED * used:
            yield _ports_bound(looks, namespace, local, used, len(held), rows)


def _scarce(looks: Looks, namespace: WatchedNamespace, local: bytes, ports: int) -> bool:
    wanted = looks.thresholds.ports_share * ports
    routes = namespace.aggregates.routes.totals.items()
    return any(count >= wanted and key[: (len(key) - 2) // 2] == local for key, count in routes)


def _ports_bound(
    looks: Looks, namespace: WatchedNamespace, local: bytes, used: int, bound: int, rows: list[SocketRow]
) -> Finding:
    low, high = namespace.settings.ip_local_port_range
    ports = namespace.settings.ephemeral_ports
    address, left = diag.address_text(local), max(0, ports - used)
    rate = looks.trends.rate(("bound", namespace.netns, address), used, looks.now)
    holder = _holder(looks, namespace, local, rows)
    facts: dict[str, object] = {
        "local": address,
        "count": used,
        "ports": ports,
        "low": low,
        "high": high,
        "bound": bound,
        "process": holder or None,
        "ports_left": left,
        "per_minute": per_minute(rate),
        "limit_in_s": seconds_left(left, rate),
    }
    words = {
        "by": phrase("held_by", process=holder) if holder else "",
        "share": share_text(used / ports),
        "growth": growth_text(rate),
        "room": room_text("room_ports", left, rate),
    }
    critical = used >= looks.thresholds.ports_critical_share * ports
    return finding("ports_bound", Severity.CRITICAL if critical else Severity.WARNING, rows, facts, words, count=used)


def _holder(looks: Looks, namespace: WatchedNamespace, local: bytes, rows: list[SocketRow]) -> str:
    """Who holds most of the connections; where there are none, who holds most of the bound sockets."""
    held = [row for row in rows if row.owners]
    if held:
        (pile,) = pile_up(held, (lambda row: True,), 1)
        return pile_holder(pile)
    inodes = {diag.number_at(raw, 68) for raw in namespace.bound.values() if diag.local_address(raw) == local}
    counted = [(len(inodes.intersection(one.sockets.values())), one) for one in looks.processes]
    most, process = max(counted, key=lambda pair: pair[0], default=(0, None))
    return process_text(process) if process is not None and most else ""


def _port(raw: bytes) -> int:
    return int.from_bytes(diag.local_port(raw), "big")


NAMESPACE_RULES: tuple[NamespaceRule, ...] = (ports_bound,)
