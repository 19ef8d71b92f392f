"""Findings have a life: first seen, last seen, over. What came and went between two glances stays in a list."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

from capture.model import Finding, Severity

KEPT = 200
"""Lives that are over; the oldest go first."""
SAME_AGAIN_S = 60.0
"""What comes back within a minute is the same trouble again: counted, not listed twice."""


@dataclass(frozen=True, slots=True)
class Life:
    """One finding over time. `first_seen`, `last_seen` are epoch seconds of looks; `times` how often it came; `worst`
    its gravest severity, `most` connections at once; `finding` as it was last seen."""

    key: Hashable
    finding: Finding
    first_seen: float
    last_seen: float
    over: bool = False
    times: int = 1
    worst: Severity = Severity.INFO
    most: int = 0


def identity(finding: Finding) -> Hashable:
    """What names a finding from one look to the next: numbers in its title may change, and so may who is first in a
    pile that is known by its port."""
    facts = finding.facts
    place = tuple(str(facts.get(name)) for name in ("netns", "listener", "port", "host", "local"))
    lone = str(facts.get("pid")) if facts.get("port") is None and facts.get("listener") is None else ""
    return (finding.code, *place, lone)


class Lives:
    """The lives of all findings of a watch."""

    def __init__(self) -> None:
        self._lives: dict[Hashable, Life] = {}

    def take(self, findings: Iterable[Finding], time: float) -> tuple[Life, ...]:
        """Notes the findings of a look at `time` (epoch seconds); all lives, those that go on first, then those that
        are over, the last one first."""
        seen: set[Hashable] = set()
        for finding in findings:
            key = identity(finding)
            if key not in seen:  # two of one identity are one trouble: the first is the graver
                seen.add(key)
                self._lives[key] = _lived_on(self._lives.pop(key, None), key, finding, time)
        for key in self._lives.keys() - seen:
            if not self._lives[key].over:
                self._lives[key] = replace(self._lives[key], over=True)
        ended = sorted((one for one in self._lives.values() if one.over), key=lambda one: -one.last_seen)
        for one in ended[KEPT:]:
            del self._lives[one.key]
        current = [one for one in self._lives.values() if not one.over]
        return (*current, *ended[:KEPT])


def _lived_on(life: Life | None, key: Hashable, finding: Finding, time: float) -> Life:
    if life is None or (life.over and time - life.last_seen > SAME_AGAIN_S):
        return Life(key, finding, time, time, worst=finding.severity, most=finding.connections)
    return Life(
        key,
        finding,
        life.first_seen,
        time,
        times=life.times + life.over,
        worst=min(life.worst, finding.severity, key=lambda one: one.rank),
        most=max(life.most, finding.connections),
    )
