"""What a capture proves: connections whose verdict is one of a playbook's causes (capture.verdicts)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from statistics import median
from typing import Any

from capture.verdicts.catalogue import causes
from playbooks.checks.registry import Judgement, check, failed, look, offer, unknown, warned
from playbooks.evidence_words import say
from playbooks.facts.facts import Facts
from playbooks.facts.packet_facts import Captured, CapturedConnection

SHOWN = 3
CUT = "response_cut_short"
GAVE_UP = ("client_gave_up", "write_after_peer_close")


@check("capture-causes", needs=("capture",), arguments=("causes", "fixes", "fits", "as_warning"))
def capture_causes(
    facts: Facts,
    causes: list[str] | None = None,
    fixes: list[str] | None = None,
    fits: dict[str, list[str]] | None = None,
    as_warning: bool = False,
    **given: Any,
) -> Judgement:
    """Connections of the capture that ended by one of `causes`: how many, who closed, who reset, samples.

    `fixes` are offered whatever was found, those of `fits` only for the cause that they cure, or for a variant of one
    (capture.verdicts): of a server's idle time-out nothing was left unread. `as_warning`: for endings
    that are no fault by themselves.
    """
    if facts.capture is None:
        return unknown(say("no_capture"))
    captured = facts.capture
    wanted = set(causes or [])
    found = {cause: count for cause, count in captured.causes.items() if cause in wanted}
    if not captured.connections:
        return unknown(say("capture_empty", path=captured.path), *captured.notices)
    if not found:
        return _none_of_them(facts, captured, wanted)
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
    measured = patience_of(samples)
    sides = Counter(_side(one) for one in samples).most_common()
    facts_of_log = {"count": sum(found.values()), "peer": sides[0][0] if sides else "", "symptom": next(iter(found))}
    shared: dict[str, object] = facts_of_log | measured
    fitting = [name for kind, _ in _largest(_kinds(captured, found)) for name in (fits or {}).get(kind, [])]
    names = dict.fromkeys([*(fixes or []), *fitting])
    return (warned if as_warning else failed)(*evidence, offers=tuple(offer(name, **shared) for name in names))


def _kinds(captured: Captured, found: dict[str, int]) -> dict[str, int]:
    """How many ended in each way: a variant of a cause, or the cause itself."""
    kinds: dict[str, int] = {}
    for cause, count in found.items():
        variants = captured.variants.get(cause, {})
        plain = count - sum(variants.values())
        kinds |= variants | ({cause: plain} if plain else {})
    return kinds


def patience_of(samples: Iterable[CapturedConnection]) -> dict[str, object]:
    """How long clients waited before they left, in words, and what they are given instead, s: longer than that. Empty
    where no sample is one of a client that left."""
    gaps = [one.longest_gap_ms / 1000 for one in samples if one.cause in GAVE_UP and one.longest_gap_ms]
    if not gaps:
        return {}
    patience = max(1, int(2 * median(gaps)) + 1)
    return {
        "client": say("gave_up_at", client=f"{median(gaps):.2f}"),
        "proposed": patience,
        "proposed_ms": patience * 1000,
    }


def _none_of_them(facts: Facts, captured: Captured, wanted: set[str]) -> Judgement:
    """Not one ended this way. A pass only if all could be judged, nothing is missing, and no other way is a fault."""
    sentence = say(
        "capture_none",
        connections=captured.connections,
        before=captured.began_before,
        seen=", ".join(f"{cause} {count}" for cause, count in _largest(captured.causes)),
    )
    faults = {cause: count for cause, count in captured.causes.items() if is_fault(cause)}
    if faults:
        return warned(sentence, say("capture_other_faults", playbooks=", ".join(_playbooks(faults)) or "-"))
    if captured.losses:
        return unknown(sentence, *captured.losses)
    hidden = captured.causes.get("unknown", 0) + untold(wanted, captured.untold_responses)
    return look(facts, "capture").passed(sentence, seen=captured.connections, hidden=hidden)


def untold(wanted: set[str], responses: int) -> int:
    """Responses whose bytes do not tell whether they were cut short, where that is asked."""
    return responses if CUT in wanted else 0


def is_fault(cause: str) -> bool:
    """Whether a cause costs users something (capture.verdicts), or is one of this package's own, of cut responses."""
    known = causes().get(cause)
    return known is None or known.severity in ("warning", "critical")


def _playbooks(faults: dict[str, int]) -> list[str]:
    named = (causes()[cause].playbook for cause, _ in _largest(faults) if cause in causes())
    return [name for name in dict.fromkeys(named) if name]


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
