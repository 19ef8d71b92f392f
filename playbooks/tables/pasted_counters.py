"""Counters in a pasted text: sentences of `netstat -s`, rows of `nstat`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache

from capture.language import catalogue, per_language

_SENTENCE = re.compile(r"^\s*(?P<count>\d+) (?P<said>\S.*?)\s*$")
_PAIR = re.compile(
    r"^\s*(?:tcpext|tcp)?(?P<name>[a-z][a-z0-9]{4,40}):?\s+(?P<count>\d+)(?:\s+[\d.]+)?\s*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A counter that tells of trouble, with the finding it makes."""

    name: str
    said: re.Pattern[str]
    code: str
    playbook: str
    text: str


@per_language
def troubles() -> dict[str, Trouble]:
    """The counters of counters.toml by the kernel's name."""
    table = catalogue(os.path.dirname(__file__), "counters")
    return {
        name: Trouble(name, re.compile(entry["said"]), entry["code"], entry["playbook"], entry["text"])
        for name, entry in table.items()
    }


@cache
def _by_small_name() -> dict[str, str]:
    return {name.lower(): name for name in troubles()}


def counter_of(line: str) -> tuple[str, int] | None:
    """(the kernel's name, count) of a line that tells a counter of trouble; None for any other line."""
    pair = _PAIR.match(line)
    if pair:
        small = pair["name"].lower()
        name = _by_small_name().get(small) or _by_small_name().get(f"tcp{small}")
        return (name, int(pair["count"])) if name else None
    sentence = _SENTENCE.match(line)
    if sentence is None:
        return None
    pattern = sentence["said"].lower()
    return next(
        ((one.name, int(sentence["count"])) for one in troubles().values() if one.said.fullmatch(pattern)), None
    )
