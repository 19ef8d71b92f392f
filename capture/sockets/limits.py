"""The sentences that say what a look could not see (limits.toml)."""

from __future__ import annotations

from functools import cache
from importlib import resources

import tomli


@cache
def _catalogue() -> dict[str, str]:
    return tomli.loads(resources.files(__package__).joinpath("limits.toml").read_text(encoding="utf-8"))


def limit_text(code: str, **facts: object) -> str:
    """The sentence of a code of limits.toml, with its facts filled in."""
    return _catalogue()[code].format(**facts)


def count_of(number: int, noun: str) -> str:
    """`1 socket`, `12 sockets`, `2 processes`: a number with the noun that it takes in English."""
    return f"{number:,} {noun}" + ("" if number == 1 else "es" if noun.endswith("s") else "s")
