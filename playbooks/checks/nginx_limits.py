"""nginx's limits: connections and descriptors of a worker, buffers, and an error log that would tell."""

from __future__ import annotations

import re
from typing import Any

from playbooks.checks.nginx_config import (
    QUIET_LEVELS,
    config_judged,
    how_to_reload,
    main_directive,
    nginx_of,
    number_of,
    proxied,
    stated,
)
from playbooks.checks.nginx_edits import Edit, commands, set_in_block, set_in_main
from playbooks.checks.registry import Judgement, Offer, check, failed, offer, unknown, warned
from playbooks.evidence_words import percent, say
from playbooks.facts.facts import Facts
from playbooks.facts.nginx_facts import NginxServer, Worker

DEFAULT_CONNECTIONS = 512
FULL, HIGH = 0.9, 0.75
"""nginx drops idle connections for new ones, silently, while a sixteenth is still free."""
CHANNEL = 1
SPARE = 64
"""Descriptors beside connections: logs, listeners, files being sent."""


def _connections(facts: Facts, worker: Worker) -> tuple[int, bool] | None:
    """Connections as worker_connections counts them, also the listeners and the channel to the master; and whether
    that is exact. Where owners are hidden it is the worker's descriptors, of which its connections are a part; None
    where neither tells."""
    if facts.sockets is None:
        return None
    mine = [row for row in facts.sockets.rows if any(owner.pid == worker.pid for owner in row.owners)]
    if mine:
        return len(mine) + CHANNEL, True
    if not facts.sockets.hidden_owners:
        return 0, True
    return (worker.open_files, False) if worker.open_files is not None else None


@check("worker-connections", needs=("nginx",), optional=("sockets", "error_log", "kernel"))
def worker_connections(facts: Facts, **given: Any) -> Judgement:
    """worker_connections against what each worker holds now, and nginx's own complaint."""
    if facts.nginx is None:
        return unknown(say("no_nginx"))
    evidence: list[str] = []
    offers: tuple[Offer, ...] = ()
    bad = near = hidden = False
    logged = facts.error_log.kinds.get("worker_connections") if facts.error_log is not None else None
    for server in facts.nginx.servers:
        line = main_directive(server, "worker_connections", ("events",))
        limit = number_of(line, DEFAULT_CONNECTIONS) or DEFAULT_CONNECTIONS
        evidence.append(stated(line, say("worker_connections_default", limit=limit)))
        peak, sure = 0, True
        for worker in server.workers:
            counted = _connections(facts, worker)
            if counted is None:
                hidden = True
                continue
            count, exact = counted
            peak, sure = max(peak, count), sure and exact
            if count >= HIGH * limit and not exact:
                evidence.append(say("worker_hidden", pid=worker.pid, used=count, limit=limit))
                hidden = True
            elif count >= HIGH * limit:
                evidence.append(
                    say("worker_busy", pid=worker.pid, count=count, limit=limit, share=percent(count / limit))
                )
                near = True
                bad = bad or count >= FULL * limit
        if server.workers and not near and not hidden:
            code = "worker_peak" if sure else "worker_peak_at_most"
            evidence.append(say(code, workers=len(server.workers), peak=peak, limit=limit))
        if logged is not None or near:
            offers = offers or _connection_offers(facts, server, limit, peak)
    if logged is not None:
        evidence.append(
            say("error_lines", count=logged.count, kind="worker_connections are not enough", last=logged.last)
        )
    if proxied_twice(facts):
        evidence.append(say("two_connections"))
    if logged is not None or bad:
        return failed(*evidence, offers=offers)
    if near:
        return warned(*evidence, offers=offers)
    missing = facts.absent.get("error_log")
    if missing is not None and missing.kind == "unreadable":
        return unknown(*evidence, missing.why)
    if hidden:
        return unknown(*evidence, say("workers_need_root"))
    workers = [worker for server in facts.nginx.servers for worker in server.workers]
    return config_judged(facts, ("nginx", "sockets"), *evidence, seen=workers)


def proxied_twice(facts: Facts) -> bool:
    """Whether any request is passed on: it then takes two connections of the worker."""
    return facts.nginx is not None and any(proxied(server) for server in facts.nginx.servers)


def _connection_offers(facts: Facts, server: NginxServer, limit: int, peak: int) -> tuple[Offer, ...]:
    wanted = 1 << max(9, (4 * max(limit, peak) - 1).bit_length())
    files = _descriptor_limit(server)
    line = main_directive(server, "worker_connections", ("events",))
    shared = {
        "where": line.where if line is not None else f"{server.path} (events block)",
        "old": f"worker_connections {limit};",
        "limit": limit,
        "proposed": wanted,
        "config": server.path,
        "reload": how_to_reload(server),
        "master": server.master or "PID",
    }
    changed = set_in_block(server, line, f"worker_connections {wanted};", "events")
    found = [offer("worker-connections", **shared, **changed)]
    if files is not None and wanted > files - SPARE:
        found.insert(0, _rlimit_offer(facts, server, wanted))
    return tuple(found)


