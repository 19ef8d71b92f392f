"""One connection at two points as rows of a table: A's lifeline, the path, B's, and what became of each packet between.

A packet that both points saw crosses the path; one that was lost ends in it, one that was put in begins in it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from capture.ladder import LadderRow, ladder_rows
from capture.report.comparing import change_text
from tui.rows.ladder_rows import labels, tone_of
from tui.text.column_layout import Column, cells, fit, wrap
from tui.text.language import tr

if TYPE_CHECKING:
    from capture.points.compared import Both
    from capture.points.comparison import Comparison

ARROW = "arrow"
FIXED = 1 + 7 + 10 + 10 + 7
WIDE = 120
"""From here on notes are beside the path."""


@dataclass(frozen=True, slots=True)
class Step:
    """One packet. `kind`: both, lost, injected, missed (it passed, and was not captured), alone (nothing tells)."""

    kind: str
    row: LadderRow  # as the point shows it that saw it; A's, of both
    right: bool  # sent toward B
    numbers: tuple[int | None, int | None]  # in A's file, in B's
    times: tuple[int | None, int | None]  # both by A's clock, epoch nanoseconds
    notes: tuple[str, ...]

    @property
    def at(self) -> int:
        """When it was seen first, by A's clock."""
        return min(time for time in self.times if time is not None)


def steps_of(comparison: Comparison, both: Both) -> list[Step]:
    """All packets of a connection, in order of time. Raises PacketUnreadable where a file cannot be read again."""
    of_a = _rows(comparison, 0, both.a)
    of_b = _rows(comparison, 1, both.b)
    same = comparison.same_packets(both.a, both.b)
    times_b = comparison.clock.as_a(np.array([row.time for row in of_b.values()], np.int64)).tolist()
    time_b = dict(zip(of_b, times_b, strict=True))
    kinds = _kinds(both)
    notes = _notes(both)
    flipped = comparison.is_flipped(both.a, both.b)
    steps = []
    for number, row in of_a.items():
        there = same.get(number)
        kind = "both" if there is not None else kinds.get(("a", number), "alone")
        noted = notes.get(("a", number), ())
        times = row.time, time_b.get(there) if there is not None else None
        steps.append(Step(kind, row, _right(both, row.side), (number, there), times, noted))
    matched = set(same.values())
    for number, row in of_b.items():
        if number not in matched:
            kind = kinds.get(("b", number), "alone")
            right = _right(both, row.side ^ flipped)
            steps.append(Step(kind, row, right, (None, number), (None, time_b[number]), notes.get(("b", number), ())))
    return sorted(steps, key=lambda step: step.at)


def _rows(comparison: Comparison, point: int, connection: int | None) -> dict[int, LadderRow]:
    if connection is None:
        return {}
    return {row.number: row for row in ladder_rows(comparison.points[point].triage, connection, fold=False)}


def _right(both: Both, side: int) -> bool:
    """Is what a side sends seen at A first? Where nothing tells, A is taken to be the originator's."""
    return (side == 0) == (both.near != "b")


def _kinds(both: Both) -> dict[tuple[str, int], str]:
    found: dict[tuple[str, int], str] = {}
    for kind, packets in (("lost", both.lost), ("injected", both.injected), ("missed", both.missed)):
        found |= {(one.seen_at, one.packet): kind for one in packets}
    return found


def _notes(both: Both) -> dict[tuple[str, int], tuple[str, ...]]:
    found: dict[tuple[str, int], tuple[str, ...]] = {}

    def add(point: str, packet: int, note: str) -> None:
        found[point, packet] = (*found.get((point, packet), ()), note)

    for one in both.lost:
        other = "B" if one.seen_at == "a" else "A"
        part = tr("{n} of its bytes never came to {point}", n=one.missing, point=other)
        whole = not one.missing or one.missing == one.payload
        add(one.seen_at, one.packet, tr("lost: it never came to {point}", point=other) if whole else part)
    for one in both.injected:
        other = "B" if one.seen_at == "a" else "A"
        add(one.seen_at, one.packet, tr("put in on the way: it never passed {point}", point=other))
    for one in both.missed:
        add(one.seen_at, one.packet, tr("it passed the other point, whose capture lacks it"))
    for one in both.undecided:
        add(one.seen_at, one.packet, tr("whether it passed the other point, nothing tells"))
    for one in both.duplicated:
        add(one.seen_at, one.packet, tr("doubled on the way"))
    for altered in both.modified:
        changed = ", ".join(change_text(change) for change in altered.changed)
        add("a", altered.a, tr("changed on the way: {what}", what=changed))
    for name, moved in ((tr("out of order"), both.reordered), (tr("late"), both.delayed)):
        for one_moved in moved:
            add("a", one_moved.a, f"{name}, {one_moved.late_ms:,.1f} ms")
    return found


