"""States, processes and peers of the live connections as rows, each of them a filter; and what is counted a second."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.rows.list_rows import ListRows
from tui.rows.settled_order import settled
from tui.text.charts import sparkline
from tui.text.column_layout import Column
from tui.text.language import tr
from tui.text.quantities import milliseconds

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping, Sequence

    from capture.sockets.snapshot import Group
    from tui.rows.live_look import History, Look

SPARK = 60  # bars; a narrow pane shows the last of them
LOOKS_A_BAR = 2
GROUP_COLUMNS = (Column("label", "", 12, most=60, rank=0, whose=True), Column("count", "", 6, right=True, rank=0))
PEER_COLUMNS = (replace(GROUP_COLUMNS[0], ends=True), GROUP_COLUMNS[1])
STATE_COLUMNS = (
    Column("label", "", 10, rank=0),
    Column("count", "", 6, right=True, rank=0),
    Column("chart", "", 5, most=SPARK, right=True, rank=1, chart=True),
)


def state_rows(look: Look, ascii: bool, before: Mapping[Hashable, int]) -> ListRows:
    """Each state with its number and its course, the most frequent first; `before`: its filter → its place till now."""
    ordered = sorted(look.snapshot.states.items(), key=lambda pair: -pair[1])
    states = settled(ordered, before, lambda pair: f"state:{pair[0].lower()}", lambda pair: pair[1])
    return ListRows([(f"state:{name.lower()}", _state(name, number, look.history, ascii)) for name, number in states])


def _state(name: str, number: int, history: History, ascii: bool) -> tuple[tuple[str, str], ...]:
    course = in_bars(history.states[name], history.looks)
    return (name, ""), (f"{number:,}", "strong"), (sparkline(course, SPARK, ascii=ascii), "dim")


def in_bars(values: Collection[int], looks: int) -> list[int]:
    """The highest of each LOOKS_A_BAR looks; `looks`: how many there were, of which `values` are the last.

    Which looks share a bar never changes, so that a chart moves with every bar and not with every look: over a slow
    line a chart that moves is most of what a quiet screen sends.
    """
    bars: list[int] = []
    last = -1
    for at, value in enumerate(values, looks - len(values)):
        if at // LOOKS_A_BAR != last:
            last = at // LOOKS_A_BAR
            bars.append(value)
        else:
            bars[-1] = max(bars[-1], value)
    return bars


class GroupRows:
    """All groups, the largest first, formatted when they are seen; `word` is the filter's."""

    def __init__(self, groups: Sequence[Group], word: str, before: Mapping[Hashable, int] | None = None) -> None:
        self._groups = settled(groups, before or {}, lambda one: _filter(one, word), lambda one: one.sockets)
        self._word = word
        self._places: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self._groups)

    def key(self, index: int) -> Hashable:
        """The filter that keeps a group's sockets."""
        return _filter(self._groups[index], self._word)

    def place_of(self, key: Hashable) -> int | None:
        """Where a group is now."""
        if self._places is None:
            self._places = {_filter(one, self._word): place for place, one in enumerate(self._groups)}
        return self._places.get(str(key))

    def cells(self, index: int) -> Sequence[tuple[str, str]]:
        """In the order of GROUP_COLUMNS."""
        one = self._groups[index]
        return (printable(one.label, 60), ""), (f"{one.sockets:,}", "strong")


def _filter(group: Group, word: str) -> str:
    """What keeps a group's sockets: of another network namespace its key begins with that one's inode."""
    place, bar, key = group.key.rpartition("|")
    return f"{word}:{key} netns:{place.split()[0]}" if bar else f"{word}:{key}"


def rates(look: Look, ascii: bool) -> str:
    """Resets, retransmissions and overflows a second, each with its recent course; round trips in percentiles."""
    parts, history = [], look.history
    for name, line in (
        ("resets", history.resets),
        ("retransmits", history.retransmits),
        (tr("listen overflows"), history.overflows),
    ):
        if line:
            parts.append(
                f"{tr(name)} {line[-1]:.0f}/s {sparkline(line, 10, ascii=ascii).strip() if any(line) else ''}".rstrip()
            )
    failed = sum(event.count for event in history.kernel.events if event.kind == "call_failed")
    if failed:
        parts.append(tr("{n} calls failed (K)", n=f"{failed:,}"))
    if look.rtt_us is not None:
        median, high = (milliseconds(value / 1000) for value in look.rtt_us)
        parts.append(f"RTT {median} (p95 {high})")
    return " · ".join(parts)
