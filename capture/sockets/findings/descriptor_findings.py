"""Findings on processes that come near the number of file descriptors that they may open."""

from __future__ import annotations

from collections.abc import Iterator

from capture.language import count_of
from capture.model import Finding, Severity
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
from capture.sockets.findings.look_history import Looks, MachineRule
from capture.sockets.row import Process


def open_files(looks: Looks) -> Iterator[Finding]:
    """Processes whose open descriptors come near RLIMIT_NOFILE's soft limit (getrlimit(2))."""
    limits = looks.thresholds
    for process in looks.processes:
        used, soft = process.open_files, process.soft_limit
        if (
            used is None
            or soft is None
            or soft < limits.open_files_smallest_limit
            or used < limits.open_files_share * soft
        ):
            continue
        rate = looks.trends.rate(("open_files", process.pid), used, looks.now)
        left = descriptors_left(process)
        sockets = _sockets_of(looks, process)
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


def _sockets_of(looks: Looks, process: Process) -> int | None:
    """The TCP sockets that a process holds; None where its descriptors are hidden."""
    if not process.readable:
        return None
    return sum(sum(namespace.aggregates.processes.get(process, {}).values()) for namespace in looks.namespaces)


def descriptors_left(process: Process | None) -> int | None:
    """How many more a process may open; None where that is not known."""
    if process is None or process.open_files is None or process.soft_limit is None:
        return None
    return max(0, process.soft_limit - process.open_files)


MACHINE_RULES: tuple[MachineRule, ...] = (open_files,)
