"""From text to clauses: words at white space, values at commas, each with its place so that a complaint can point."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capture.filters import values
from capture.filters.bare_words import bare_word
from capture.filters.filter_errors import FilterError, closest, closest_or_all, message
from capture.filters.terms import BY_ANY_NAME, TERMS, Term, find_term

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.filters.matchers import Matcher

_WORD = re.compile(r'(?:"[^"]*"|[^\s"])+')
_PIECE = re.compile(r'(?:"[^"]*"|[^,"])*')
_TERM = re.compile(r"([A-Za-z][A-Za-z_-]*):")
_EQUALS = re.compile(r"([A-Za-z][A-Za-z_-]*)(=|[<>]=?)(.*)", re.DOTALL)
_OPERATORS = frozenset(("and", "or", "not", "&&", "||", "&", "|"))


@dataclass(frozen=True, slots=True)
class Clause:
    """One word of a filter: it matches where any of its tests does, or, negated, where none does.

    `term` is None for a bare word, whose tests are those of every term that can hold such a word.
    """

    start: int
    end: int
    negated: bool
    term: Term | None
    tests: tuple[tuple[Term, Matcher], ...]
    written: str = ""  # the value(s) of the term, as typed


def clauses_of(text: str) -> tuple[Clause, ...]:
    """The clauses of a filter, in order; raises FilterError at the first word that is wrong."""
    if text.count('"') % 2:
        raise FilterError(text, text.rindex('"'), len(text), message("open_quote"))
    return tuple(_clause(text, found.start(), found.end()) for found in _WORD.finditer(text))


def _clause(text: str, start: int, end: int) -> Clause:
    body = start
    word = text[start:end]
    negated = word[0] in "-!"
    if negated:
        body += 1
        if body == end or text[body] in "-!":
            raise FilterError(text, start, end, message("lonely_minus"))
    word = text[body:end]
    if word.lower() in _OPERATORS:
        raise FilterError(text, body, end, message("operator", word=word))
    if word[0] in "()":
        raise FilterError(text, body, end, message("parenthesis"))
    named = _TERM.match(word)
    if named and not _is_address(word):
        return _named(text, start, body, end, negated, named[1])
    _complain_of_equals(text, body, end)
    tests = [test for at, stop, piece in _pieces(text, body, end, None) for test in _bare(text, at, stop, piece)]
    return Clause(start, end, negated, None, tuple(tests))


def _named(text: str, start: int, body: int, end: int, negated: bool, name: str) -> Clause:
    term = find_term(name)
    colon = body + len(name)
    if term is None:
        hint = closest(name, TERMS) or closest(name, BY_ANY_NAME) or message("all_terms", known=", ".join(TERMS))
        raise FilterError(text, body, colon, message("unknown_term", word=name, nearest=hint))
    if colon + 1 == end:
        raise FilterError(text, body, end, message("missing_value", term=name))
    tests = [(term, _read(text, at, stop, term, piece)) for at, stop, piece in _pieces(text, colon + 1, end, term)]
    return Clause(start, end, negated, term, tuple(tests), text[colon + 1 : end])


def _pieces(text: str, start: int, end: int, term: Term | None) -> Iterator[tuple[int, int, str]]:
    """The values between commas, with their places; quotes are taken off."""
    at = start
    while True:
        found = _PIECE.match(text, at, end)
        stop = found.end() if found else at
        if stop == at:
            raise FilterError(text, start, end, message("missing_after_comma"))
        yield at, stop, text[at:stop].replace('"', "")
        if stop >= end:
            return
        at = stop + 1


def _read(text: str, start: int, end: int, term: Term, value: str) -> Matcher:
    try:
        return term.read(value)
    except values.BareDurationError:
        complaint = message("bare_duration", term=term.name, value=value)
    except ValueError:
        choices = list(term.choices())
        complaint = message(term.wrong, term=term.name, value=value, nearest=closest_or_all(value, choices))
    raise FilterError(text, start, end, complaint)


def _bare(text: str, start: int, end: int, word: str) -> tuple[tuple[Term, Matcher], ...]:
    if '"' not in text[start:end]:
        try:
            return bare_word(word)
        except ValueError:
            raise FilterError(text, start, end, message("not_an_address", value=word)) from None
    return bare_word(word, quoted=True)


def _is_address(word: str) -> bool:
    """Whether a word with a colon is an IPv6 address that begins with letters (fe80::1, abcd:1::)."""
    try:
        values.end(word.partition(",")[0])
    except ValueError:
        return False
    return word.count(":") > 1


def _complain_of_equals(text: str, start: int, end: int) -> None:
    found = _EQUALS.fullmatch(text, start, end)
    if found and find_term(found[1]):
        value = (found[2] if found[2] != "=" else "") + found[3]
        raise FilterError(text, start, end, message("equals", term=found[1], value=value))
