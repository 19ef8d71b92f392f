"""Lines of a log in groups: alike (one symptom of one peer), by symptom, by peer's host, by minute, by what wrote them;
and the counts of all of them as rows that are filters."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.rows.grouped_rows import CLOSED, OPEN, Group, GroupedRows, GroupKey, UnderGroups, shared
from tui.rows.list_rows import ListRows
from tui.rows.log_lines import Counts, LogRows, MatchedLine, moment_filter
from tui.text.column_layout import Column
from tui.text.language import count

if TYPE_CHECKING:
    from tui.rows.arrangement import Arrangement
    from tui.rows.explained_lines import Line
    from tui.rows.list_rows import Cell

COLUMNS = (
    Column("line", "Line", 7, most=9, right=True, rank=1),
    Column("symptom", "Symptom", 24, most=40, rank=0),
    Column("source", "Source", 8, rank=2),
    Column("remote", "Peer", 21, most=28, rank=0, tail=True, least=15),
    Column("playbook", "Playbook", 18, rank=1),
    Column("text", "Text", 20, most=200, rank=3),
)
SORTS: tuple[tuple[str, str, bool], ...] = (
    ("line", "line", False),
    ("symptom", "symptom", False),
    ("remote", "peer", False),
    ("source", "source", False),
)
GROUPINGS: tuple[tuple[str, str], ...] = (
    ("alike", "symptom and peer"),
    ("symptom", "symptom"),
    ("peer", "peer"),
    ("minute", "minute"),
    ("source", "source"),
)
KEYS: dict[str, Callable[[MatchedLine], Hashable]] = {
    "alike": lambda one: (one.symptom, one.host),
    "symptom": lambda one: one.symptom,
    "peer": lambda one: one.host,
    "minute": lambda one: one.minute,
    "source": lambda one: one.source or "",
}
COUNT_COLUMNS = (Column("label", "", 10, most=60, rank=0, ends=True), Column("count", "", 7, right=True, rank=0))
MOST_COUNTED = 5_000  # rows of a list of counts


class GroupedLines(UnderGroups, LogRows):
    """LogRows with groups over them."""

    def __init__(self, rows: LogRows, groups: Sequence[Group], opened: frozenset[Hashable]) -> None:
        super().__init__(rows.first, rows.lines)
        self._below = rows
        self.by = next(group.key.by for group in groups if group.key.by)
        self._view = GroupedRows(rows, groups, opened, self._summary)

    def line(self, key: Hashable) -> Line | None:
        """All that is shown of a line; of a group its first one."""
        group = self.group(key)
        return self._below.line_at(group.places[0]) if group is not None else self._below.line(key)

    def matched(self, key: Hashable) -> MatchedLine | None:
        """The line of a key; of a group its first one."""
        group = self.group(key)
        return self.lines[group.places[0] - len(self.first)] if group is not None else self._below.matched(key)

    def _summary(self, group: Group, is_open: bool) -> Sequence[Cell]:
        """What the members share, how many there are of what they do not."""
        before = len(self.first)
        members = [self.lines[place - before] for place in group.places]
        symptoms = {one.symptom for one in members}
        hosts = {one.host for one in members}
        sources = {one.source or "" for one in members}
        books = {one.playbook for one in members}
        named = shared(symptoms, count(len(symptoms), "symptom"))
        times = [one.near for one in members if one.near]
        span = times[0] if len(set(times[:1] + times[-1:])) == 1 else f"{times[0]} – {times[-1]}" if times else ""
        return (
            ("", ""),
            (f"{OPEN if is_open else CLOSED} {len(members):,} {named}", "strong"),
            (shared(sources), ""),
            (printable(shared(hosts, count(len(hosts), "host")), 60), ""),
            (shared(books), ""),
            (printable(span, 80), "dim"),
        )


def grouped_lines(rows: LogRows, arrangement: Arrangement) -> LogRows:
    """The rows in groups, as the arrangement says; left open, in groups where more than a screenful are alike."""
    by = arrangement.by
    if by == "" or not len(rows.lines):
        return rows
    before = len(rows.first)
    key_of = KEYS[by or "alike"]
    places: dict[Hashable, list[int]] = {}
    for place, one in enumerate(rows.lines, before):
        places.setdefault(key_of(one), []).append(place)
    if by is None and max(map(len, places.values())) <= max(1, arrangement.screenful):
        return rows
    by = by or "alike"
    groups = [Group(GroupKey(by, value), members) for value, members in places.items()]
    if by == "minute":
        groups.sort(key=lambda group: str(group.key.value))
    elif arrangement.column == "line":
        groups.sort(key=lambda group: -len(group.places))
    if arrangement.descending:
        groups.reverse()
    lone = [Group(GroupKey("", number), [number]) for number in range(before)]
    return GroupedLines(rows, [*lone, *groups], arrangement.opened)


def filter_of(key: GroupKey, first: MatchedLine) -> str:
    """The filter that keeps a group's lines, given one of them."""
    parts = {
        "symptom": f"symptom:{first.symptom}",
        "peer": f"peer:{first.host}" if first.host else "",
        "minute": f"time:{moment_filter(first.minute)}" if first.minute else "",
        "source": f"source:{first.source}" if first.source else "source:none",
    }
    names = ("symptom", "peer") if key.by == "alike" else (key.by,)
    return " ".join(part for part in (parts[name] for name in names) if part)


def count_rows(counts: Counts) -> tuple[ListRows, ListRows, ListRows]:
    """Kinds, hosts and minutes, the most frequent first; each row's key is the filter that keeps its lines."""
    return (
        _counted((f"symptom:{name}", name, number) for name, number in counts.kinds.most_common(MOST_COUNTED)),
        _counted((f"peer:{name}", name, number) for name, number in counts.hosts.most_common(MOST_COUNTED)),
        _counted(
            (f"time:{moment_filter(name)}", name.replace("T", " "), number)
            for name, number in counts.minutes.most_common(MOST_COUNTED)
        ),
    )


def _counted(rows: object) -> ListRows:
    return ListRows(
        [(key, ((printable(name, 60), ""), (f"{number:,}", "strong"))) for key, name, number in rows]  # type: ignore[attr-defined]
    )
