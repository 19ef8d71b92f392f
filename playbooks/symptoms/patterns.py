"""The long patterns of patterns.toml, each compiled when first needed."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources


@cache
def _table() -> dict[str, dict[str, str | list[str]]]:
    return tomllib.loads(resources.files("playbooks.symptoms").joinpath("patterns.toml").read_text("utf-8"))


@cache
def pattern(group: str, name: str) -> re.Pattern[str]:
    """One pattern by its group and name."""
    text = _table()[group][name]
    assert isinstance(text, str)
    return re.compile(text)


@cache
def patterns(group: str, name: str) -> tuple[re.Pattern[str], ...]:
    """A list of patterns by its group and name."""
    return tuple(map(re.compile, _table()[group][name]))
