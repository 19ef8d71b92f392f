"""The long patterns of patterns.toml, each compiled when first needed."""

from __future__ import annotations

import os
import re
from functools import cache

from capture.language import read_toml
from playbooks.symptoms.fast_patterns import Guarded


@cache
def _table() -> dict[str, dict[str, str | list[str]]]:
    return read_toml(os.path.join(os.path.dirname(__file__), "patterns.toml"))


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