def _rlimit_offer(facts: Facts, server: NginxServer, connections: int) -> Offer:
    ceiling = facts.sysctl("fs.nr_open") or 1_048_576
    line = main_directive(server, "worker_rlimit_nofile")
    old = stated(line, say("rlimit_default", limit=_descriptor_limit(server) or "?"))
    where = line.where if line is not None else f"{server.path} (main context, above events)"
    wanted = 1 << (2 * connections + SPARE - 1).bit_length()
    in_force = max(_descriptor_limit(server) or 0, number_of(line, 0) or 0)
    if wanted <= in_force:  # what is in force is used up: more than that, never less
        wanted = 2 * in_force
    proposed = max(in_force, min(ceiling, wanted))
    return offer(
        "worker-rlimit",
        where=where,
        old=old,
        proposed=proposed,
        config=server.path,
        connections=connections,
        reload=how_to_reload(server),
        master=server.master or "PID",
        **set_in_main(server, line, f"worker_rlimit_nofile {proposed};"),
    )


def _descriptor_limit(server: NginxServer) -> int | None:
    """What a worker may open: as it runs now, else as configured; None where neither tells."""
    limits = [worker.soft_limit for worker in server.workers if worker.soft_limit is not None]
    return min(limits) if limits else number_of(main_directive(server, "worker_rlimit_nofile"), None)


@check("worker-files", needs=("nginx",), optional=("error_log", "kernel"))
def worker_files(facts: Facts, **given: Any) -> Judgement:
    """A worker's descriptors: limit against worker_connections, and what is open now."""
    if facts.nginx is None:
        return unknown(say("no_nginx"))
    evidence: list[str] = []
    offers: tuple[Offer, ...] = ()
    bad = near = hidden = False
    known = 0
    for server in facts.nginx.servers:
        line = main_directive(server, "worker_connections", ("events",))
        limit = number_of(line, DEFAULT_CONNECTIONS) or DEFAULT_CONNECTIONS
        files = _descriptor_limit(server)
        hidden = hidden or any(worker.open_files is None for worker in server.workers)
        stated_limit = stated(main_directive(server, "worker_rlimit_nofile"), say("rlimit_not_set"))
        if files is None:
            evidence.append(say("rlimit_unknown", config=server.path, stated=stated_limit, connections=limit))
            continue
        known += 1
        used = max((worker.open_files or 0 for worker in server.workers), default=0)
        evidence.append(say("worker_files", files=files, stated=stated_limit, connections=limit, used=used))
        over, busy = limit > files, used >= HIGH * files
        bad = bad or over or used >= FULL * files
        near = near or busy or limit > files - SPARE
        if over:
            evidence.append(say("exceeds_files", connections=limit, files=files))
        if over or busy or limit > files - SPARE:
            offers = offers or (_rlimit_offer(facts, server, limit),)
    for kind, text in (
        (
            "setrlimit",
            "setrlimit(RLIMIT_NOFILE) failed: worker_rlimit_nofile has no effect, the master may not raise it",
        ),
        ("exceed_files", "worker_connections exceed open file resource limit"),
        ("too_many_files", "(24: Too many open files)"),
    ):
        logged = facts.error_log.kinds.get(kind) if facts.error_log is not None else None
        if logged is not None:
            evidence.append(say("error_lines", count=logged.count, kind=text, last=logged.last))
            bad = True
            offers = offers or (_rlimit_offer(facts, facts.nginx.servers[0], DEFAULT_CONNECTIONS),)
    if bad:
        return failed(*evidence, offers=offers)
    if near:
        return warned(*evidence, offers=offers)
    if hidden:
        return unknown(*evidence, say("workers_need_root"))
    return config_judged(facts, ("nginx",), *evidence, seen=known)


def _defaults(server: NginxServer) -> dict[str, str]:
    """nginx's buffers where nothing is set: a memory page each, two for a body (ngx_http_core and proxy modules)."""
    page = server.page // 1024
    return {
        "client_body_buffer_size": f"{2 * page}k",
        "proxy_buffers": f"8 {page}k",
        "proxy_buffer_size": f"{page}k",
    }


_BUFFERS = {
    "client-body-buffer": "client_body_buffer_size",
    "proxy-buffers": "proxy_buffers",
    "proxy-buffer-size": "proxy_buffer_size",
}


