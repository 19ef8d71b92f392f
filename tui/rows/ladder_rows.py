"""The ladder as rows of a table: arrows between two lifelines, drawn for the width there is.

One packet or folded run is one row; a long silence, and what a packet proves, are rows of their own around it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from capture.cells import centred
from tui.text.column_layout import Column, cells, fit, fit_tail, wrap
from tui.text.language import tr
from tui.text.quantities import duration, size

if TYPE_CHECKING:
    from capture.ladder import LadderRow
    from capture.model import Endpoint

ARROW = "arrow"
CLOCKS = ("Time", "UTC", "Since last")
"""Titles of the column of times: since the first packet, of day, since the packet before (seconds)."""
COLUMNS = (
    Column("mark", "", 1, rank=0),
    Column("number", "Packet", 7, right=True, rank=0),
    Column("time", "Time", 10, right=True, rank=0),
    Column("originator", "Originator", 10, rank=0),
    Column(ARROW, "", 24, most=58, rank=0),
    Column("responder", "Responder", 10, rank=0),
    Column("notes", "", 18, most=60, rank=1),
)
FIXED = sum(c.width for c in COLUMNS if c.key != ARROW and c.rank == 0)


SCALE_LINES = 30  # lines that a ladder to scale gives to the time of its whole
NOTHING = (("", ""),) * 7
NOTABLE_GAP_NS = 100_000_000  # a shorter silence than a second is drawn where it is a quarter of the whole story


@dataclass(frozen=True, slots=True)
class View:
    """How a ladder tells time: its clock, and whether silences are drawn to scale."""

    clock: str = "Time"
    to_scale: bool = False

    @property
    def clock_width(self) -> int:
        """Cells of the column of times."""
        return 15 if self.clock == CLOCKS[1] else 10

    def time_of(self, row: LadderRow) -> str:
        """The time of a packet: since the first one, of day in UTC, or since the packet before."""
        if self.clock == CLOCKS[1]:
            return clock_of_day(row.time)
        return f"{(row.gap if self.clock == CLOCKS[2] else row.since_start) / 1e9:.6f}"

    def other_clock(self) -> View:
        """The next of the three clocks."""
        return replace(self, clock=CLOCKS[(CLOCKS.index(self.clock) + 1) % len(CLOCKS)])


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the ladder; `kind` packet, gap or proof."""

    row: int  # index of the ladder's row that it belongs to
    kind: str
    cells: tuple[tuple[str, str], ...]


SINCE_START = View()


