"""The ladder's lines at any width: nothing that a packet says is cut off, and time can be told in three ways."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from capture.ladder import LadderRow, ladder_rows
from capture.triage import triage
from tui.rows.ladder_rows import SINCE_START, LadderLines, View, columns_for, tone_of
from tui.text.column_layout import cells, place

EXAMPLES = Path(__file__).parents[3] / "tui" / "examples"


@cache
def story() -> tuple[list[LadderRow], object]:
    found = triage([str(EXAMPLES / "incident.pcap")])[0]
    number = found.findings[0].sample[0]
    assert isinstance(number, int)
    return ladder_rows(found, number), found.connection(number)


def lines(width: int, view: View = SINCE_START) -> LadderLines:
    rows, one = story()
    return LadderLines(rows, columns_for(width, one.originator, one.responder, view), view)  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [60, 80, 119, 120, 160, 200, 300])
def test_every_note_is_whole_at_every_width(width: int) -> None:
    rows, _ = story()
    drawn = lines(width)
    text = " ".join(" ".join(cell for cell, _ in drawn.cells(at)) for at in range(len(drawn)))
    said = text.replace("└", " ").replace("│", " ").split()
    for row in rows:
        for word in (row.evidence or "").split():
            assert word in said, (width, word)


@pytest.mark.parametrize("width", [80, 200])
def test_a_note_that_is_the_proofs_beginning_is_told_once(width: int) -> None:
    rows, one = story()
    told = replace(rows[-1], notes=("window 0", "keep-alive"), evidence="window 0: its receiver does not read")
    drawn = LadderLines([told], columns_for(width, one.originator, one.responder))  # type: ignore[attr-defined]
    text = " ".join(cell for at in range(len(drawn)) for cell, _ in drawn.cells(at))
    assert text.count("window 0") == 1
    assert "keep-alive" in text


@pytest.mark.parametrize("width", [80, 120, 160, 200, 300])
def test_the_columns_fill_the_width_and_no_more(width: int) -> None:
    _, one = story()
    columns = columns_for(width, one.originator, one.responder)  # type: ignore[attr-defined]
    taken = sum(p.width for p in place(columns, width)) + len(columns) - 1
    assert taken <= width
    assert taken >= width - 16 or width == 119


def test_times_since_the_start_of_day_and_since_the_last_packet() -> None:
    rows, _ = story()
    day = SINCE_START.other_clock()
    last = day.other_clock()
    assert last.other_clock() == SINCE_START
    row = replace(rows[1], time=1_700_000_000_123_456_789, since_start=1_500_000, gap=250_000)
    assert SINCE_START.time_of(row) == "0.001500"
    assert day.time_of(row) == "22:13:20.123456"
    assert last.time_of(row) == "0.000250"


def test_to_scale_a_silence_takes_its_share_of_the_lines() -> None:
    plain, scaled = lines(120), lines(120, View(to_scale=True))
    gaps = [line for line in scaled.lines if line.kind == "gap"]
    assert len(scaled) > len(plain) + 20  # most of this story is one silence
    assert sum("silence" in cell for line in gaps for cell, _ in line.cells) == 1
    assert all(cells(line.cells[4][0]) == cells(scaled.cells(0)[4][0]) for line in gaps)


def test_sides_ends_and_resets_have_tones_of_their_own() -> None:
    rows, _ = story()
    data = next(row for row in rows if row.flags == "ACK" and not row.problem)
    tones = {
        tone_of(replace(data, side=0)),
        tone_of(replace(data, side=1)),
        tone_of(replace(data, flags="FIN,ACK")),
        tone_of(replace(data, flags="RST")),
        tone_of(replace(data, problem=True)),
    }
    assert len(tones) == 5
