"""Ordinary lines that speak of errors: tests that passed, counters, settings, commits, queries, retries that worked."""

from __future__ import annotations

import re

from playbooks.symptoms.errnos import names_in, texts_in
from playbooks.symptoms.patterns import asked

_LISTED = 3
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_TELLS = re.compile(
    r"(?:\b(?:err(?:or)?|e|msg|message|info|reason|cause|exception|desc\w*|detail\w*|text|log|stderr|output|body|status|failure"
    r"|fatal|warning|problem|result)\w{0,8}[\"']?\s?[:=]\s?|\(-?\d+[, ] ?|\bstringerror\()$"
)
_PROMETHEUS = re.compile(r"^[a-z_:][\w:]*(\{[^}]*\})?\s+[-+]?[\d.]+(e[+-]?\d+)?(\s+\d+)?$")


def is_sample(low: str) -> bool:
    """Whether a line is a sample of a metric: a name, labels and a number."""
    return _PROMETHEUS.match(low) is not None


def is_ordinary(low: str) -> bool:
    """Whether a line (small letters) only speaks of an error that nobody met here."""
    if asked("ordinary", "always").found(low):
        return True
    names = names_in(low)
    if len(names) >= _LISTED:  # a list of error names is a setting or a document
        return True
    if not names and _is_quotation(low):
        return True
    said = (asked("ordinary", name).found(low) for name in ("calm", "mentions"))
    return all(said) and not asked("ordinary", "strong").found(low)


def _is_quotation(low: str) -> bool:
    """Whether each text of an error number stands alone in quotes that no error's field opened."""
    texts = texts_in(low)
    return bool(texts) and all(_quoted(low, text) for text in texts)


def _quoted(low: str, text: str) -> bool:
    start = low.find(text)
    end = start + len(text)
    before, after = low[start - 1 : start], low[end : end + 2].lstrip(".?!,")[:1]
    if not before or before not in _QUOTES or not after or after not in _QUOTES:
        return False
    return _TELLS.search(low[max(0, start - 40) : start - 1]) is None
