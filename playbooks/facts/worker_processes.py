"""nginx's worker processes: when they were started tells which configuration is at work."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from capture.sockets.process_limits import process_details, read_limits
from playbooks.facts.nginx_facts import Worker


def workers_of(master: int) -> Iterator[Worker]:
    """The workers of a master that take requests: not those of a configuration of before, which are shutting down."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        details = process_details(int(name))
        command = details.command or ""
        if details.parent != master or "worker process" not in command or "shutting down" in command:
            continue
        soft, hard = read_limits(int(name))
        try:
            used: int | None = os.stat(f"/proc/{name}/fd").st_size or len(os.listdir(f"/proc/{name}/fd"))
        except OSError:
            used = None
        yield Worker(int(name), started_at(int(name)), used, soft, hard)


def started_at(pid: int, root: str = "/proc") -> float | None:
    """When a process was started, epoch seconds, to a hundredth: logs and files are compared with it. None where it
    has gone or is hidden."""
    try:
        ticks = int(Path(root, str(pid), "stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")
