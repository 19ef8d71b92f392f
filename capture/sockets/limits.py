"""The sentences that say what a look could not see (limits.toml)."""

from __future__ import annotations

import os

from capture.language import catalogue, per_language


@per_language
def _catalogue() -> dict[str, str]:
    return catalogue(os.path.dirname(__file__), "limits")


def limit_text(code: str, **facts: object) -> str:
    """The sentence of a code of limits.toml, with its facts filled in."""
    return _catalogue()[code].format(**facts)
