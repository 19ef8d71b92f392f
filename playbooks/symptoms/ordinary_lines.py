"""Ordinary lines that speak of errors: tests that passed, counters, settings, commits, queries, retries that worked."""

from __future__ import annotations

import re

from playbooks.symptoms.errnos import names_in, texts_in
from playbooks.symptoms.long_patterns import asked, pattern

_LISTED = 3
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_TELLS = re.compile(
    r"(?:(?:\b|_)(?:err(?:or)?|e|msg|message|info|reason|cause|exception|desc\w*|detail\w*|text|log|stderr|output|body|status|failure"
    r"|fatal|warning|problem|result)\w{0,8}[\"']?\s?[:=]\s?|\(-?\d+[, ] ?|\bcode[=: ]-?\d+ "
    r"|\b(?:with|because|saying|by|gave|got): ?|\bwith (?:an? |the )?(?:error|message|reason) |\bstringerror\()$"
)
_PROMETHEUS = re.compile(r"^[a-z_:][\w:]*(\{[^}]*\})?\s+[-+]?[\d.]+(e[+-]?\d+)?(\s+\d+)?$")


def is_sample(low: str) -> bool:
    """Whether a line is a sample of a metric: a name, labels and a number."""
    return _PROMETHEUS.match(low) is not None


def is_code(low: str) -> bool:
    """Whether a line (small letters) says that it is code, a comment, a catalogue of messages, a test or a metric."""
    return len(names_in(low)) >= _LISTED or asked("ordinary", "code").found(low)  # many names: a setting, a document


def is_ordinary(low: str) -> bool:
    """Whether a line (small letters) without hard evidence only speaks of an error that nobody met here."""
    if asked("ordinary", "talk").found(low) or _is_out_of_place(low):
        return True
    names = names_in(low)
    if not names and _is_quotation(low):
        return True
    found = (asked("ordinary", name).found(low) for name in ("calm", "mentions"))
    return all(found) and not asked("ordinary", "strong").found(low)


_CLAUSE = re.compile(r"[;|\"]|[.!?,] |: ")


def _is_out_of_place(low: str) -> bool:
    """Whether each plain-English text of an error is in a clause without a word of networks, and not alone."""
    found = list(pattern("evidence", "plain_text").finditer(low))
    return bool(found) and not any(_in_place(low, *one.span()) for one in found)


def _in_place(low: str, start: int, stop: int) -> bool:
    before, after = low[max(0, start - 120) : start], low[stop : stop + 120]
    if before.endswith("connection ") and asked("evidence", "alone_after").found(after):
        return True
    if asked("evidence", "alone_before").found(before) and asked("evidence", "alone_after").found(after):
        return True
    clause = f"{_CLAUSE.split(before)[-1]} {_CLAUSE.split(after)[0]}"
    return asked("evidence", "network").found(clause)


def _is_quotation(low: str) -> bool:
    """Whether each text of an error number is alone in quotes that no error's field opened."""
    texts = texts_in(low)
    return bool(texts) and all(_quoted(low, text) for text in texts)


def _quoted(low: str, text: str) -> bool:
    start = low.find(text)
    end = start + len(text)
    before, after = low[start - 1 : start], low[end : end + 2].lstrip(".?!,")[:1]
    if not before or before not in _QUOTES or not after or after not in _QUOTES:
        return False
    return _TELLS.search(low[max(0, start - 40) : start - 1]) is None