def _buffer_offer(fix: str, server: NginxServer | None, count: int) -> Offer:
    """Twice what is in force, or more; never less. Without figures where the log is of another nginx."""
    if server is None:
        return offer(fix, count=count)
    name = _BUFFERS[fix]
    lines = [one for one in server.directives if one.name == name and one.args]
    line = max(lines, key=lambda one: _kilobytes(one.args[-1]), default=None)
    default = _defaults(server)[name]
    now = _kilobytes(line.args[-1] if line is not None else default.split()[-1])
    wanted = max({"client-body-buffer": 128, "proxy-buffers": 16, "proxy-buffer-size": 16}[fix], 2 * now)
    number = max(16, 2 * int(line.args[0]) if line is not None and line.args[0].isdigit() else 16)
    value = f"{number} {wanted}k" if fix == "proxy-buffers" else f"{wanted}k"
    texts = [f"{name} {value};"]
    if fix == "proxy-buffer-size":
        texts += [f"proxy_buffers 8 {wanted}k;"]
    if fix != "client-body-buffer":
        texts += [f"proxy_busy_buffers_size {2 * wanted}k;"]
    alone = line is None and not any(
        one.name in ("proxy_buffers", "proxy_busy_buffers_size") for one in server.directives
    )
    return offer(
        fix,
        count=count,
        config=server.path,
        old=stated(line, say("default", name=name, value=default)),
        proposed=value,
        size=f"{wanted}k",
        busy=f"{2 * wanted}k",
        reload=how_to_reload(server),
        **(set_in_block(server, line, " ".join(texts), "http") if alone or len(texts) == 1 else {}),
    )


def _kilobytes(text: str) -> int:
    """nginx's notation of a size, in KB, rounded up; 0 where it is none."""
    found = re.fullmatch(r"(\d+)([kKmM]?)", text)
    if found is None:
        return 0
    value = int(found[1])
    return value * 1024 if found[2] in "mM" and found[2] else value if found[2] else -(-value // 1024)


@check("nginx-buffers", needs=("nginx",), optional=("error_log", "access_log"))
def nginx_buffers(facts: Facts, **given: Any) -> Judgement:
    """Bodies that went through a temporary file, beside the buffers that are set."""
    if facts.nginx is None:
        return unknown(say("no_nginx"))
    evidence, offers = [], []
    for server in facts.nginx.servers:
        for name, default in _defaults(server).items():
            lines = [one for one in server.directives if one.name == name]
            evidence += [stated(one, "") for one in lines[:4]] or [say("default", name=name, value=default)]
    bad = False
    for kind, fix, text in (
        ("body_buffered", "client-body-buffer", "a client request body is buffered to a temporary file"),
        ("response_buffered", "proxy-buffers", "an upstream response is buffered to a temporary file"),
        ("header_too_big", "proxy-buffer-size", "upstream sent too big header"),
    ):
        logged = facts.error_log.kinds.get(kind) if facts.error_log is not None else None
        if logged is not None:
            evidence.append(say("error_lines", count=logged.count, kind=text, last=logged.last))
            nginx = nginx_of(facts, facts.error_log)
            offers.append(_buffer_offer(fix, nginx.servers[0] if nginx is not None else None, logged.count))
            bad = bad or kind == "header_too_big"
    if bad:
        return failed(*evidence, offers=tuple(offers))
    if offers:
        return warned(*evidence, offers=tuple(offers))
    log = facts.error_log
    if log is None:
        return unknown(*evidence, facts.absent["error_log"].why if "error_log" in facts.absent else say("no_log"))
    requests = facts.access_log.lines if facts.access_log is not None and facts.access_log.own else 0
    return config_judged(facts, ("nginx", "error_log"), *evidence, seen=log.lines + requests)


@check("nginx-error-log", needs=("nginx",))
def nginx_error_log(facts: Facts, **given: Any) -> Judgement:
    """An error_log that goes nowhere, says too little, or was moved away under nginx."""
    if facts.nginx is None:
        return unknown(say("no_nginx"))
    evidence, offers = [], []
    bad = quiet = False
    for server in facts.nginx.servers:
        reload = how_to_reload(server)
        lines = [one for one in server.directives if one.name == "error_log" and one.args]
        if not lines:
            evidence.append(say("error_log_default", config=server.path))
        for line in lines:
            path, level = line.args[0], line.args[1] if len(line.args) > 1 else "error"
            evidence.append(stated(line, ""))
            lost = path in ("/dev/null", "off")
            if lost or level in QUIET_LEVELS:
                evidence.append(
                    say("error_log_lost" if lost else "error_log_quiet", where=line.where, path=path, level=level)
                )
                target = "/var/log/nginx/error.log" if lost else path
                offers.append(
                    offer(
                        "error-log",
                        where=line.where,
                        old=f"error_log {' '.join(line.args)};",
                        path=target,
                        config=line.file,
                        reload=reload,
                        **commands([Edit(line, f"error_log {target} warn;")]),
                    )
                )
                bad, quiet = bad or lost, quiet or not lost
        for path in server.deleted_logs:
            evidence.append(say("log_deleted", path=path, master=server.master))
            offers.append(offer("reopen-logs", path=path, master=server.master))
            bad = True
        for error in server.errors:
            evidence.append(say("config_error", error=error))
            bad = True
    if bad:
        return failed(*evidence, offers=tuple(offers))
    if quiet:
        return warned(*evidence, offers=tuple(offers))
    return config_judged(facts, ("nginx",), *evidence, seen=facts.nginx.servers)
