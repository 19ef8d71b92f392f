"""What a check may conclude. "All is well" is made of evidence only: a Pass needs a Seen, and a Seen at least one thing
that was looked at. There is no other way to a pass: mypy refuses it, and so do these constructors."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import Literal, TypeAlias

from playbooks.evidence_words import say
from playbooks.facts.facts import Facts
from playbooks.model import Outcome
from playbooks.scope import Scope

NotFine: TypeAlias = Literal[Outcome.WARN, Outcome.FAIL, Outcome.UNKNOWN, Outcome.MANUAL]


class NothingSeen(ValueError):  # noqa: N818 - a fact, not a fault
    """Somebody tried to conclude that all is well from nothing."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A fix (by its id in the playbook, or topic:NAME for each of a topic) that would cure what a check found, with its
    parameters for this machine."""

    fix: str
    parameters: Mapping[str, str]
    identity: tuple[str, ...] = ()
    """Words of the program that it is for (playbooks.facts.identity); empty where it is not known."""
    process: bool = False
    """They were read of a process: its libraries and its server are among them. Else they are of lines of a log."""


@dataclass(frozen=True, slots=True)
class Seen:
    """`count` things of `scope` that were looked at. Raises NothingSeen for none, or of nowhere."""

    scope: Scope
    count: int

    def __post_init__(self) -> None:
        if self.count < 1 or not self.scope:
            raise NothingSeen(f"{self.count} things looked at, of {self.scope}")


@dataclass(frozen=True, slots=True)
class Result:
    """An outcome that is not "all is well", the evidence in sentences, and fixes, the best first. `scope` None: that of
    the parts which the check needs."""

    outcome: NotFine
    evidence: tuple[str, ...]
    offers: tuple[Offer, ...] = ()
    scope: Scope | None = None

    def __post_init__(self) -> None:
        if self.outcome not in (Outcome.WARN, Outcome.FAIL, Outcome.UNKNOWN, Outcome.MANUAL):
            raise NothingSeen("a pass is made with what was looked at: look(facts, …).passed(…)")


@dataclass(frozen=True, slots=True)
class Pass:
    """Looked, and nothing is wrong with what was seen."""

    seen: Seen
    evidence: tuple[str, ...]

    @property
    def outcome(self) -> Literal[Outcome.PASS]:
        """Always PASS."""
        return Outcome.PASS

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Nothing to cure."""
        return ()

    @property
    def scope(self) -> Scope:
        """What was looked at."""
        return self.seen.scope


Judgement: TypeAlias = Result | Pass


@dataclass(frozen=True, slots=True)
class Looked:
    """Where a check looks; what it may conclude from there follows from how much it saw. `beyond`: what lies outside of
    the scope and was not looked at, in a sentence."""

    scope: Scope
    beyond: tuple[str, ...] = ()

    def passed(
        self, *evidence: str, seen: int | Sized, hidden: int = 0, counted: Mapping[str, int] | None = None
    ) -> Judgement:
        """All is well with the `seen` things (their number, or they themselves).

        Unknown instead where none was seen, or where `hidden` more could not be seen that might have changed the
        answer; a warning where the kernel `counted` (name: how many) meanwhile what the things seen do not explain.
        """
        count = seen if isinstance(seen, int) else len(seen)
        moved = {name: number for name, number in (counted or {}).items() if number > 0}
        if moved:
            sentence = say("counters_rose", moved=", ".join(f"{name} +{number}" for name, number in moved.items()))
            return Result(Outcome.WARN, (*evidence, sentence), scope=self.scope)
        if count < 1:
            return Result(Outcome.UNKNOWN, (say("nothing_seen"), *evidence, *self.beyond), scope=self.scope)
        if hidden > 0:
            return Result(Outcome.UNKNOWN, (*evidence, say("some_hidden", hidden=hidden)), scope=self.scope)
        return Pass(Seen(self.scope, count), (*evidence, *self.beyond))


def look(facts: Facts, *parts: str) -> Looked:
    """At these parts of the facts, those of them that are there."""
    return Looked(facts.scope(*parts), _other_namespaces(facts) if "sockets" in parts else ())


NAMED = 4


def _other_namespaces(facts: Facts) -> tuple[str, ...]:
    """A machine has as many tables of sockets as network namespaces: a pass is of the one that was looked at."""
    others = facts.sockets.elsewhere if facts.sockets is not None else ()
    if not others:
        return ()
    named = [f"{one.name} ({one.sockets if one.sockets is not None else '?'})" for one in others[:NAMED]]
    more = [f"+{len(others) - NAMED}"] if len(others) > NAMED else []
    total = sum(one.sockets or 0 for one in others)
    known = all(one.sockets is not None for one in others)
    held = say("sockets_held" if known else "sockets_held_at_least", sockets=total)
    return (say("other_namespaces", count=len(others), sockets=held, named=", ".join((*named, *more))),)


def counted_of(facts: Facts, traffic: str, *names: str) -> tuple[str, ...]:
    """Those of these kernel counters that say something by standing still: something was counted that might have moved
    them. `traffic` is the counter of that (segments that came in, connections that were tried): it moved between the
    looks; or it moved before, and none of these ever did."""
    if facts.sockets is None:
        return ()
    known = tuple(name for name in names if name in facts.sockets.totals)
    now, ever = facts.sockets.counters.get(traffic, 0), facts.sockets.totals.get(traffic, 0)
    never = not any(facts.sockets.totals[name] for name in known)
    return known if now > 0 or (ever > 0 and never) else ()


def moved(facts: Facts, *names: str) -> dict[str, int]:
    """Those of these kernel counters that moved between the two looks."""
    counters = facts.sockets.counters if facts.sockets is not None else {}
    return {name: counters[name] for name in names if counters.get(name, 0) > 0}
