"""What could be typed at the cursor of a filter: names of terms, then their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from capture.filters.terms import TERMS, find_term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from capture.filters.terms import Kind


@dataclass(frozen=True, slots=True)
class Candidate:
    """Put `insert` in place of text[start:end]; `help` says what it is (empty for values)."""

    start: int
    end: int
    insert: str
    help: str = ""


def complete(
    text: str,
    cursor: int | None = None,
    *,
    values: Mapping[str, Iterable[str]] | None = None,
    kind: Kind | None = None,
    most: int = 20,
) -> list[Candidate]:
    """Candidates for the word that ends at the cursor, the best first.

    `values` holds what the screen knows by term name (processes, peers, ports); `kind` leaves out the terms that tell
    nothing of such rows.
    """
    cursor = len(text) if cursor is None else max(0, min(cursor, len(text)))
    start = max(text.rfind(blank, 0, cursor) for blank in (" ", "\t", "\n")) + 1
    if text[start:cursor].startswith(("-", "!")):
        start += 1
    word = text[start:cursor]
    name, colon, typed = word.partition(":")
    term = find_term(name) if colon else None
    if term is None:
        return [] if colon else _names(word, start, cursor, kind)[:most]
    at = cursor - len(typed.rpartition(",")[2])
    chosen = typed.split(",")[:-1]
    known = [*term.choices(), *((values or {}).get(term.name, ()))]
    prefix = text[at:cursor].lower().replace("_", "-")
    fits = [v for v in dict.fromkeys(known) if v not in chosen and v.lower().replace("_", "-").startswith(prefix)]
    return [Candidate(at, cursor, _quoted(value)) for value in fits[:most] if value != text[at:cursor]]


def _names(word: str, start: int, cursor: int, kind: Kind | None) -> list[Candidate]:
    prefix = word.lower().replace("_", "-")
    terms = [term for term in TERMS.values() if kind is None or term.tells_of(kind)]
    named = [(term.name, term) for term in terms if term.name.startswith(prefix)]
    others = [(a, term) for term in terms for a in term.aliases if prefix and a.startswith(prefix)]
    seen = {term.name for _, term in named}
    return [
        Candidate(start, cursor, f"{name}:", term.help)
        for name, term in [*named, *((a, t) for a, t in others if t.name not in seen)]
    ]


def _quoted(value: str) -> str:
    return f'"{value}"' if any(c.isspace() or c == "," for c in value) else value
