"""A ladder as plain text, for a ticket: two lifelines, arrows with flags, both sides' states, the evidence marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.cells import centred, right
from capture.language import count_of, tr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.ladder import LadderRow
    from capture.model import Endpoint

ARROW = 30  # characters between the lifelines


def ladder_lines(rows: Iterable[LadderRow], originator: Endpoint, responder: Endpoint) -> list[str]:
    """One line a row, in English ASCII only, about 90 columns; the packets that carry the verdict begin with `*`."""
    head, half = f"{right(tr('packet'), 8)} {right(tr('time'), 10)}", ARROW // 2 + 12
    lines = [f"{head}  {originator!s:<{half}} {responder!s:>{half}}"]
    for row in rows:
        if row.is_gap:
            silence = tr("~ {seconds} s of silence ~", seconds=f"{row.gap / 1e9:.1f}")
            lines.append(f"{'':>8} {'':>10}  {'':<12}|{centred(silence, ARROW)}|")
        lines.append(_line(row))
        if row.evidence:
            lines.append(f"{'':>8} {'':>10}  {'':<12}^ {row.evidence}")
    return lines


def _line(row: LadderRow) -> str:
    text = row.flags if not row.payload else f"{row.flags} {row.payload} B"
    if row.count > 1:
        text = f"{count_of(row.count, 'packet')}, {row.payload} B"
    line = centred(f" {text} ", ARROW - 1, "-")
    arrow = f"{line}>" if row.side == 0 else f"<{line}"
    mark = "*" if row.evidence else " "
    notes = f"  ({', '.join(row.notes)})" if row.notes else ""
    lanes = f"{row.originator_state:<12}|{arrow}|{row.responder_state:>12}"
    return f"{mark}{row.number:>7} {row.since_start / 1e9:>10.6f}  {lanes}{notes}"
