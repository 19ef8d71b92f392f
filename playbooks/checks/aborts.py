"""Connections ended by force, as the kernel counts them between the two looks, and as an application's log tells."""

from __future__ import annotations

from typing import Any

from capture.sockets.counters import meaning
from playbooks.checks.registry import Judgement, check, failed, look, offer, unknown, warned
from playbooks.checks.wording import say
from playbooks.facts.model import Facts, LogGroup

MANY_A_SECOND = 5.0
"""Browsers and health checks reset a connection now and then; a steady stream is something else."""


@check("counters-moved", needs=("sockets",), arguments=("names",))
def counters_moved(facts: Facts, names: list[str] | None = None, **given: Any) -> Judgement:
    """Whether these kernel counters move right now. A warning at most: counters name no culprit."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    if not facts.sockets.totals:
        return unknown(say("no_counters"))
    elapsed = max(facts.sockets.elapsed_s, 0.1)
    evidence, rate = [], 0.0
    for name in names or []:
        moved = facts.sockets.counters.get(name, 0)
        rate = max(rate, moved / elapsed)
        total = facts.sockets.totals.get(name, 0)
        evidence.append(
            say("counter", name=name, moved=moved, elapsed=f"{elapsed:.1f}", total=total, meaning=meaning(name) or "")
        )
    if rate >= MANY_A_SECOND:
        return warned(*evidence)
    return look(facts, "sockets").passed(*evidence, seen=sum(1 for name in names or [] if name in facts.sockets.totals))


@check("log-symptoms", needs=("log",), arguments=("symptoms", "fixes"))
def log_symptoms(
    facts: Facts, symptoms: list[str] | None = None, fixes: list[str] | None = None, **given: Any
) -> Judgement:
    """Error lines of these symptoms in the log, by peer."""
    if facts.log is None:
        return unknown(say("no_log"))
    wanted = set(symptoms or [])
    mine = [group for group in facts.log.groups if group.symptom in wanted]
    port = facts.number("port")
    if port is not None:
        mine = [
            group for group in mine if not group.peer or group.peer.endswith(f":{port}") or f":{port}" in group.sample
        ]
    others = [group for group in facts.log.groups if group.symptom not in wanted]
    note = [say("log_others", others=", ".join(f"{g.symptom} {g.count}" for g in others[:4]))] if others else []
    if not mine:
        said = say("log_clean", path=facts.log.path, lines=facts.log.lines)
        return look(facts, "log").passed(said, *note, seen=facts.log.lines)
    mine.sort(key=lambda group: -group.count)
    evidence = []
    for group in mine[:5]:
        peer = group.peer or say("no_peer")
        evidence.append(
            say(
                "log_group",
                symptom=group.symptom,
                count=group.count,
                peer=peer,
                when=_when(group),
                path=facts.log.path,
                line=group.line,
            )
        )
        evidence.append(say("log_sample", sample=group.sample))
    total = sum(group.count for group in mine)
    offers = tuple(offer(name, count=total, peer=mine[0].peer or "", symptom=mine[0].symptom) for name in fixes or [])
    return failed(*evidence, *note, offers=offers)


def _when(group: LogGroup) -> str:
    known = group.first and group.last
    return say("time_span", first=group.first, last=group.last) if known else say("time_unknown")


@check("send-buffer", needs=("kernel",))
def send_buffer(facts: Facts, **given: Any) -> Judgement:
    """How much one write may take at most: tcp_wmem's third number, for autotuned sockets."""
    words = (facts.kernel or {}).get("net.ipv4.tcp_wmem", "").split()
    if len(words) != 3:
        return unknown(say("no_sysctl", name="net.ipv4.tcp_wmem"))
    low, start, most = (int(word) for word in words)
    return look(facts, "kernel").passed(say("send_buffer", low=low, start=start, most=most), seen=1)
