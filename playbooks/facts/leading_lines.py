"""Lines without a symptom that lead to a playbook all the same: a server says that it is full."""

from __future__ import annotations

from collections import Counter

from playbooks.facts.log_facts import LogGroup
from playbooks.facts.log_kind import before, moment_of
from playbooks.facts.moments import Moments
from playbooks.symptoms.endpoints import ends_of
from playbooks.symptoms.line_meaning import playbook_without_symptom
from playbooks.symptoms.normalising import plain, small
from playbooks.symptoms.rules import leading_literals, source_of
from playbooks.symptoms.times import time_of


class LeadingLines:
    """Lines of no symptom that lead to a playbook all the same: a server says that it is full."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[tuple[str | None, str, int, str | None]]] = {}

    def look(self, block: bytes, before: int) -> None:
        """A block of the log, and how many lines were before it."""
        low = block.lower()
        starts: set[int] = set()
        for needle in map(str.encode, leading_literals()):
            at = low.find(needle)
            while at >= 0:
                starts.add(low.rfind(b"\n", 0, at) + 1)
                at = low.find(needle, at + len(needle))
        for start in sorted(starts):
            end = block.find(b"\n", start)
            text = block[start : end if end >= 0 else len(block)].decode("utf-8", "replace")
            self._add(text, before + block.count(b"\n", 0, start) + 1)

    def _add(self, text: str, number: int) -> None:
        clean = plain(text)
        low = small(clean)
        book = playbook_without_symptom(low)
        if book is not None:
            peer = ends_of(low, "unexpected_eof", None)[1]
            lines = self._found.setdefault((book, str(peer or "")), [])
            lines.append((time_of(clean), text.strip()[:300] if not lines else "", number, source_of(low)))

    def groups(self, since: float | None) -> list[LogGroup]:
        """What was found, of lines that were written since."""
        made = []
        for (book, peer), lines in self._found.items():
            mine = [one for one in lines if since is None or not before(one[0], since)]
            if not mine:
                continue
            moments = Moments()
            for when in (moment_of(time) for time, *_ in mine):
                if when is not None:
                    moments.add(when)
            (first, _, number, _), last, sample = mine[0], mine[-1][0], lines[0][1]
            sources = Counter(source for *_, source in mine if source is not None)
            made.append(
                LogGroup(
                    "", peer, len(mine), first or "", last or "", sample, number, dict(sources), (book,), moments.all()
                )
            )
        return made
