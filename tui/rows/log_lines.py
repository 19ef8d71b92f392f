"""All lines of a log with a symptom as rows: held as they were read, formatted when they are seen. No textual here."""

from __future__ import annotations

import re
from calendar import timegm
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from tui.rows.explained_lines import Line, line_of, table_rows

if TYPE_CHECKING:
    from capture.filters import Filter
    from playbooks.symptoms.explanation import End, Explained
    from playbooks.symptoms.multiline_entries import Entry
    from tui.rows.grouped_rows import Group
    from tui.rows.list_rows import Cell

MOST_KEPT = 1_000_000
"""Lines that are held; those that follow are counted."""
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)")
_CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)")


class NamedEnd(NamedTuple):
    """An end as filters ask for it; `port` -1 where the line names the address alone."""

    ip: str
    port: int


class MatchedLine(NamedTuple):
    """A line of a log with a symptom. `near` is its time, or that of a line shortly before."""

    number: int
    text: str
    explained: Explained
    entry: Entry | None
    near: str | None

    @property
    def symptom(self) -> str:
        """Its code."""
        return self.explained.symptom

    @property
    def source(self) -> str | None:
        """What wrote it."""
        return self.explained.source

    @property
    def errno(self) -> str | None:
        """Where the line states it."""
        return self.explained.errno

    @property
    def playbook(self) -> str:
        """What goes on from it."""
        return self.explained.playbook

    @property
    def remote(self) -> End | None:
        """The peer: its own, or its entry's."""
        return self.explained.remote or (self.entry.remote if self.entry is not None else None)

    @property
    def host(self) -> str:
        """The peer's address; empty where none is named."""
        return self.remote.ip if self.remote is not None else ""

    @property
    def ends(self) -> Sequence[NamedEnd]:
        """Both ends, those that are named."""
        local = self.explained.local or (self.entry.local if self.entry is not None else None)
        named = (end for end in (self.remote, local) if end is not None)
        return [NamedEnd(end.ip, -1 if end.port is None else end.port) for end in named]

    @property
    def at(self) -> float | None:
        """Its time on its own clock as epoch seconds; of a clock without a day the seconds of that day."""
        return moment_of(self.near)

    @property
    def minute(self) -> str:
        """Its minute as written; empty where none is."""
        return minute_of(self.near)


@lru_cache(maxsize=4096)
def moment_of(time: str | None) -> float | None:
    """Epoch seconds of a time as `explain` gives it, whatever its zone: a log is asked by the clock that it shows."""
    if time is None:
        return None
    if day := _DAY.match(time):
        return float(timegm(tuple(map(int, day.groups()))))
    if clock := _CLOCK.search(time):
        hour, minute, second = map(int, clock.groups())
        return hour * 3600.0 + minute * 60.0 + second
    return None


@lru_cache(maxsize=4096)
def minute_of(time: str | None) -> str:
    """A time cut to its minute; empty where it has none."""
    if time is None:
        return ""
    if _DAY.match(time):
        return time[:16]
    clock = _CLOCK.search(time)
    return time[: clock.start(3) - 1] if clock else ""


@dataclass(slots=True)
class Counts:
    """What is counted of all lines with a symptom, also of those that are not held."""

    lines: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    hosts: Counter[str] = field(default_factory=Counter)
    minutes: Counter[str] = field(default_factory=Counter)

    def add(self, line: MatchedLine) -> None:
        """One more."""
        self.lines += 1
        self.kinds[line.symptom] += 1
        if host := line.host:
            self.hosts[host] += 1
        if minute := line.minute:
            self.minutes[minute] += 1


