"""Built-in checks by name. A check is a pure function from facts to a Result; what it needs is collected beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from playbooks.checks.looked import Judgement, Looked, NothingSeen, Offer, Pass, Result, Seen, counted_of, look, moved
from playbooks.facts.facts import PARTS, Facts
from playbooks.model import Outcome

__all__ = [
    "Check",
    "Judge",
    "Judgement",
    "Looked",
    "NothingSeen",
    "Offer",
    "Pass",
    "Result",
    "Seen",
    "check",
    "counted_of",
    "failed",
    "known_checks",
    "look",
    "manual",
    "moved",
    "offer",
    "unknown",
    "warned",
]

MODULES = (
    "aborts",
    "awaiting",
    "capture_causes",
    "client_limits",
    "clients_gone",
    "failing_now",
    "files",
    "half_open",
    "leaks",
    "load",
    "nginx_limits",
    "nginx_logs",
    "nginx_upstreams",
    "path_mtu",
    "ports",
    "proxy_ends",
    "proxy_waits",
    "queues",
    "reaching",
    "restarts",
    "stalls",
    "timeout_chains",
)
"""The modules of this package that hold checks."""


class Judge(Protocol):
    """Facts and the step's arguments in, a result out."""

    def __call__(self, facts: Facts, **given: Any) -> Judgement:
        """Judge facts."""


@dataclass(frozen=True, slots=True)
class Check:
    """A named check: the parts of Facts it cannot do without, those it uses if there, and its arguments' names.
    `everywhere`: it judges sockets, and so those of other network namespaces too (all_namespaces.py)."""

    name: str
    judge: Judge
    needs: tuple[str, ...]
    optional: tuple[str, ...]
    arguments: frozenset[str]
    everywhere: bool = False


_found: dict[str, Check] = {}


def check(
    name: str,
    *,
    needs: tuple[str, ...],
    optional: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
    everywhere: bool = False,
) -> Callable[[Judge], Judge]:
    """Registers a check. Missing `needs` make the step unknown (or manual) without asking the function."""
    unknown = [part for part in (*needs, *optional) if part not in PARTS]
    if unknown or name in _found:
        raise ValueError(f"check {name}: {unknown or 'registered twice'}")

    def register(judge: Judge) -> Judge:
        _found[name] = Check(name, judge, needs, optional, frozenset(arguments), everywhere)
        return judge

    return register


@cache
def known_checks() -> Mapping[str, Check]:
    """All built-in checks by name."""
    for module in MODULES:
        import_module(f"playbooks.checks.{module}")
    return dict(sorted(_found.items()))


def warned(*evidence: str, offers: tuple[Offer, ...] = ()) -> Result:
    """Worth knowing; no failure for it."""
    return Result(Outcome.WARN, evidence, offers)


def failed(*evidence: str, offers: tuple[Offer, ...] = ()) -> Result:
    """This is wrong."""
    return Result(Outcome.FAIL, evidence, offers)


def unknown(*evidence: str) -> Result:
    """Could not be looked at, and why."""
    return Result(Outcome.UNKNOWN, evidence)


def manual(*evidence: str) -> Result:
    """A person has to look; the step's command says how."""
    return Result(Outcome.MANUAL, evidence)


def offer(fix: str, **parameters: object) -> Offer:
    """A fix with its parameters as text."""
    return Offer(fix, {name: str(value) for name, value in parameters.items()})


def offers_for(identity: Iterable[str], fixes: Iterable[str], **parameters: object) -> tuple[Offer, ...]:
    """Fixes with the same parameters, for the process whose words these are (playbooks.facts.identity)."""
    texts = {name: str(value) for name, value in parameters.items()}
    return tuple(Offer(fix, texts, tuple(identity), process=True) for fix in fixes)


def offers_for_writers(writers: Iterable[str], fixes: Iterable[str], **parameters: object) -> tuple[Offer, ...]:
    """The same for the programs that wrote a log's lines, the most telling first: which library or server it was is not
    known."""
    texts = {name: str(value) for name, value in parameters.items()}
    words = tuple(writers)[::-1]  # an identity has the widest word first
    return tuple(Offer(fix, texts, words) for fix in fixes)
