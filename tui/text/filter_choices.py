"""What is offered below a filter's line: values with their counts, terms with what they are, filters used or named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.text.language import tr

if TYPE_CHECKING:
    from capture.filters.terms import Kind, Term

Values = Mapping[str, Sequence[tuple[str, int]]]
"""Term → (value, how many rows have it), the most frequent first."""
MOST = 200
RECENT = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """Put `insert` in place of text[start:end]; `sign`, `label` and `detail` are shown; `name`: of a saved filter."""

    start: int
    end: int
    insert: str
    label: str
    detail: str = ""
    sign: str = " "
    name: str = ""


def choices(text: str, kind: Kind, values: Values, history: Sequence[str], saved: Mapping[str, str]) -> list[Choice]:
    """For a line whose cursor is at its end: of an empty one also the whole filters that were kept."""
    whole = [
        Choice(0, len(text), one, name, printable(one, 200), "★", name)
        for name, one in saved.items()
        if name.lower().startswith(text.lower())
    ]
    if not text:
        whole += [Choice(0, 0, one, printable(one, 200), tr("used before"), "↶") for one in history[: -RECENT - 1 : -1]]
    return [*whole, *_words(text, kind, values)][:MOST]


def _words(text: str, kind: Kind, values: Values) -> list[Choice]:
    """Terms, or the values of the term that is being written."""
    from capture.filters import complete

    counts = {term: dict(pairs) for term, pairs in values.items()}
    offered = complete(text, values={term: list(of) for term, of in counts.items()}, kind=kind, most=MOST)
    term = _term(text)
    found = []
    for one in offered:
        if one.help:
            known = len(counts.get(one.insert.rstrip(":"), ()))
            detail = f"{known:,} · {tr(one.help)}" if known else tr(one.help)
            found.append(Choice(one.start, one.end, one.insert, one.insert, detail))
        else:
            number = counts.get(term, {}).get(one.insert.strip('"'), 0)
            detail = f"{number:,}" if number else "-"
            found.append(Choice(one.start, one.end, one.insert, printable(one.insert, 60), detail))
    if not found and (written := _written(text)) is not None:  # a value of one's own: what it is stays in sight
        found.append(Choice(len(text), len(text), "", f"{written.name}:", tr(written.help)))
    elif term:
        found.sort(key=lambda one: -int(one.detail.replace(",", "")) if one.detail != "-" else 1)
    return found


def _term(text: str) -> str:
    """The name of the term whose value is being written at the end; empty where none is."""
    term = _written(text)
    return term.name if term is not None else ""


def _written(text: str) -> Term | None:
    from capture.filters.terms import find_term

    name, colon, _ = text.rpartition(" ")[2].lstrip("-!").partition(":")
    return find_term(name) if colon else None
