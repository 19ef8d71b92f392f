"""A ladder as plain text, for a ticket: two lifelines, arrows with flags, both sides' states, the evidence marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.ladder import LadderRow
    from capture.model import Endpoint

ARROW = 30  # characters between the lifelines


def ladder_lines(rows: Iterable[LadderRow], originator: Endpoint, responder: Endpoint) -> list[str]:
    """One line a row, ASCII only, about 90 columns; the packets that carry the verdict begin with `*`."""
    lines = [f"{'packet':>8} {'time':>10}  {originator!s:<{ARROW // 2 + 12}} {responder!s:>{ARROW // 2 + 12}}"]
    for row in rows:
        if row.is_gap:
            lines.append(f"{'':>8} {'':>10}  {'':<12}|{f'~ {row.gap / 1e9:.1f} s of silence ~':^{ARROW}}|")
        lines.append(_line(row))
        if row.evidence:
            lines.append(f"{'':>8} {'':>10}  {'':<12}^ {row.evidence}")
    return lines


def _line(row: LadderRow) -> str:
    text = row.flags if not row.payload else f"{row.flags} {row.payload} B"
    if row.count > 1:
        text = f"{row.count} packets, {row.payload} B"
    arrow = f"{f' {text} ':-^{ARROW - 1}}>" if row.side == 0 else f"<{f' {text} ':-^{ARROW - 1}}"
    mark = "*" if row.evidence else " "
    notes = f"  ({', '.join(row.notes)})" if row.notes else ""
    lanes = f"{row.originator_state:<12}|{arrow}|{row.responder_state:>12}"
    return f"{mark}{row.number:>7} {row.since_start / 1e9:>10.6f}  {lanes}{notes}"