def columns_for(width: int) -> tuple[Column, ...]:
    """The columns at a width: the path takes what numbers and times leave; notes come beside it on wide screens."""
    notes = 0 if width < WIDE else max(30, (width - FIXED - 6) * 2 // 5)
    arrow = max(20, width - FIXED - 5 - (notes + 1 if notes else 0))
    head = "A" + tr("path").center(arrow - 2) + "B"
    columns = (
        Column("mark", "", 1, rank=0),
        Column("a", "A #", 7, right=True, rank=0),
        Column("time_a", tr("A time"), 10, right=True, rank=0),
        Column(ARROW, head, arrow, rank=0),
        Column("time_b", tr("B time"), 10, right=True, rank=0),
        Column("b", "B #", 7, right=True, rank=0),
    )
    return (*columns, Column("notes", "", notes, rank=0)) if notes else columns


class ComparedLines:
    """The rows at one width. A key is (A's number, B's number, line of the step)."""

    def __init__(self, steps: Sequence[Step], columns: Sequence[Column]) -> None:
        widths = {column.key: column.width for column in columns}
        self._arrow, self._notes = widths[ARROW], widths.get("notes", 0)
        self._begin = steps[0].at if steps else 0
        self._lines: list[tuple[tuple[str, str], ...]] = []
        self._keys: list[Hashable] = []
        self._steps: list[Step] = []
        for step in steps:
            for at, line in enumerate(self._drawn(step)):
                self._lines.append(line)
                self._keys.append((*step.numbers, at))
                self._steps.append(step)
        self._places = {key: place for place, key in enumerate(self._keys)}

    def __len__(self) -> int:
        return len(self._lines)

    def key(self, index: int) -> Hashable:
        """What names the line at a place."""
        return self._keys[index]

    def place_of(self, key: Hashable) -> int | None:
        """Where a line is."""
        return self._places.get(key)

    def cells(self, index: int) -> Sequence[tuple[str, str]]:
        """One cell a column, or one for all."""
        return self._lines[index]

    def step_at(self, index: int) -> Step:
        """The packet that a line belongs to."""
        return self._steps[index]

    def next_difference(self, place: int, by: int) -> int | None:
        """The place of the next packet that did not simply pass, in a direction; None at the end."""
        at = place + by
        while 0 <= at < len(self._lines):
            step = self._steps[at]
            if (step.kind != "both" or step.notes) and self._steps[at - 1] is not step:
                return at
            at += by
        return None

    def _drawn(self, step: Step) -> list[tuple[tuple[str, str], ...]]:
        tone = "bad" if step.kind == "injected" else "warn" if step.kind == "lost" else tone_of(step.row)
        notes = "; ".join(step.notes)
        first = (
            ("▶" if notes else "", "strong"),
            (_number(step.numbers[0]), "dim"),
            (self._time(step.times[0]), "dim"),
            (path(step, self._arrow), tone),
            (self._time(step.times[1]), "dim"),
            (_number(step.numbers[1]), "dim"),
        )
        if not self._notes:
            lead = " " * 20
            return [first, *(((f"{lead}└ {part}", "strong"),) for part in wrap(notes, max(20, self._arrow + 10)))]
        parts = wrap(notes, self._notes) or [""]
        empty = (("", ""), ("", ""), ("", ""), (lifelines(self._arrow), "dim"), ("", ""), ("", ""))
        return [(*first, (parts[0], "strong")), *((*empty, (part, "strong")) for part in parts[1:])]

    def _time(self, time: int | None) -> str:
        return "" if time is None else f"{(time - self._begin) / 1e9:.6f}"


def _number(number: int | None) -> str:
    return "" if number is None else str(number)


def lifelines(width: int) -> str:
    """A's line, the path's, and B's, with nothing between."""
    left = (width - 3) // 2
    return f"│{' ' * left}┊{' ' * (width - 3 - left)}│"


def path(step: Step, width: int) -> str:
    """What a packet did between the points, in `width` cells."""
    left = (width - 3) // 2
    right = width - 3 - left
    if step.kind in ("both", "missed"):
        line = _line(step.row, width - 2, "─" if step.kind == "both" else "┄", step.right)
        return f"│{line}│"
    at_a = step.numbers[0] is not None
    half = left if at_a else right
    ends = {"lost": "×", "injected": "*"}.get(step.kind, "┊")
    begins_here = at_a == step.right  # it set out at the point that saw it, and went into the path
    line = _line(step.row, half, "─", step.right, head=not begins_here)
    return f"│{line}{ends}{' ' * right}│" if at_a else f"│{' ' * left}{ends}{line}│"


def _line(row: LadderRow, width: int, dash: str, right: bool, *, head: bool = True) -> str:
    """A label on a line of dashes, with an arrow's head where it arrives."""
    label = next((text for text in labels(row) if cells(text) + 6 <= width), labels(row)[-1])
    text = f" {fit(label, max(1, min(cells(label), width - 3)))} "
    rest = max(0, width - cells(text) - head)
    before = min(2, rest)
    dashes = (before, rest - before) if right else (rest - before, before)
    body = dash * dashes[0] + text + dash * dashes[1]
    return f"{body}▶" if right and head else f"◀{body}" if head else body
