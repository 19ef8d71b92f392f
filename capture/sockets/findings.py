"""What is wrong with the live connections: groups over a threshold (thresholds.py), in words (findings.toml).

Each rule sees counts and the few rows that may matter, never all of them. Facts carry `pid`, `port` and `host` under
the names that the playbooks' settings have.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from capture.model import Finding, Severity
from capture.safe_text import printable
from capture.sockets import wireform as form
from capture.sockets.listener_findings import accept_queues, half_open, syn_queue_full, unix_accept_queues
from capture.sockets.place import News, Place
from capture.sockets.port_findings import ports_running_out
from capture.sockets.row import NOT_ACCEPTED, Process, SocketRow
from capture.sockets.stall_findings import stalls
from capture.sockets.thresholds import Thresholds
from capture.sockets.trends import Trends
from capture.sockets.wording import (
    age_text,
    finding,
    growth_text,
    per_minute,
    phrase,
    room_text,
    seconds_left,
    share_text,
)
from capture.sockets.workers import worker_findings

PEERS_NAMED = 3


@dataclass(frozen=True, slots=True)
class Scene:
    """What the rules look at: one look, and the course of counts before it."""

    places: Sequence[Place]
    news: Mapping[Place, News]
    processes: Sequence[Process]
    thresholds: Thresholds
    trends: Trends
    now: float


def find(scene: Scene) -> list[Finding]:
    """All findings of a look, most severe first, larger ones before smaller."""
    found = list(_of_processes(scene))
    for place in scene.places:
        found += [_placed(finding, place) for finding in _of_place(scene, place)]
    scene.trends.forget_before(scene.now)
    return sorted(found, key=lambda one: (one.severity.rank, -one.connections, one.code, one.title))


def _of_place(scene: Scene, place: Place) -> Iterator[Finding]:
    yield from _fin_wait_2(scene, place)
    yield from ports_running_out(place, scene.thresholds, scene.trends, scene.now)
    full, ports = accept_queues(place, scene.news[place], scene.thresholds)
    yield from full
    yield from unix_accept_queues(place)
    yield from half_open(place, scene.thresholds, ports)
    yield from syn_queue_full(place, scene.news[place], scene.thresholds)
    yield from stalls(place, scene.thresholds)


def _placed(found: Finding, place: Place) -> Finding:
    """Names the namespace of a finding that is not in the program's own."""
    if place.netns is None:
        return found
    title = phrase("in_namespace", title=found.title, netns=printable(str(place.netns)))
    return replace(found, title=title, facts=found.facts | {"netns": str(place.netns)})


def _of_processes(scene: Scene) -> Iterator[Finding]:
    yield from _close_wait(scene)
    yield from _open_files(scene)
    yield from worker_findings(scene.places, scene.processes, scene.thresholds)


def _close_wait(scene: Scene) -> Iterator[Finding]:
    limits = scene.thresholds
    held: dict[Process | int, list[SocketRow]] = defaultdict(list)
    for place in scene.places:
        for row in place.aggregates.by_state[form.CLOSE_WAIT]:
            if row.age_s < limits.close_wait_s or row.owner_missing == NOT_ACCEPTED:
                continue  # not accepted yet: the accept queue's matter
            if row.owners:
                for owner in {owner.process: owner for owner in row.owners}.values():
                    held[owner.process].append(row)
            else:
                held[row.uid].append(row)
    for holder, rows in held.items():
        if len(rows) < limits.close_wait_sockets:
            continue
        oldest = max(rows, key=lambda row: row.age_s)
        process = holder if isinstance(holder, Process) else None
        rate = scene.trends.rate(("close_wait", process.pid if process else f"uid {holder}"), len(rows), scene.now)
        left = _descriptors_left(process)
        critical = oldest.age_s >= limits.close_wait_critical_s or (left is not None and left < len(rows) / 4)
        yield finding(
            "close_wait_pile",
            Severity.CRITICAL if critical else Severity.WARNING,
            sorted(rows, key=lambda row: -row.age_s),
            {
                "pid": process.pid if process else None,
                "process": f"{process.name}[{process.pid}]" if process else f"a process of user {holder}",
                "port": _common_port(rows),
                "count": len(rows),
                "oldest_s": round(oldest.age_s, 3),
                "oldest_is_minimum": oldest.age_is_minimum,
                "peers": _largest_hosts(rows),
                "open_files": process.open_files if process else None,
                "soft_limit": process.soft_limit if process else None,
                "descriptors_left": left,
                "per_minute": per_minute(rate),
                "limit_in_s": seconds_left(left, rate),
            },
            {
                "oldest": age_text(oldest.age_s, oldest.age_is_minimum),
                "growth": growth_text(rate),
                "room": room_text("room_descriptors", left, rate),
            },
        )


