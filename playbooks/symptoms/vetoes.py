"""Ordinary lines that speak of errors: tests that passed, counters, settings, commits, queries, retries that worked."""

from __future__ import annotations

from playbooks.symptoms.errnos import names_in
from playbooks.symptoms.patterns import pattern, patterns

_LISTED = 3


def is_ordinary(low: str) -> bool:
    """Whether a line (small letters) only speaks of an error that nobody met here."""
    if any(veto.search(low) for veto in patterns("ordinary", "always")):
        return True
    if len(names_in(low)) >= _LISTED:  # a list of error names is a setting or a document
        return True
    calm, mentions, strong = (pattern("ordinary", name) for name in ("calm", "mentions", "strong"))
    return bool(calm.search(low) and mentions.search(low) and not strong.search(low))