def columns_for(width: int, originator: Endpoint, responder: Endpoint, view: View = SINCE_START) -> tuple[Column, ...]:
    """The columns at a width: notes come beside the arrow where there is room for both, and share it with it."""
    fixed = FIXED + view.clock_width - 10
    room = width - fixed - 5
    notes = 0 if width < 120 else max(30, (room - 1) * 2 // 5)
    arrow = max(16, room - notes - 1 if notes else min(70, room))
    left, right = str(originator), str(responder)
    half = arrow - arrow // 2 - 1
    head = fit_tail(left, arrow // 2 - 1) + "  " + fit(fit_tail(right, half).strip(), half, right=True)
    out = []
    for column in COLUMNS:
        if column.key == "time":
            column = replace(column, title=view.clock, width=view.clock_width)
        elif column.key == ARROW:
            column = Column(ARROW, head, arrow)
        elif column.key == "notes":
            if not notes:
                continue
            column = Column("notes", "", notes)
        out.append(column)
    return tuple(out)


class LadderLines:
    """The ladder's lines at one width. A key is (packet, kind, n): it survives folding and resizing."""

    def __init__(self, rows: Sequence[LadderRow], columns: Sequence[Column], view: View = SINCE_START) -> None:
        self.rows = rows
        self._view = view
        by_key = {column.key: column.width for column in columns}
        self._arrow = by_key[ARROW]
        self._notes = by_key.get("notes", 0)
        self._indent = 1 + 7 + view.clock_width + 10 + 4
        self.lines: list[Line] = []
        last_states: tuple[object, object] = (None, None)
        self._span = rows[-1].since_start if rows else 0
        for index, row in enumerate(rows):
            self.lines += self._silence(index, row)
            self.lines.append(self._packet(index, row, last_states))
            last_states = (row.originator_state, row.responder_state)
            self.lines += self._beside(index, row) if self._notes else self._below(index, row)
        self._keys = [(rows[line.row].number, line.kind, n) for n, line in self._numbered()]
        self._places = {key: place for place, key in enumerate(self._keys)}

    def _numbered(self) -> Sequence[tuple[int, Line]]:
        out, seen = [], 0
        for place, line in enumerate(self.lines):
            seen = seen + 1 if place and self.lines[place - 1].row == line.row else 0
            out.append((seen, line))
        return out

    def __len__(self) -> int:
        return len(self.lines)

    def key(self, index: int) -> Hashable:
        """What names the line at a place."""
        return self._keys[index]

    def place_of(self, key: Hashable) -> int | None:
        """Where a line is; a folded packet's is where its run is."""
        found = self._places.get(key)  # type: ignore[call-overload]
        if found is not None or not isinstance(key, tuple):
            return found  # type: ignore[no-any-return]
        number = key[0]
        for place, line in enumerate(self.lines):
            row = self.rows[line.row]
            if line.kind == "packet" and row.number <= number <= row.last_number:
                return place
        return None

    def cells(self, index: int) -> Sequence[tuple[str, str]]:
        """One cell a column."""
        return self.lines[index].cells

    def row_at(self, index: int) -> LadderRow:
        """The packet, or the run, that a line belongs to."""
        return self.rows[self.lines[index].row]

    def problem_from(self, place: int, step: int) -> int | None:
        """The place of the next problem's or proof's packet in a direction (1, -1); None at the end."""
        at = place + step
        while 0 <= at < len(self.lines):
            row = self.row_at(at)
            if self.lines[at].kind == "packet" and (row.problem or row.evidence):
                return at
            at += step
        return None

    def _packet(self, index: int, row: LadderRow, last: tuple[object, object]) -> Line:
        left, right = str(row.originator_state), str(row.responder_state)
        found = [
            ("▶" if row.evidence else "", "strong"),
            (str(row.number), "strong" if row.evidence else "dim"),
            (self._view.time_of(row), "dim"),
            (left, "strong" if row.originator_state != last[0] else "dim"),
            (arrow(row, self._arrow), tone_of(row)),
            (right, "strong" if row.responder_state != last[1] else "dim"),
        ]
        if self._notes:
            found.append(next(iter(self._noted(row)), ("", "")))
        return Line(index, "packet", tuple(found))

    def _noted(self, row: LadderRow) -> list[tuple[str, str]]:
        """What a packet proves, or what the analysis says of it, wrapped to the column of notes."""
        notes = ", ".join((*_own_notes(row), *((row.evidence,) if row.evidence else ())))
        return [(part, "strong" if row.evidence else "warn") for part in wrap(notes, self._notes)]

    def _beside(self, index: int, row: LadderRow) -> list[Line]:
        """The further lines of a long note: time goes on between the lifelines beside it."""
        rest = self._noted(row)[1:]
        return [Line(index, "note", (*NOTHING[:4], (self._lifelines(), "dim"), NOTHING[5], part)) for part in rest]

    def _below(self, index: int, row: LadderRow) -> list[Line]:
        notes = _own_notes(row)
        found = self._note_lines(index, ", ".join(notes), "warn", "note") if notes else []
        return found + (self._note_lines(index, row.evidence, "strong", "proof") if row.evidence else [])

    def _silence(self, index: int, row: LadderRow) -> list[Line]:
        """A silence worth a line; to scale, as many lines as its share of the whole asks for."""
        share = row.gap / self._span if self._span else 0.0
        more = round(share * SCALE_LINES) if self._view.to_scale else 0
        if not (row.is_gap or more or (row.gap >= NOTABLE_GAP_NS and share >= 0.25)):
            return []
        empty = Line(index, "gap", (*NOTHING[:4], (self._lifelines("┆"), "dim"), *NOTHING[5 : 7 if self._notes else 6]))
        before = max(0, more - 1) // 2
        return [empty] * before + [self._gap(index, row)] + [empty] * (max(0, more - 1) - before)

    def _lifelines(self, line: str = "│") -> str:
        return f"{line}{' ' * (self._arrow - 2)}{line}"

    def _gap(self, index: int, row: LadderRow) -> Line:
        silence = duration(row.gap / 1e9)
        text = next(
            t
            for t in (
                f" {tr('{silence} of silence', silence=silence)} ",
                f" {tr('{silence} silence', silence=silence)} ",
                silence,
            )
            if cells(t) <= self._arrow - 2
        )
        drawn = (f"┆{centred(text, self._arrow - 2, '┈')}┆", "dim")
        return Line(index, "gap", (*NOTHING[:4], drawn, *NOTHING[5 : 7 if self._notes else 6]))

    def _note_lines(self, index: int, text: str, tone: str, kind: str) -> list[Line]:
        lead = " " * (self._indent if self._arrow + 12 >= 40 else 10)
        return [
            Line(index, kind, ((f"{lead}{'└ ' if not at else '  '}{part}", tone),))
            for at, part in enumerate(wrap(text, max(20, self._arrow + 10)))
        ]


def tone_of(row: LadderRow) -> str:
    """RST bad, trouble a warning, FIN and SYN bold, data and ACKs each in the colour of its side."""
    if "RST" in row.flags:
        return "bad"
    if row.problem:
        return "warn"
    if "FIN" in row.flags:
        return "fin"
    if "SYN" in row.flags:
        return "strong"
    return "originator" if row.side == 0 else "responder"


def arrow(row: LadderRow, width: int) -> str:
    """`│── SYN seq 0 ─────▶│`, as much of the label as fits; a lifeline at each end."""
    inner = width - 2
    label = next((text for text in labels(row) if cells(text) + 6 <= inner), labels(row)[-1])
    line = f" {fit(label, min(cells(label), inner - 3))} "
    dash = "═" if row.count > 1 else "─"
    room = inner - cells(line) - 1
    left = 2 if row.side == 0 and room >= 4 else room // 2 if row.side == 0 else room - min(2, room)
    body = dash * left + line + dash * (room - left)
    return f"│{body}▶│" if row.side == 0 else f"│◀{body}│"


def labels(row: LadderRow) -> list[str]:
    """What an arrow says, longest first."""
    flags = row.flags
    if row.count > 1:
        whole = tr("{n} packets, {size} bytes", n=row.count, size=size(row.payload))
        return [
            f"{whole}, {row.number}–{row.last_number}",
            whole,
            tr("{n} pkts {size} B", n=row.count, size=size(row.payload)),
        ]
    payload = f" len {row.payload}" if row.payload else ""
    ack = f" ack {row.ack}" if row.ack is not None else ""
    return [
        f"{flags} seq {row.seq}{ack}{payload} win {row.window}",
        f"{flags} seq {row.seq}{ack}{payload}",
        f"{flags}{payload} seq {row.seq}",
        f"{flags}{payload}",
        flags,
    ]


def clock_of_day(nanoseconds: int) -> str:
    """hh:mm:ss.µs in UTC of an epoch time."""
    seconds, rest = divmod(nanoseconds // 1000, 1_000_000)
    day = seconds % 86_400
    return f"{day // 3600:02}:{day // 60 % 60:02}:{day % 60:02}.{rest:06}"


def _own_notes(row: LadderRow) -> tuple[str, ...]:
    """What the analysis says of a packet, without what its proof begins with: it would be read twice."""
    return tuple(note for note in row.notes if not row.evidence or not row.evidence.startswith(note))
