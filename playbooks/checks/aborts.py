"""Connections ended by force, as the kernel counts them between the two looks, and as an application's log tells."""

from __future__ import annotations

from typing import Any

from capture.naming.name_book import EPHEMERAL
from capture.sockets.sources.counters import meaning
from playbooks.checks.fix_audience import servers, writers
from playbooks.checks.registry import (
    Judgement,
    check,
    counted_of,
    failed,
    look,
    manual,
    offers_for_writers,
    unknown,
    warned,
)
from playbooks.evidence_words import say
from playbooks.facts.facts import Facts
from playbooks.facts.log_facts import LogGroup


@check("counters-moved", needs=("sockets",), arguments=("names",), everywhere=True)
def counters_moved(facts: Facts, names: list[str] | None = None, **given: Any) -> Judgement:
    """Whether these kernel counters move right now: a warning, for counters name no culprit; a pass only if none does.
    Counters that this kernel does not have are left out."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    if not facts.sockets.totals:
        return unknown(say("no_counters"))
    elapsed = max(facts.sockets.elapsed_s, 0.1)
    known = [name for name in names or [] if name in facts.sockets.totals]
    evidence = [
        say(
            "counter",
            name=name,
            moved=facts.sockets.counters.get(name, 0),
            elapsed=f"{elapsed:.1f}",
            total=facts.sockets.totals[name],
            meaning=meaning(name) or "",
        )
        for name in known
    ]
    if any(facts.sockets.counters.get(name, 0) for name in known):
        return warned(*evidence)
    return look(facts, "sockets").passed(*evidence, seen=counted_of(facts, "InSegs", *known))


@check("log-symptoms", needs=("log",), arguments=("symptoms", "fixes", "fits", "calls", "besides", "led", "served"))
def log_symptoms(
    facts: Facts,
    symptoms: list[str] | None = None,
    fixes: list[str] | None = None,
    fits: dict[str, list[str]] | None = None,
    calls: dict[str, list[str]] | None = None,
    besides: list[str] | None = None,
    led: str | None = None,
    served: bool = False,
    **given: Any,
) -> Judgement:
    """Error lines of these symptoms in the log, by peer.

    `fixes` are offered whatever was found, those of `fits` for the symptom that they cure, those of `calls` instead
    where whoever wrote the lines had connected to the peer, and was not served there. Another step reads the logs of
    the programs `besides`: what they wrote is no matter of this one. Lines of whatever symptom, or of none, that lead
    to the playbook `led` are meant, too. `served`: the fixes are for the server that the writers were served by."""
    if facts.log is None:
        return unknown(say("no_log"))
    wanted = set(symptoms or [])
    if besides and not any(
        (group.symptom in wanted or led in group.playbooks) and _of_others(group, besides) for group in facts.log.groups
    ):
        return manual(say("log_told_elsewhere", path=facts.log.path, programs=", ".join(besides)))
    mine = [
        group
        for group in facts.log.groups
        if (group.symptom in wanted or led in group.playbooks) and _of_others(group, besides or [])
    ]
    port = facts.number("port")
    if port is not None:
        mine = [
            group for group in mine if not group.peer or group.peer.endswith(f":{port}") or f":{port}" in group.sample
        ]
    others = [one for one in facts.log.groups if one.symptom and one.symptom not in wanted and one not in mine]
    note = [say("log_others", others=", ".join(f"{g.symptom} {g.count}" for g in others[:4]))] if others else []
    if not mine:
        sentence = say("log_clean", path=facts.log.path, lines=facts.log.lines)
        elsewhere = [group for group in facts.log.groups if group.symptom in wanted]
        if elsewhere:
            count = sum(group.count for group in elsewhere)
            return warned(say("log_other_ports", path=facts.log.path, count=count, port=port), *note)
        if others:  # its program has other troubles, or it is the log of another program
            return warned(sentence, *note)
        if facts.log.requests:
            return unknown(sentence, say("log_of_requests", path=facts.log.path))
        if not facts.log.speaks:
            return unknown(sentence, say("log_of_something_else", path=facts.log.path))
        return look(facts, "log").passed(sentence, seen=facts.log.lines)
    mine.sort(key=lambda group: -group.count)
    evidence = []
    for group in mine[:5]:
        peer = group.peer or say("no_peer")
        evidence.append(
            say(
                "log_group",
                symptom=group.symptom or say("turned_away"),
                count=group.count,
                peer=peer,
                when=_when(group),
                path=facts.log.path,
                line=group.line,
            )
        )
        evidence.append(say("log_sample", sample=group.sample))
    total = sum(group.count for group in mine)
    known = {"count": total, "peer": mine[0].peer or "", "symptom": mine[0].symptom}
    cures = [calls or {} if _called(group) else {} for group in mine]
    fitting = [
        name
        for group, first in zip(mine, cures, strict=True)
        for name in first.get(group.symptom, (fits or {}).get(group.symptom, []))
    ]
    whose = servers(mine) if served else writers(mine)
    offers = offers_for_writers(whose, dict.fromkeys([*fitting, *(fixes or [])]), **known)
    return failed(*evidence, *note, offers=offers)


CLIENTS_ONLY = frozenset(("sarama", "librdkafka", "curl", "wget"))


def _called(group: LogGroup) -> bool:
    """Whether the writer of such lines had connected to the peer: to a port that clients are not given."""
    port = group.peer.rpartition(":")[2]
    return (port.isdigit() and int(port) < EPHEMERAL) or not CLIENTS_ONLY.isdisjoint(group.sources)


def _of_others(group: LogGroup, programs: list[str]) -> bool:
    """Whether another program than these wrote some of the lines, or it is not known who did."""
    return not group.sources or any(source not in programs for source in group.sources)


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