class LogRows:
    """An order over the lines. `first` are rows about all of the log, numbered 0 and below; they are on top."""

    def __init__(self, first: Sequence[Line], lines: Sequence[MatchedLine]) -> None:
        self.first, self.lines = first, lines
        self._places: dict[Hashable, int] | None = None
        self._made: dict[int, Line] = {}

    def __len__(self) -> int:
        return len(self.first) + len(self.lines)

    by = ""
    """By what the lines are grouped."""

    @property
    def matching(self) -> int:
        """Lines that the filter keeps, in groups or not."""
        return len(self.lines)

    def key(self, index: int) -> Hashable:
        """The line's number."""
        count = len(self.first)
        return self.first[index].number if index < count else self.lines[index - count].number

    def place_of(self, key: Hashable) -> int | None:
        """Where a line is now."""
        if self._places is None:
            self._places = {self.key(index): index for index in range(len(self))}
        return self._places.get(key)

    def line(self, key: Hashable) -> Line | None:
        """All that is shown of a line."""
        place = self.place_of(key)
        return None if place is None else self.line_at(place)

    def line_at(self, index: int) -> Line:
        """All that is shown of the line at a place."""
        made = self._made.get(index)
        if made is None:
            if len(self._made) > 512:
                self._made.clear()
            count = len(self.first)
            if index < count:
                made = self.first[index]
            else:
                one = self.lines[index - count]
                made = line_of(one.number, one.text.strip(), one.explained, one.entry)
            self._made[index] = made
        return made

    def matched(self, key: Hashable) -> MatchedLine | None:
        """The line of a key; None of a row about all of the log."""
        place = self.place_of(key)
        return None if place is None or place < len(self.first) else self.lines[place - len(self.first)]

    def group(self, key: Hashable) -> Group | None:
        """The group of a key: these have none."""
        return None

    def cells(self, index: int) -> Sequence[Cell]:
        """In the order of the screen's columns."""
        return self.line_at(index).cells


def pasted_lines(text: str) -> tuple[list[Line], list[MatchedLine]]:
    """What a pasted table of sockets or counters shows, and the lines of a text that speak of a failure."""
    from playbooks.explain_report import lines_explained
    from playbooks.symptoms.line_ends import lines_of
    from playbooks.tables.table_reader import table_of

    lines = lines_of(text)
    matched = [
        MatchedLine(one.number, one.text, one.explained, one.entry, one.explained.time)
        for one in lines_explained(lines)
        if one.explained is not None
    ]
    return table_rows(table_of(lines)), matched


SORT_KEYS: dict[str, Callable[[MatchedLine], int | str]] = {
    "line": lambda one: one.number,
    "symptom": lambda one: one.symptom,
    "source": lambda one: one.source or "",
    "remote": lambda one: one.host,
}


def log_rows(
    first: Sequence[Line], lines: Sequence[MatchedLine], wanted: Filter | None, sort: tuple[str, bool]
) -> LogRows:
    """The lines that a filter keeps, in order; rows about all of the log where none is on. For the worker."""
    kept = lines if wanted is None else [one for one in lines if wanted.matches_line(one)]
    if sort != ("line", False):
        kept = sorted(kept, key=SORT_KEYS[sort[0]], reverse=sort[1])
    return LogRows(first if wanted is None else (), kept)


def line_values(lines: Sequence[MatchedLine], counts: Counts) -> dict[str, list[tuple[str, int]]]:
    """What there is to filter by, by term, the most frequent first. For the worker."""
    found: dict[str, Counter[str]] = {"symptom": counts.kinds, "peer": counts.hosts}
    for one in lines:
        for term, value in (("source", one.source), ("error", one.errno), ("playbook", one.playbook)):
            if value:
                found.setdefault(term, Counter())[value] += 1
        for end in one.ends[:1]:
            if end.port >= 0:
                found.setdefault("port", Counter())[str(end.port)] += 1
    found["time"] = Counter({moment_filter(minute): number for minute, number in counts.minutes.items()})
    return {term: counted.most_common(1000) for term, counted in found.items()}


def moment_filter(minute: str) -> str:
    """The value of `time:` for a minute: with its day where it is written as ISO 8601, else its clock."""
    if _DAY.match(f"{minute}:00"):
        return minute.replace(" ", "T")
    return minute[-5:]
