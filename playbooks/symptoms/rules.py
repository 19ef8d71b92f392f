"""The catalogue of phrases: loaded once, each pattern compiled when a line first holds one of its literals."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from capture.language import catalogue, per_language, read_toml
from playbooks.symptoms.fast_patterns import Guarded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass
class Rule:
    """A phrase of error lines; see rules.toml."""

    symptom: str
    any: tuple[str, ...]
    match: str | None = None
    unless: str | None = None
    errno: str | None = None
    errno_if: str | None = None
    source: str | None = None
    side: str | None = None
    play: str | None = None
    always: bool = False

    @cached_property
    def _match(self) -> Guarded | None:
        return Guarded(self.match) if self.match else None

    @cached_property
    def _unless(self) -> Guarded | None:
        return Guarded(self.unless) if self.unless else None

    def fits(self, low: str) -> bool:
        """Whether a line in small letters that holds one of the literals is such a line."""
        if self._match is not None and not self._match.found(low):
            return False
        return self._unless is None or not self._unless.found(low)


class RuleList:
    """Rules in order, asked by the literals that a line holds."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        table: dict[str, list[int]] = {}
        for number, rule in enumerate(self.rules):
            for literal in rule.any:
                table.setdefault(literal, []).append(number)
        self._by_literal = table
        self._words = tuple(table)

    def first(self, low: str) -> Rule | None:
        """The first rule that fits a line in small letters."""
        return next(self.fitting(low), None)

    def fitting(self, low: str) -> Iterator[Rule]:
        """All rules that fit a line in small letters, in order."""
        held = [word for word in self._words if word in low]
        numbers = sorted({number for word in held for number in self._by_literal[word]})
        return (self.rules[n] for n in numbers if self.rules[n].fits(low))


@dataclass(frozen=True)
class Symptom:
    """A symptom's playbook, title, and what it means by whose connection it was."""

    code: str
    playbook: str
    title: str
    meanings: dict[str, str] = field(default_factory=dict)

    def meaning(self, side: str | None) -> str:
        """The sentence for this side, or the general one."""
        return self.meanings.get(side or "", self.meanings["meaning"])


def _load(name: str) -> dict[str, Any]:
    return read_toml(os.path.join(os.path.dirname(__file__), name))


@lru_cache(maxsize=1)
def rules() -> tuple[RuleList, RuleList]:
    """The specific rules (before error numbers) and the general ones (after), in order."""
    table = _load("rules.toml")
    specific, general = (
        RuleList(Rule(**{**entry, "any": tuple(entry["any"])}) for entry in table[k]) for k in ("specific", "general")
    )
    return specific, general


@per_language
def symptoms() -> dict[str, Symptom]:
    """All symptoms by code."""
    return {
        code: Symptom(
            code, entry["playbook"], entry["title"], {k: v for k, v in entry.items() if k not in ("playbook", "title")}
        )
        for code, entry in catalogue(os.path.dirname(__file__), "symptoms").items()
    }


@lru_cache(maxsize=1)
def _sources() -> list[tuple[str, Guarded]]:
    return [(name, Guarded(pattern)) for name, pattern in _load("sources.toml")["sources"]]


def source_of(low: str) -> str | None:
    """Who writes such lines; None where nothing tells."""
    return next((name for name, pattern in _sources() if pattern.found(low)), None)


@lru_cache(maxsize=1)
def literals() -> tuple[str, ...]:
    """Every literal of every rule and every text of an error number: a line without any of them has no symptom."""
    from playbooks.symptoms.errnos import catalogue

    specific, general = rules()
    words = {literal for rule in (*specific.rules, *general.rules) if rule.symptom for literal in rule.any}
    known = catalogue()
    words |= set(known.by_text) | {name.lower() for name in known.by_name} | set(known.by_kind)
    words |= {"errno", "os error", "system error", "socket error", "socketexception", "winerror", "wsagetlasterror"}
    words |= {"return code = -1", "rc = -1"}
    words |= {word.replace("'", "’") for word in words if "'" in word}  # as word processors and some systems write it
    return tuple(sorted(w for w in words if not any(o != w and o in w for o in words)))


@lru_cache(maxsize=1)
def leading_literals() -> tuple[str, ...]:
    """The literals of lines without a symptom that lead to a playbook all the same."""
    return tuple(literal for rule in rules()[0].rules if not rule.symptom and rule.play for literal in rule.any)
