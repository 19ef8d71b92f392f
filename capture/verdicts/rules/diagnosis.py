"""What the rules hand back: a cause, how sure, what else it could be, and the events that prove it."""

from __future__ import annotations

from msgspec import Struct

from capture.model import Certainty

CERTAIN, LIKELY, POSSIBLE = Certainty.CERTAIN, Certainty.LIKELY, Certainty.POSSIBLE


class Proof(Struct, frozen=True):
    """An event (index) and the code of the sentence that says what it proves."""

    at: int
    code: str


class Diagnosis(Struct, frozen=True):
    """`sentence` is a code of sentences.toml; `actor` the side the sentence speaks of (0 originator, 1 responder);
    `variant` one of findings.toml: a way to end with this cause that is a finding of its own."""

    cause: str
    certainty: Certainty
    sentence: str
    actor: int | None = None
    alternatives: tuple[str, ...] = ()
    proofs: tuple[Proof, ...] = ()
    harmless: bool = False
    variant: str = ""


def proofs(*pairs: tuple[int | None, str]) -> tuple[Proof, ...]:
    """Proofs from (index, code) pairs, without those whose event is missing; in the order of the packets."""
    found: dict[int, Proof] = {}
    for at, code in pairs:
        if at is not None and at >= 0:
            found.setdefault(at, Proof(at, code))
    return tuple(found[at] for at in sorted(found))
