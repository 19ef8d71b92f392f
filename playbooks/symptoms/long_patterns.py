"""The long patterns of patterns.toml, each compiled when first needed."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

import tomli

from playbooks.symptoms.fast_patterns import Guarded


@cache
def _table() -> dict[str, dict[str, str | list[str]]]:
    return tomli.loads(resources.files("playbooks.symptoms").joinpath("patterns.toml").read_text("utf-8"))


@cache
def pattern(group: str, name: str) -> re.Pattern[str]:
    """One pattern by its group and name."""
    text = _table()[group][name]
    assert isinstance(text, str)
    return re.compile(text)


@cache
def asked(group: str, name: str) -> Guarded:
    """The same, where only whether it is found matters; a list of patterns is one with all of them."""
    text = _table()[group][name]
    return Guarded(text if isinstance(text, str) else "|".join(text))
