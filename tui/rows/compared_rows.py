"""Connections that two points saw, as rows: what became of their packets, and what that proves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.rows.list_rows import ListRows
from tui.text.column_layout import Column

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.points.compared import Both

COLUMNS = (
    Column("ids", "A, B", 7, most=11, rank=0),
    Column("originator", "Originator", 21, most=45, rank=0, least=12, tail=True),
    Column("responder", "Responder", 21, most=45, rank=0, least=12, tail=True),
    Column("lost", "Lost", 5, right=True, rank=0),
    Column("injected", "Put in", 6, right=True, rank=0),
    Column("changed", "Changed", 7, right=True, rank=2),
    Column("moved", "Late", 5, right=True, rank=2),
    Column("cause", "Cause", 20, most=40, rank=0, least=12),
)


def compared_rows(found: Iterable[Both]) -> ListRows:
    """In the order given; a key is the ids at both points."""
    return ListRows([((both.a, both.b), _cells(both)) for both in found])


def _cells(both: Both) -> tuple[tuple[str, str], ...]:
    ids = f"{'-' if both.a is None else both.a}, {'-' if both.b is None else both.b}"
    return (
        (ids, "dim"),
        (str(both.originator), ""),
        (str(both.responder), ""),
        (_count(len(both.lost)), "warn"),
        (_count(len(both.injected)), "bad"),
        (_count(len(both.modified)), ""),
        (_count(len(both.delayed) + len(both.reordered)), ""),
        (printable(f"{both.cause} ({both.certainty.value})"), "strong" if both.lost or both.injected else ""),
    )


def _count(number: int) -> str:
    return f"{number:,}" if number else ""
