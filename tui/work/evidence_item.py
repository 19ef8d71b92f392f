"""One piece of evidence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    """One thing kept as evidence. `body` is Markdown; `at` epoch seconds."""

    kind: str  # finding | connection | check | log | fix | note
    title: str
    body: str
    at: float
    number: int
    of: str = ""  # what it was seen in: a capture's name, a host; empty where that is not known
