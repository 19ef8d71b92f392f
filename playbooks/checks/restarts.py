"""Whether requests were lost at single moments, as a restart of the server makes them, or all the time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from playbooks.checks.fact_words import holder_name
from playbooks.checks.fix_audience import SOMEWHERE, identity_of
from playbooks.checks.nginx_config import clock
from playbooks.checks.reaching import listener_behind
from playbooks.checks.registry import Judgement, check, failed, look, manual, offers_for, unknown, warned
from playbooks.evidence_words import say
from playbooks.facts.facts import Facts
from playbooks.facts.moments import APART_S, Moment
from playbooks.facts.socket_facts import Holder, Process

CUT = frozenset(("connection_reset", "upstream_closed", "unexpected_eof", "broken_pipe", "reset", "prematurely_closed"))
REFUSED = frozenset(("upstream_refused", "connection_refused", "no_live_upstreams", "refused", "no_live"))
"""Symptoms of a log, and kinds of nginx's error log."""
LASTS_S = 30.0
"""A restart is over after so long; what goes on is another fault."""
FEW, SHOWN = 3, 4
NEARLY_ALL = 0.8
NEAR_S, EARLY_S = 5.0, 1.0
"""A process that was started so long after such a moment's end, or before its beginning, was restarted in it: what ran
until then is what was lost. A start is told to a second."""
SETTLED_S = 3.0
"""So long after the new process has begun no request is lost any more: else it is not the restart that costs them."""
LONGER, AT_LEAST_S = 10.0, 60.0
"""Requests of a log that goes on for so many times a moment's length, and so long, did not all begin with the fault."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one symptom, or kind, toward one peer."""

    symptom: str
    peer: str
    count: int
    moments: tuple[Moment, ...]


@check("log-restarts", needs=("log",), optional=("sockets", "processes"))
def log_restarts(facts: Facts, **given: Any) -> Judgement:
    """Lost requests in any program's log: at single moments, or all the time."""
    log = facts.log
    if log is None:
        return unknown(say("no_log"))
    lines = [Lines(one.symptom, one.peer, one.count, one.moments) for one in log.groups]
    return _judged(facts, "log", lines, (log.first_time, log.last_time), log.lines)


@check("error-log-restarts", needs=("error_log",), optional=("sockets", "processes"))
def error_log_restarts(facts: Facts, **given: Any) -> Judgement:
    """The same of nginx's error log, by upstream."""
    log = facts.error_log
    if log is None:
        return unknown(say("no_log"))
    lines = [
        Lines(kind, upstream, count, one.moments.get(upstream, ()))
        for kind, one in log.kinds.items()
        for upstream, count in one.upstreams.items()
    ]
    return _judged(facts, "error_log", lines, (log.first, log.last), log.lines)


def _judged(
    facts: Facts, part: str, lines: Iterable[Lines], span: tuple[float | None, float | None], read: int
) -> Judgement:
    by_peer: dict[str, list[Lines]] = defaultdict(list)
    for one in lines:
        if one.symptom in CUT or one.symptom in REFUSED:
            by_peer[one.peer].append(one)
    if not by_peer:
        return manual(say("restart_none"))
    worst = max(by_peer, key=lambda peer: sum(one.count for one in by_peer[peer]))
    found = by_peer[worst]
    moments = _joined(each for one in found for each in one.moments)
    if not moments:
        return manual(say("restart_untimed"))
    lost = sum(one.count for one in found)
    if lost < FEW:
        return manual(say("restart_few", count=lost))
    short = [one for one in moments if one.count >= FEW and one.last - one.first <= LASTS_S]
    if sum(one.count for one in short) < NEARLY_ALL * lost:
        begin, end = clock(moments[0].first), clock(moments[-1].last)
        return look(facts, part).passed(say("restart_spread", count=lost, first=begin, last=end), seen=read)
    sentences = [
        say("restart_moment", count=one.count, peer=worst or say("no_peer"), first=clock(one.first),
            seconds=f"{one.last - one.first:.0f}")
        for one in short[-SHOWN:]
    ]  # fmt: skip
    holder = listener_behind(facts, worst)
    proof = _proof(facts, holder, found, short)
    only_refused = all(one.symptom in REFUSED for one in found)
    if only_refused and holder is None:
        return manual(*sentences, say("restart_or_down"))
    words = (*identity_of(facts, holder), *_orchestrated(facts, holder)) or SOMEWHERE
    offers = offers_for(words, ("topic:graceful", "why-it-ends"), **_shared(facts, holder, worst, lost))
    if proof:
        return failed(*sentences, *proof, say("restart_playbook"), offers=offers)
    if _only_then(short, span):
        return warned(*sentences, say("restart_likely"), say("restart_playbook"), offers=offers)
    return manual(*sentences, say("restart_too_short"))


