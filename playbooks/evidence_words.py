"""Evidence in words (playbooks/evidence.toml): one sentence a code, filled with the facts behind it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

from capture.language import catalogue, per_language

NAMED = 3
"""How many of a kind a sentence names."""


@per_language
def _catalogue() -> dict[str, str]:
    return catalogue(os.path.dirname(__file__), "evidence")


def say(code: str, **facts: object) -> str:
    """The sentence of a code of playbooks/evidence.toml."""
    return _catalogue()[code].format(**facts)


def bracketed(ip: str) -> str:
    """An address as it is written before a port, and as ss reads it: IPv6 in brackets."""
    return f"[{ip}]" if ":" in ip else ip


def most_common(names: Iterable[str], most: int = NAMED) -> str:
    """The most frequent names with their counts: "10.0.0.5 (40), 10.0.0.9 (3) and 7 more"."""
    counts = Counter(names)
    shown = [f"{name} ({count})" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]]
    left = len(counts) - len(shown)
    return say("and_more", shown=", ".join(shown), left=left) if left else ", ".join(shown)


def percent(share: float) -> str:
    """A share in percent, never rounded up to 100."""
    return f"{min(share * 100, 99.9) if share < 1 else share * 100:.0f} %"
