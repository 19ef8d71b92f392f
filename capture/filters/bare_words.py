"""A bare word: any address, name or code. It becomes the tests of all terms that can hold such a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.filters import code_lists, values
from capture.filters.matchers import Span, code, is_glob, name, part_of_code
from capture.filters.terms import TERMS, Term

if TYPE_CHECKING:
    from capture.filters.matchers import Matcher

_ENDS = ("peer", "local")
_NUMBERS = ("port", "pid")
_NAMES = ("process", "netns", "tunnel")
_CODES = (
    "state",
    "cause",
    "reset-by",
    "closed-first",
    "ended-by",
    "certainty",
    "error",
    "playbook",
    "timer",
    "symptom",
)


def bare_word(word: str, *, quoted: bool = False) -> tuple[tuple[Term, Matcher], ...]:
    """The tests of a bare word; raises ValueError for a broken address.

    A number is a port or a process id; an address (also with a port) is either end; a code of any list is exactly that
    code; anything else is searched for in names and code_lists. Of a log's line each is also searched for in its text.
    """
    in_text = (TERMS["text"], name(word))
    if not quoted:
        if word.isdecimal() and word.isascii():
            number = Span(int(word), int(word))
            return (*((TERMS[term], number) for term in _NUMBERS), in_text)
        end = values.bare_end(word)
        if end is not None:
            return (*((TERMS[term], end) for term in _ENDS), in_text)
    as_code = code(word) if _is_code(word) or is_glob(word) else part_of_code(word)
    state = code_lists.state(word)
    in_codes = [(TERMS[term], as_code) for term in _CODES]
    in_names = [(TERMS[term], name(word)) for term in _NAMES]
    as_state = [(TERMS["state"], code(state))] if state else []
    return (*as_state, *in_codes, *in_names, in_text)


def _is_code(word: str) -> bool:
    return word.lower().replace("-", "_") in code_lists.all_codes()
