"""The other network namespaces of a machine: a leak in a container is one of this machine's."""

from __future__ import annotations

from typing import Any

import msgspec

from playbooks.checks.looked import Judgement, Pass, Result
from playbooks.checks.registry import Check
from playbooks.evidence_words import say
from playbooks.facts.facts import Facts
from playbooks.model import Outcome

SHOWN = 3
"""Namespaces, and sentences of each."""


def judge_everywhere(check: Check, facts: Facts, given: dict[str, Any]) -> Judgement:
    """What the check says of this network namespace; where one of the others is worse off, what it says of that."""
    here = check.judge(facts, **given)
    others = facts.sockets.others if check.everywhere and facts.sockets is not None else ()
    if not others or here.outcome is Outcome.FAIL:
        return here
    found = [(one.netns or "?", _judged(check, facts, one.netns, number, given)) for number, one in enumerate(others)]
    for outcome in (Outcome.FAIL, Outcome.WARN):
        bad = [(name, there) for name, there in found if there.outcome is outcome]
        if bad and here.outcome is not outcome:
            sentences = [
                text
                for name, there in bad[:SHOWN]
                for text in (say("in_namespace", name=name, pid=_inhabitant(facts, name)), *there.evidence[:SHOWN])
            ]
            return Result(
                outcome,
                (*sentences, say("here", said=here.evidence[0])),
                scope=_inside(facts, bad[0][0]).scope(*check.needs),
            )
    same = [name for name, there in found if isinstance(there, Pass)]
    if isinstance(here, Pass) and same:
        names = ", ".join(same[:SHOWN]) + (" …" if len(same) > SHOWN else "")
        return Pass(here.seen, (*here.evidence, say("also_looked", count=len(same), names=names)))
    return here


def _judged(check: Check, facts: Facts, name: str | None, number: int, given: dict[str, Any]) -> Judgement:
    there = _inside(facts, name or "?")
    others = facts.sockets.others if facts.sockets is not None else ()
    return check.judge(msgspec.structs.replace(there, sockets=others[number]), **given)


def _inhabitant(facts: Facts, name: str) -> str:
    """A process that lives in a namespace, for nsenter."""
    others = facts.sockets.others if facts.sockets is not None else ()
    rows = (row for one in others if one.netns == name for row in one.rows)
    return next((str(owner.pid) for row in rows for owner in row.owners), "PID")


def _inside(facts: Facts, name: str) -> Facts:
    return msgspec.structs.replace(facts, netns=name.partition(" ")[0])
