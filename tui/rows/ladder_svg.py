"""A ladder as a picture (SVG): for a ticket or a post-mortem, readable in any browser."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.rows.ladder_rows import labels
from tui.text.language import tr
from tui.text.quantities import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.ladder import LadderRow
    from capture.model import Endpoint

LEFT, RIGHT, WIDE, STEP, TOP = 300, 780, 1180, 26, 96
INK, DIM, BAD, WARN, PAPER = "#1c1c1c", "#6c6c6c", "#b00020", "#8a5a00", "#ffffff"


def ladder_svg(rows: Sequence[LadderRow], originator: Endpoint, responder: Endpoint, sentence: str) -> str:
    """One SVG document. Texts are made visible and escaped; no script, no external reference."""
    parts: list[str] = []
    y = TOP
    for row in rows:
        if row.is_gap:
            parts.append(
                _text(
                    (LEFT + RIGHT) / 2,
                    y,
                    tr("{silence} of silence", silence=duration(row.gap / 1e9)),
                    DIM,
                    "middle",
                    italic=True,
                )
            )
            y += STEP
        parts += _packet(row, y)
        y += STEP
        if row.evidence:
            parts.append(_text(RIGHT + 16, y - STEP + 18, "", BAD, "start"))
            parts.append(_text((LEFT + RIGHT) / 2, y - 4, row.evidence, BAD, "middle"))
            y += STEP - 6
    lifelines = [
        f'<line x1="{x}" y1="{TOP - 24}" x2="{x}" y2="{y}" stroke="{DIM}" stroke-width="1.5"/>' for x in (LEFT, RIGHT)
    ]
    head = [
        _text(24, 28, sentence, INK, "start", bold=True),
        _text(LEFT, TOP - 34, tr("{end} (originator)", end=originator), INK, "middle", bold=True),
        _text(RIGHT, TOP - 34, tr("{end} (responder)", end=responder), INK, "middle", bold=True),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{y + 24}" viewBox="0 0 {WIDE} {y + 24}" '
        'font-family="ui-monospace, DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13">\n'
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        'orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="context-stroke"/></marker></defs>\n'
        f'<rect width="100%" height="100%" fill="{PAPER}"/>\n' + "\n".join((*head, *lifelines, *parts)) + "\n</svg>\n"
    )


def _packet(row: LadderRow, y: float) -> list[str]:
    colour = BAD if "RST" in row.flags else WARN if row.problem else INK
    start, end = (LEFT, RIGHT) if row.side == 0 else (RIGHT, LEFT)
    dash = ' stroke-dasharray="6 3"' if row.count > 1 else ""
    wide = 2.4 if row.evidence else 1.4
    label = labels(row)[1] if row.count == 1 else labels(row)[0]
    numbers = f"{'▶ ' if row.evidence else ''}{row.number}  {row.since_start / 1e9:.6f} s"
    return [
        f'<line x1="{start}" y1="{y}" x2="{end}" y2="{y}" stroke="{colour}" stroke-width="{wide}"{dash} '
        'marker-end="url(#head)"/>',
        _text((LEFT + RIGHT) / 2, y - 5, label, colour, "middle"),
        _text(24, y + 4, numbers, DIM, "start"),
        _text(LEFT - 12, y + 4, str(row.originator_state), INK, "end"),
        _text(RIGHT + 12, y + 4, str(row.responder_state), INK, "start"),
        _text(RIGHT + 130, y + 4, ", ".join(row.notes), WARN, "start"),
    ]


def _text(x: float, y: float, text: str, fill: str, anchor: str, *, bold: bool = False, italic: bool = False) -> str:
    if not text:
        return ""
    style = (' font-weight="bold"' if bold else "") + (' font-style="italic"' if italic else "")
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" text-anchor="{anchor}"{style}>{escape(printable(text))}</text>'
