"""How long a proxy waits, by its own configuration, held against what its log measured."""

from __future__ import annotations

import shlex
from typing import Any

from playbooks.checks.line_edits import sed_commands
from playbooks.checks.looked import Offer
from playbooks.checks.registry import Judgement, check, failed, look, offers_for, unknown, warned
from playbooks.evidence_words import say
from playbooks.facts.config_facts import ProxyConfig, ProxyWait
from playbooks.facts.facts import Facts
from playbooks.facts.log_facts import ProxyEnd, ProxyLog

KINDS = {
    "haproxy": {
        **dict.fromkeys(("sH", "sD", "sL"), "server"),
        **dict.fromkeys(("cH", "cD", "cL"), "client"),
        "sC": "connect", "sQ": "queue", "cR": "request",
    },
    "envoy": {"UT": "server", "UF": "connect"},
    "apache": {"AH01102": "server"},
}  # fmt: skip
"""Which wait ended a request, by the code in the log."""
NEAR = 0.25
"""A request that a wait ended took so long, and at most this share longer or shorter."""
ROOM = 0.9
"""Answers that take this share of the wait are about to be cut."""
SHOWN = 8
UNITS = {"haproxy": "s", "envoy": "s", "apache": ""}
RELOADS = {
    "haproxy": "{{sudo}}haproxy -c -f FILE && {{sudo}}systemctl reload haproxy",
    "apache": "{{sudo}}apachectl configtest && {{sudo}}apachectl graceful",
    "envoy": "envoy --mode validate -c FILE && {{sudo}}systemctl restart envoy",
}


@check("proxy-waits", needs=("proxy_config",), optional=("proxy_log",))
def proxy_waits(facts: Facts, **given: Any) -> Judgement:
    """Waits that are missing, that ended requests, or that the slowest answers nearly reach."""
    config = facts.proxy_config
    if config is None:
        return unknown(say("no_proxy_config"))
    log = facts.proxy_log if facts.proxy_log is not None and facts.proxy_log.program == config.program else None
    evidence = [say("proxy_wait", **_words(wait)) for wait in _distinct(config.waits)[:SHOWN]]
    short, others = _ended_by(config, log)
    offers: list[Offer] = []
    for end, wait in short:
        assert end.times is not None
        evidence.append(
            say("proxy_wait_short", count=end.count, ending=end.code, took=f"{end.times.p50:.2f}", **_words(wait))
        )
        offers += _offers(config, log, end, wait)
    evidence += [say("proxy_wait_missing", what=what) for what in config.missing]
    if short or config.missing:
        return failed(*evidence, offers=tuple(offers))
    if others:
        codes = ", ".join(sorted({end.code for end in others}))
        return warned(*evidence, say("proxy_wait_other", codes=codes))
    if log is None or log.served is None:
        return unknown(*evidence, say("proxy_unmeasured"))
    tightest = min((wait.seconds for wait in config.waits if wait.kind == "server" and wait.seconds), default=None)
    slowest = say("proxy_slowest", most=f"{log.served.most:.2f}", count=log.served.count)
    if tightest is not None and log.served.most >= ROOM * tightest:
        return warned(*evidence, slowest, say("proxy_wait_near", limit=f"{tightest:g}"))
    return look(facts, "proxy_config", "proxy_log").passed(*evidence, slowest, seen=log.served.count)


def _distinct(waits: tuple[ProxyWait, ...]) -> list[ProxyWait]:
    """Those of different lines: defaults apply to many sections."""
    return list({(wait.kind, wait.file, wait.line, wait.written): wait for wait in waits}.values())


def _words(wait: ProxyWait) -> dict[str, object]:
    where = f"{wait.file}:{wait.line}" if wait.line else say("proxy_default")
    return {"written": wait.written, "where": where, "place": wait.place}


def _ended_by(config: ProxyConfig, log: ProxyLog | None) -> tuple[list[tuple[ProxyEnd, ProxyWait]], list[ProxyEnd]]:
    """(endings with the wait that their times name, endings by a wait that this configuration does not explain)."""
    found, others = [], []
    for end in log.ended if log is not None else ():
        kind = KINDS.get(config.program, {}).get(end.code)
        if kind is None or end.times is None:
            continue
        wait = _wait_of(config, kind, end)
        if wait is not None:
            found.append((end, wait))
        elif kind != "client" and end.symptom != "upstream_refused":
            others.append(end)
    return found, others


def _wait_of(config: ProxyConfig, kind: str, end: ProxyEnd) -> ProxyWait | None:
    """The wait whose length is that of the requests; the backend's own before others."""
    assert end.times is not None
    took = end.times.p50
    fitting = [
        wait
        for wait in config.waits
        if wait.kind == kind and wait.seconds and wait.seconds * (1 - NEAR) <= took <= wait.seconds * (1 + NEAR) + 0.1
    ]
    names = {name.partition("/")[0] for name in end.servers}
    own = [wait for wait in fitting if wait.place.rpartition(" ")[2] in names]
    return next(iter(own or fitting), None)


def _offers(config: ProxyConfig, log: ProxyLog | None, end: ProxyEnd, wait: ProxyWait) -> tuple[Offer, ...]:
    assert wait.seconds is not None
    slow = log.served.p99 if log is not None and log.served is not None else 0.0
    proposed = max(1, round(max(2 * wait.seconds, 1.5 * slow)))
    reload = RELOADS[config.program].replace("FILE", shlex.quote(config.path))
    shared = {
        "count": str(end.count), "current": say("proxy_wait", **_words(wait)), "proposed": proposed,
        "config": wait.file or config.path, "written": wait.written, "place": wait.place, "reload": reload,
        "took": f"{wait.seconds:g}",
    }  # fmt: skip
    return offers_for((config.program,), ("proxy-wait",), **shared | _edits(config.program, wait, proposed))


def _edits(program: str, wait: ProxyWait, proposed: int) -> dict[str, str]:
    """sed at the line that was read, with a copy for the way back; an editor where the wait is a default."""
    if not wait.line or wait.seconds is None:
        return {}
    old = wait.written.split()[-1].rpartition("=")[2]
    new = f"{proposed}{UNITS[program]}"
    script = rf"{wait.line}s|\([[:space:]=:]\){_escaped(old)}|\1{new}|"
    return {"new": wait.written.removesuffix(old) + new} | sed_commands({wait.file: [script]}, "wait")


def _escaped(text: str) -> str:
    return "".join(f"\\{one}" if one in r".*[]^$\\|" else one for one in text)