def _joined(moments: Iterable[Moment]) -> list[Moment]:
    """Moments of several kinds of lines as one list: those that touch are one."""
    together: list[Moment] = []
    for one in sorted(moments, key=lambda each: each.first):
        if together and one.first <= together[-1].last + APART_S:
            last = together.pop()
            one = Moment(last.first, max(last.last, one.last), last.count + one.count)
        together.append(one)
    return together


def _proof(facts: Facts, holder: Holder | None, found: list[Lines], moments: list[Moment]) -> list[str]:
    """What shows that the server was gone for a moment: it refused then, or was started then, and served afterwards."""
    cut = [each for one in found if one.symptom in CUT for each in one.moments]
    refused = [each for one in found if one.symptom in REFUSED for each in one.moments]
    started = _started(facts, holder)
    sentences = []
    gone = sum(_refused_in(one, cut, refused) for one in moments)
    if gone:
        sentences.append(say("restart_refused", count=gone))
    if holder is not None and started is not None and any(_started_in(one, cut or refused, started) for one in moments):
        sentences.append(say("restart_started", who=holder_name(holder), when=clock(started)))
    return sentences


def _within(moment: Moment, others: list[Moment]) -> list[Moment]:
    return [one for one in others if one.first <= moment.last and one.last >= moment.first]


def _refused_in(moment: Moment, cut: list[Moment], refused: list[Moment]) -> int:
    """How many were refused after others had been cut, and none was cut once it no longer refused."""
    cuts, refusals = _within(moment, cut), _within(moment, refused)
    if not cuts or not refusals:
        return 0
    begun = cuts[0].first <= refusals[0].first + EARLY_S
    over = cuts[-1].last <= refusals[-1].last + SETTLED_S
    return sum(one.count for one in refusals) if begun and over else 0


def _started_in(moment: Moment, lost: list[Moment], started: float) -> bool:
    mine = _within(moment, lost)
    if not mine or started > moment.last + NEAR_S:
        return False
    return mine[0].first - EARLY_S <= started and mine[-1].last <= started + SETTLED_S


def _started(facts: Facts, holder: Holder | None) -> float | None:
    process = _process(facts, holder)
    return process.started if process is not None else None


def _process(facts: Facts, holder: Holder | None) -> Process | None:
    rows = facts.processes.rows if facts.processes is not None else ()
    return next((row for row in rows if holder is not None and row.pid == holder.pid), None)


def _orchestrated(facts: Facts, holder: Holder | None) -> tuple[str, ...]:
    process = _process(facts, holder)
    return ("kubernetes",) if process is not None and process.container.startswith("kubernetes") else ()


def _only_then(moments: list[Moment], span: tuple[float | None, float | None]) -> bool:
    """Whether the log goes on for much longer than these moments last."""
    first, last = span
    if first is None or last is None:
        return False
    lasted = sum(one.last - one.first for one in moments)
    return last - first >= max(AT_LEAST_S, LONGER * lasted)


def _shared(facts: Facts, holder: Holder | None, peer: str, count: int) -> Mapping[str, object]:
    """The parameters of fixes for whoever listens there."""
    process = _process(facts, holder)
    unit = process.unit if process is not None else ""
    port = peer.rpartition(":")[2]
    shared: dict[str, object] = {"count": count, "peer": peer} | ({"server": peer} if peer else {})
    if port.isdigit():
        shared["port"] = port
    if holder is not None:
        shared["who"] = holder_name(holder)
    return shared | ({"unit": unit, "service": unit.removesuffix(".service")} if unit else {})
