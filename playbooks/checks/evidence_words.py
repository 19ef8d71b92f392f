"""Evidence in words (evidence.toml): one sentence a code, filled with the facts behind it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

from capture.language import catalogue, per_language
from playbooks.facts.facts import Holder, Times

NAMED = 3
"""How many of a kind a sentence names."""


@per_language
def _catalogue() -> dict[str, str]:
    return catalogue(os.path.dirname(__file__), "evidence")


def say(code: str, **facts: object) -> str:
    """The sentence of a code of evidence.toml."""
    return _catalogue()[code].format(**facts)


def age(seconds: float, is_minimum: bool = False) -> str:
    """A length of time for people: 0.4 s, 14 s, 3 min, 2 h."""
    if seconds < 10:
        said = f"{seconds:.1f} s"
    elif seconds < 90:
        said = f"{seconds:.0f} s"
    elif seconds < 5400:
        said = f"{seconds / 60:.0f} min"
    elif seconds < 172_800:
        said = f"{seconds / 3600:.0f} h"
    else:
        said = f"{seconds / 86_400:.0f} days"
    return say("at_least", age=said) if is_minimum else said


def holder_name(holder: Holder | None) -> str:
    """name[pid], or that nobody is known."""
    return f"{holder.name}[{holder.pid}]" if holder is not None else say("nobody")


def bracketed(ip: str) -> str:
    """An address as it stands before a port, and as ss reads it: IPv6 in brackets."""
    return f"[{ip}]" if ":" in ip else ip


def most_common(names: Iterable[str], most: int = NAMED) -> str:
    """The most frequent names with their counts: "10.0.0.5 (40), 10.0.0.9 (3) and 7 more"."""
    counts = Counter(names)
    shown = [f"{name} ({count})" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]]
    left = len(counts) - len(shown)
    return say("and_more", shown=", ".join(shown), left=left) if left else ", ".join(shown)


_LANGUAGES = (
    ("python", ("python", "gunicorn", "uvicorn", "uwsgi", "celery", "pypy")),
    ("node", ("node", "npm", "yarn", "bun", "deno", "MainThread")),
    ("java", ("java", "jsvc")),
)


def own_language_first(names: Iterable[str], holder: Holder | None) -> list[str]:
    """Fixes in the language that a process's name tells before those in others; compiled programs tell none."""
    own = next((tongue for tongue, starts in _LANGUAGES if holder and holder.name.startswith(starts)), "go")
    return sorted(names, key=lambda name: not name.endswith(f"-{own}"))


def percent(share: float) -> str:
    """A share in percent, never rounded up to 100."""
    return f"{min(share * 100, 99.9) if share < 1 else share * 100:.0f} %"


def times_text(times: Times) -> str:
    """Percentiles in one line."""
    return say(
        "times",
        count=times.count,
        p50=f"{times.p50:.3f}",
        p90=f"{times.p90:.3f}",
        p99=f"{times.p99:.3f}",
        most=f"{times.most:.3f}",
    )
