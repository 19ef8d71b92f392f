"""nginx workers near worker_connections: each worker counts its own, clients and upstreams alike."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from capture.model import Finding, Severity
from capture.sockets import inet_diag_msg as diag
from capture.sockets.findings.finding_words import finding, share_text
from capture.sockets.findings.look_history import Looks, MachineRule
from capture.sockets.process_limits import process_details

DEFAULT_CONNECTIONS = 512
"""nginx's own default (ngx_event_core_module)."""
_DIRECTIVE = re.compile(r"^[^#\n]*?\bworker_connections\s+(\d+)\s*;", re.MULTILINE)
_CONFIG = re.compile(r"\s-c\s+(\S+)")
_PREFIX = re.compile(r"\s-p\s+(\S+)")
_SMALLEST = 16
REREAD_S = 30


def worker_connections(looks: Looks) -> Iterator[Finding]:
    """Workers whose TCP connections come near the limit of their master's configuration, where that can be read."""
    share = looks.thresholds.worker_connections_share
    for process in looks.processes:
        if process.name != "nginx":
            continue
        count = sum(
            sum(
                number
                for state, number in namespace.aggregates.processes.get(process, {}).items()
                if state != diag.LISTEN
            )
            for namespace in looks.namespaces
        )
        if count < _SMALLEST * share:
            continue
        limit, config = _limit_of(process.pid, int(time.monotonic() // REREAD_S))
        if limit is None or count < share * limit:
            continue
        facts: dict[str, object] = {"pid": process.pid, "count": count, "worker_connections": limit, "config": config}
        yield finding(
            "worker_connections_near_limit",
            Severity.CRITICAL if count >= limit * 0.95 else Severity.WARNING,
            [],
            facts,
            {"share": share_text(count / limit)},
            count=count,
        )


@lru_cache(maxsize=256)
def _limit_of(pid: int, age: int) -> tuple[int | None, str]:
    """(worker_connections, configuration file) of a worker; (None, "") for what is no worker or cannot be read.

    `age` makes the cache forget: a configuration is read again every 30 s.
    """
    worker = process_details(pid)
    if worker.parent is None or "worker process" not in (worker.command or ""):
        return None, ""
    command = process_details(worker.parent).command or ""
    if not command.startswith("nginx: master process"):
        return None, ""
    for path in _candidates(command):
        try:
            # As the worker sees it: a container's file is not ours of the same name.
            text = Path(f"/proc/{pid}/root{path}").read_text(errors="replace")
        except OSError:
            continue
        stated = _DIRECTIVE.search(text)
        return (int(stated[1]) if stated else DEFAULT_CONNECTIONS), path
    return None, ""


def _candidates(command: str) -> list[str]:
    prefix, config = _PREFIX.search(command), _CONFIG.search(command)
    folder = prefix[1].rstrip("/") if prefix else ""
    if config:
        return [config[1] if config[1].startswith("/") else f"{folder}/{config[1]}"]
    tried = ["/etc/nginx/nginx.conf", "/usr/local/nginx/conf/nginx.conf", "/usr/local/openresty/nginx/conf/nginx.conf"]
    return [f"{folder}/conf/nginx.conf", *tried] if folder else tried


MACHINE_RULES: tuple[MachineRule, ...] = (worker_connections,)
