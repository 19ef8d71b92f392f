"""One connection at two points: what passed crosses the path, lost ends in it, what was put in begins there."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.points.comparison import Comparison, compare
from tui.rows.compared_ladder import ComparedLines, Step, columns_for, steps_of
from tui.text.column_layout import cells, place

LAB = Path(__file__).parents[2] / "data" / "lab"
RESET = LAB / "16b-middlebox-rst"
FORGED = LAB / "16g-nat-idle-rst"


def steps(folder: Path, a: str = "client.pcap", b: str = "server.pcap") -> list[Step]:
    comparison: Comparison = compare(str(folder / a), str(folder / b))
    (both,) = comparison
    return steps_of(comparison, both)


def drawn(found: list[Step], width: int = 120) -> dict[tuple[int | None, int | None], str]:
    lines = ComparedLines(found, columns_for(width))
    paths: dict[tuple[int | None, int | None], str] = {}
    for at in range(len(lines)):
        if len(lines.cells(at)) > 1:
            paths.setdefault(lines.step_at(at).numbers, lines.cells(at)[3][0])
    return paths


def test_every_packet_of_both_files_stands_once() -> None:
    found = steps(RESET)
    assert [step.kind for step in found if step.kind != "both"] == ["lost", "injected", "lost"]
    assert [number for step in found if (number := step.numbers[0])] == [3, 4, 5, 6, 7, 8, 9, 11, 12, 16, 17]
    assert [number for step in found if (number := step.numbers[1])] == [3, 4, 5, 6, 7, 8, 9, 14]
    assert [step.at for step in found] == sorted(step.at for step in found)


def test_lost_ends_in_the_path_and_injected_begins_there() -> None:
    paths = drawn(steps(RESET))
    assert paths[3, 3].startswith("│──")
    assert paths[3, 3].endswith("▶│")
    assert "×" in paths[11, None]
    assert "▶" not in paths[11, None]
    assert paths[12, None].startswith("│◀")
    assert "*" in paths[12, None]


def test_a_gateway_that_resets_both_ways_points_both_ways() -> None:
    paths = drawn(steps(FORGED))
    toward_a, toward_b = paths[15, None], paths[None, 19]
    assert toward_a.startswith("│◀")
    assert toward_b.endswith("▶│")


def test_swapped_files_turn_the_arrows() -> None:
    paths = drawn(steps(RESET, "server.pcap", "client.pcap"))
    assert paths[3, 3].startswith("│◀")  # the SYN comes to B first, and to A last


@pytest.mark.parametrize("width", [60, 80, 119, 120, 200])
def test_lines_are_as_wide_as_the_columns_and_notes_are_whole(width: int) -> None:
    found = steps(RESET)
    columns = columns_for(width)
    lines = ComparedLines(found, columns)
    arrow = next(column.width for column in columns if column.key == "arrow")
    assert sum(p.width for p in place(columns, width)) + len(columns) - 1 <= max(width, 60)
    for at in range(len(lines)):
        if len(lines.cells(at)) > 1:
            assert cells(lines.cells(at)[3][0]) == arrow
    words = " ".join(cell for at in range(len(lines)) for cell, _ in lines.cells(at)).split()
    assert {"put", "in", "on", "the", "way:", "it", "never", "passed", "B"} <= set(words)


def test_differences_are_gone_to_one_by_one() -> None:
    lines = ComparedLines(steps(RESET), columns_for(80))
    met, place_now = [], -1
    while (found := lines.next_difference(place_now, 1)) is not None:
        met.append(lines.step_at(found).numbers[0])
        place_now = found
    assert met == [11, 12, 17]
