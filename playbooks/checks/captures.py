"""What a capture proves: connections whose verdict is one of a playbook's causes (capture.verdicts)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from playbooks.checks.registry import Judgement, check, failed, look, offer, unknown, warned
from playbooks.checks.wording import say
from playbooks.facts.model import CapturedConnection, Facts

SHOWN = 3


@check("capture-causes", needs=("capture",), arguments=("causes", "fixes", "as_warning"))
def capture_causes(
    facts: Facts,
    causes: list[str] | None = None,
    fixes: list[str] | None = None,
    as_warning: bool = False,
    **given: Any,
) -> Judgement:
    """Connections of the capture that ended by one of `causes`: how many, who closed, who reset, samples.

    `as_warning`: for endings that are no fault by themselves.
    """
    if facts.capture is None:
        return unknown(say("no_capture"))
    captured = facts.capture
    wanted = set(causes or [])
    found = {cause: count for cause, count in captured.causes.items() if cause in wanted}
    if not captured.connections:
        return unknown(say("capture_empty", path=captured.path), *captured.notices)
    if not found:
        seen = ", ".join(f"{cause} {count}" for cause, count in _largest(captured.causes))
        said = say("capture_none", connections=captured.connections, seen=seen)
        return look(facts, "capture").passed(said, seen=captured.connections)
    evidence = [
        say(
            "capture_some",
            count=sum(found.values()),
            connections=captured.connections,
            causes=", ".join(f"{cause} {count}" for cause, count in _largest(found)),
        )
    ]
    samples = [one for one in captured.samples if one.cause in wanted]
    for one in samples[:SHOWN]:
        evidence += sample_evidence(one)
    sides = Counter(_side(one) for one in samples).most_common(1)
    shared = {"count": sum(found.values()), "peer": sides[0][0] if sides else "", "symptom": next(iter(found))}
    return (warned if as_warning else failed)(*evidence, offers=tuple(offer(name, **shared) for name in fixes or []))


def _largest(causes: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(causes.items(), key=lambda item: (-item[1], item[0]))[:5]


def sample_evidence(one: CapturedConnection) -> list[str]:
    """One connection in a sentence, and the packets that show it."""
    story = say(
        "capture_sample",
        id=one.id,
        originator=one.originator,
        responder=one.responder,
        sentence=one.sentence,
        certainty=one.certainty,
    )
    return [story, *(say("capture_evidence", text=text) for text in one.evidence[:3])]


def _side(one: CapturedConnection) -> str:
    """The service, or the client's host (its ports tell nothing) where it was the client that reset."""
    return one.originator.ip if one.reset_by == "originator" else str(one.responder)