def _open_files(scene: Scene) -> Iterator[Finding]:
    limits = scene.thresholds
    for process in scene.processes:
        used, soft = process.open_files, process.soft_limit
        if (
            used is None
            or soft is None
            or soft < limits.open_files_smallest_limit
            or used < limits.open_files_share * soft
        ):
            continue
        rate = scene.trends.rate(("open_files", process.pid), used, scene.now)
        left = _descriptors_left(process)
        sockets = _sockets_of(scene, process)
        yield finding(
            "open_files_near_limit",
            Severity.CRITICAL if used >= limits.open_files_critical_share * soft else Severity.WARNING,
            [],
            {
                "pid": process.pid,
                "process": f"{process.name}[{process.pid}]",
                "open_files": used,
                "soft_limit": soft,
                "hard_limit": process.hard_limit if process.hard_limit is not None else phrase("unlimited"),
                "sockets": sockets,
                "descriptors_left": left,
                "per_minute": per_minute(rate),
                "limit_in_s": seconds_left(left, rate),
            },
            {
                "share": share_text(used / soft),
                "growth": growth_text(rate),
                "room": room_text("room_descriptors", left, rate),
                "held": phrase("sockets_hidden") if sockets is None else phrase("sockets_counted", sockets=sockets),
            },
            count=sockets or 0,
        )


def _sockets_of(scene: Scene, process: Process) -> int | None:
    """The TCP sockets that a process holds; None where its descriptors are hidden."""
    if not process.readable:
        return None
    return sum(sum(place.aggregates.processes.get(process, {}).values()) for place in scene.places)


def _fin_wait_2(scene: Scene, place: Place) -> Iterator[Finding]:
    limits = scene.thresholds
    by_host: dict[str, list[SocketRow]] = defaultdict(list)
    for row in place.aggregates.by_state[form.FIN_WAIT_2]:
        if row.age_s >= limits.fin_wait_2_s:
            by_host[row.remote.ip].append(row)
    for host, rows in by_host.items():
        if len(rows) < limits.fin_wait_2_sockets:
            continue
        oldest = max(rows, key=lambda row: row.age_s)
        rate = scene.trends.rate(("fin_wait_2", str(place.netns), host), len(rows), scene.now)
        yield finding(
            "fin_wait_2_pile",
            Severity.WARNING,
            sorted(rows, key=lambda row: -row.age_s),
            {
                "host": host,
                "port": _common_port(rows),
                "count": len(rows),
                "orphans": sum(1 for row in rows if not row.inode),
                "oldest_s": round(oldest.age_s, 3),
                "fin_timeout": place.settings.tcp_fin_timeout,
                "per_minute": per_minute(rate),
            },
            {"oldest": age_text(oldest.age_s, oldest.age_is_minimum), "growth": growth_text(rate)},
        )


def _largest_hosts(rows: Iterable[SocketRow]) -> list[str]:
    hosts: dict[str, int] = defaultdict(int)
    for row in rows:
        hosts[row.remote.ip] += 1
    return sorted(hosts, key=lambda host: (-hosts[host], host))[:PEERS_NAMED]


def _common_port(rows: list[SocketRow]) -> int | None:
    """The local port if all share it (a server's), else the remote one they share (a client's), else None."""
    local = {row.local.port for row in rows}
    if len(local) == 1:
        return local.pop()
    remote = {row.remote.port for row in rows}
    return remote.pop() if len(remote) == 1 else None


def _descriptors_left(process: Process | None) -> int | None:
    if process is None or process.open_files is None or process.soft_limit is None:
        return None
    return max(0, process.soft_limit - process.open_files)
