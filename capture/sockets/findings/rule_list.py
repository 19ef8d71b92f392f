"""What is wrong with the live connections: groups over a threshold (thresholds.py), in words (findings.toml).

Each rule sees counts and the few rows that may matter, never all of them. Facts carry `pid`, `port` and `host` under
the names that the playbooks' settings have.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from capture.language import count_of
from capture.model import Finding, Severity
from capture.safe_text import printable
from capture.sockets.findings.bound_findings import ports_bound
from capture.sockets.findings.finding_words import (
    finding,
    growth_text,
    per_minute,
    phrase,
    process_text,
    room_text,
    seconds_left,
    share_text,
)
from capture.sockets.findings.leak_findings import close_wait, descriptors_left, fin_wait_2
from capture.sockets.findings.link_findings import softnet_drops
from capture.sockets.findings.listener_findings import accept_queues, half_open, syn_queue_full, unix_accept_queues
from capture.sockets.findings.look_history import Scene
from capture.sockets.findings.nginx_workers import worker_findings
from capture.sockets.findings.port_findings import ports_running_out
from capture.sockets.findings.reader_findings import readers
from capture.sockets.findings.reset_findings import resets
from capture.sockets.findings.stall_findings import stalls
from capture.sockets.row import Process
from capture.sockets.watched_namespace import Place


def find(scene: Scene) -> list[Finding]:
    """All findings of a look, most severe first, larger ones before smaller."""
    found = list(_of_machine(scene))
    for place in scene.places:
        found += [_placed(finding, place) for finding in _of_place(scene, place)]
    scene.trends.forget_before(scene.now)
    return sorted(found, key=lambda one: (one.severity.rank, -one.connections, one.code, one.title))


def _of_place(scene: Scene, place: Place) -> Iterator[Finding]:
    yield from close_wait(scene, place)
    yield from fin_wait_2(scene, place)
    yield from ports_running_out(place, scene.thresholds, scene.trends, scene.now)
    yield from ports_bound(scene, place)
    queues, ports = accept_queues(scene, place)
    yield from queues
    yield from unix_accept_queues(scene, place)
    yield from half_open(scene, place, ports)
    yield from syn_queue_full(scene, place)
    yield from stalls(scene, place)
    yield from readers(scene, place)
    yield from resets(scene, place)


def _placed(found: Finding, place: Place) -> Finding:
    """Names the namespace of a finding that is not in the program's own."""
    if place.netns is None:
        return found
    title = phrase("in_namespace", title=found.title, netns=printable(place.netns.name))
    return replace(found, title=title, facts=found.facts | {"netns": str(place.netns)})


def _of_machine(scene: Scene) -> Iterator[Finding]:
    yield from _open_files(scene)
    yield from worker_findings(scene.places, scene.processes, scene.thresholds)
    yield from softnet_drops(scene)


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
        left = descriptors_left(process)
        sockets = _sockets_of(scene, process)
        held = phrase("sockets_hidden") if sockets is None else phrase("sockets_counted", sockets=sockets)
        yield finding(
            "open_files_near_limit",
            Severity.CRITICAL if used >= limits.open_files_critical_share * soft else Severity.WARNING,
            [],
            {
                "pid": process.pid,
                "process": process_text(process),
                "open_files": used,
                "soft_limit": soft,
                "hard_limit": process.hard_limit if process.hard_limit is not None else phrase("unlimited"),
                "sockets": sockets,
                "descriptors_left": left,
                "per_minute": per_minute(rate),
                "limit_in_s": seconds_left(left, rate),
            },
            {
                "descriptors": count_of(soft, "file descriptor"),
                "share": share_text(used / soft),
                "growth": growth_text(rate),
                "room": room_text("room_descriptors", left, rate),
                "held": held,
            },
            count=sockets or 0,
        )


def _sockets_of(scene: Scene, process: Process) -> int | None:
    """The TCP sockets that a process holds; None where its descriptors are hidden."""
    if not process.readable:
        return None
    return sum(sum(place.aggregates.processes.get(process, {}).values()) for place in scene.places)
