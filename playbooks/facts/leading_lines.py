"""Lines without a symptom that lead to a playbook all the same: a server says that it is full."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from playbooks.facts.log_facts import MOST_GROUPS, LogGroup
from playbooks.facts.log_kind import before, moment_of
from playbooks.facts.moments import Moments
from playbooks.symptoms.endpoints import ends_of
from playbooks.symptoms.line_meaning import playbook_without_symptom
from playbooks.symptoms.normalising import plain, small
from playbooks.symptoms.rules import leading_literals, source_of
from playbooks.symptoms.times import time_of


@dataclass(slots=True)
class _Lines:
    """Those that lead to one playbook, of one peer."""

    first: str
    sample: str
    number: int
    count: int = 0
    last: str = ""
    sources: Counter[str] = field(default_factory=Counter)
    moments: Moments = field(default_factory=Moments)


class LeadingLines:
    """What is found of them in the blocks of a log; `since`: lines written before (epoch seconds) do not count."""

    def __init__(self, since: float | None) -> None:
        self._since = since
        self._found: dict[tuple[str, str], _Lines] = {}

    def look(self, block: bytes, lines_before: int) -> None:
        """A block of the log, and how many lines were before it."""
        low = block.lower()
        starts: set[int] = set()
        for needle in map(str.encode, leading_literals()):
            at = low.find(needle)
            while at >= 0:
                starts.add(low.rfind(b"\n", 0, at) + 1)
                at = low.find(needle, at + len(needle))
        number, counted = lines_before + 1, 0
        for start in sorted(starts):
            number, counted = number + block.count(b"\n", counted, start), start
            end = block.find(b"\n", start)
            self._add(block[start : end if end >= 0 else len(block)].decode("utf-8", "replace"), number)

    def _add(self, text: str, number: int) -> None:
        clean = plain(text)
        low = small(clean)
        book, time = playbook_without_symptom(low), time_of(clean)
        if book is None or (self._since is not None and before(time, self._since)):
            return
        peer = str(ends_of(low, "unexpected_eof", None)[1] or "")
        if (book, peer) not in self._found and len(self._found) >= MOST_GROUPS:
            peer = ""
        lines = self._found.setdefault((book, peer), _Lines(time or "", text.strip()[:300], number))
        lines.count, lines.last = lines.count + 1, time or ""
        if (source := source_of(low)) is not None:
            lines.sources[source] += 1
        if (moment := moment_of(time)) is not None:
            lines.moments.add(moment)

    def groups(self) -> list[LogGroup]:
        """What was found."""
        return [
            LogGroup(
                "", peer, one.count, one.first, one.last, one.sample, one.number, dict(one.sources), (book,),
                one.moments.all(),
            )
            for (book, peer), one in self._found.items()
        ]  # fmt: skip
