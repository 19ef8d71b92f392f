"""Whose fix is to be shown: the words for a process's language and server, or for the programs that wrote a log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from playbooks.facts.identity import words_of_name
from playbooks.facts.model import Facts, Holder, LogGroup


def identity_of(facts: Facts, holder: Holder | None) -> tuple[str, ...]:
    """Words for a process: what was read of it, else what its name tells; none for nobody."""
    if holder is None:
        return ()
    rows = facts.processes.rows if facts.processes is not None else ()
    found = next((row.identity for row in rows if row.pid == holder.pid), ())
    return found or words_of_name(holder.name)


def writers(groups: Iterable[LogGroup]) -> tuple[str, ...]:
    """The programs that wrote these lines, the commonest first; empty where the lines do not tell."""
    counts: Counter[str] = Counter()
    for group in groups:
        counts.update(group.sources)
    return tuple(source for source, _ in counts.most_common())
