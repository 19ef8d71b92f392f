"""The catalogue of phrases: loaded once, each pattern compiled when a line first holds one of its literals."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources
from typing import Any


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

    @cached_property
    def _match(self) -> re.Pattern[str] | None:
        return re.compile(self.match) if self.match else None

    @cached_property
    def _unless(self) -> re.Pattern[str] | None:
        return re.compile(self.unless) if self.unless else None

    def fits(self, low: str) -> bool:
        """Whether a line in small letters is such a line."""
        if not any(literal in low for literal in self.any):
            return False
        if self._match is not None and not self._match.search(low):
            return False
        return self._unless is None or not self._unless.search(low)


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
    return tomllib.loads(resources.files("playbooks.symptoms").joinpath(name).read_text("utf-8"))


@lru_cache(maxsize=1)
def rules() -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """The specific rules (before error numbers) and the general ones (after), in order."""
    table = _load("rules.toml")
    specific, general = (
        [Rule(**{**entry, "any": tuple(entry["any"])}) for entry in table[k]] for k in ("specific", "general")
    )
    return tuple(specific), tuple(general)


@lru_cache(maxsize=1)
def symptoms() -> dict[str, Symptom]:
    """All symptoms by code."""
    return {
        code: Symptom(
            code, entry["playbook"], entry["title"], {k: v for k, v in entry.items() if k not in ("playbook", "title")}
        )
        for code, entry in _load("symptoms.toml").items()
    }


@lru_cache(maxsize=1)
def _sources() -> list[tuple[str, str]]:
    return [(name, pattern) for name, pattern in _load("sources.toml")["sources"]]


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def source_of(low: str) -> str | None:
    """Who writes such lines; None where nothing tells."""
    return next((name for name, pattern in _sources() if _compiled(pattern).search(low)), None)


@lru_cache(maxsize=1)
def literals() -> tuple[str, ...]:
    """Every literal of every rule and every text of an error number: a line without any of them has no symptom."""
    from playbooks.symptoms.errnos import catalogue

    specific, general = rules()
    words = {literal for rule in (*specific, *general) if rule.symptom for literal in rule.any}
    known = catalogue()
    words |= set(known.by_text) | {name.lower() for name in known.by_name} | set(known.by_kind)
    words |= {"errno", "os error", "socketexception", "(111)", "(110)", "(104)", "(32)", "(113)", "winerror"}
    return tuple(sorted(w for w in words if not any(o != w and o in w for o in words)))
