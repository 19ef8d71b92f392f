"""Findings on ephemeral ports: how many of them are taken toward one destination, and by what."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from capture.model import Finding, Severity
from capture.sockets import inet_diag_msg as diag
from capture.sockets.findings.finding_words import (
    SAMPLE,
    finding,
    growth_text,
    per_minute,
    phrase,
    pile_holder,
    room_text,
    seconds_left,
    share_text,
)
from capture.sockets.findings.look_history import Looks, NamespaceRule
from capture.sockets.findings.piles import pile_up
from capture.sockets.row import SocketRow
from capture.sockets.sources.settings import KernelSettings
from capture.sockets.watched_namespace import WatchedNamespace

_LOOPBACK_6 = bytes(15) + b"\1"


def ports_running_out(looks: Looks, namespace: WatchedNamespace) -> Iterator[Finding]:
    """Destinations (from one local address to one remote endpoint) toward which most ephemeral ports are taken."""
    settings, limits = namespace.settings, looks.thresholds
    low, high = settings.ip_local_port_range
    # connect() passes over a port that a listener is bound to, whatever its address (__inet_hash_connect).
    bound = {port for row in namespace.listeners.rows.values() if low <= (port := row.local.port) <= high}
    ports = settings.ephemeral_ports - len(bound)
    if ports <= 0:
        return
    routes, critical = namespace.aggregates.routes, limits.ports_critical_share * ports
    wanted = max(2.0, limits.ports_share * ports)
    for key, count in [(key, count) for key, count in routes.totals.items() if count >= wanted]:
        local, remote = key[: (len(key) - 2) // 2], key[(len(key) - 2) // 2 :]
        time_wait = routes.count(key, diag.TIME_WAIT)
        reusable = may_reuse(settings, local, remote[:-2])
        if reusable and count < critical:
            continue  # TIME-WAITs give way to new connections after a second: a crowd of them is no shortage yet
        host = diag.endpoint(remote[:-2], remote[-2:])
        rate = looks.trends.rate(("ports", str(namespace.netns), str(host)), count, looks.now)
        left = max(0, ports - count)
        taken = count - time_wait if reusable else count
        sample = _sample(namespace, key)
        yield finding(
            "ports_running_out",
            Severity.CRITICAL if taken >= critical else Severity.WARNING,
            sample,
            {
                "host": host.ip,
                "port": host.port,
                "local": diag.address_text(local),
                "count": count,
                "ports": ports,
                "low": low,
                "high": high,
                "time_wait": time_wait,
                "tcp_tw_reuse": settings.tcp_tw_reuse,
                "reusable": reusable,
                "ports_left": left,
                "per_minute": per_minute(rate),
                "limit_in_s": seconds_left(left, rate),
            },
            {
                "share": share_text(count / ports),
                "growth": growth_text(rate),
                "room": _room(left, rate, reusable),
                "by": _held_by(sample),
            },
            count=count,
        )


def may_reuse(settings: KernelSettings, local: bytes, remote: bytes) -> bool:
    """Whether connect() may take a port whose TIME-WAIT is over a second old (tcp_twsk_unique): everywhere with
    tcp_tw_reuse 1, given timestamps; on loopback with 2, the default since Linux 4.19."""
    if settings.tcp_tw_reuse == 1:
        return True
    loopback = any(address == _LOOPBACK_6 or (len(address) == 4 and address[0] == 127) for address in (local, remote))
    return settings.tcp_tw_reuse == 2 and loopback


def _room(left: int, rate: float | None, reusable: bool) -> str:
    if reusable:
        return phrase("reusable")
    return room_text("room_ports", left, rate) if left else phrase("exhausted")


def _held_by(rows: list[SocketRow]) -> str:
    """The process that holds most of them; of a crowd of TIME-WAITs nobody does."""
    held = [row for row in rows if row.owners]
    if not held:
        return ""
    (pile,) = pile_up(held, (lambda row: True,), 1)
    return phrase("held_by", process=pile_holder(pile))


def _sample(namespace: WatchedNamespace, key: bytes) -> list[SocketRow]:
    """Some of them, those that a process holds first."""
    found = list(islice((row for row in namespace.connections.rows.values() if _route(row.raw) == key), 10 * SAMPLE))
    return sorted(found, key=lambda row: not row.owners)[:SAMPLE]


def _route(raw: bytes) -> bytes:
    return diag.local_address(raw) + diag.remote_address(raw) + diag.remote_port(raw)


NAMESPACE_RULES: tuple[NamespaceRule, ...] = (ports_running_out,)
