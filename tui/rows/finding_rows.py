"""Findings as rows, most severe first, and as the words and settings that lead on from one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.text.column_layout import Column
from tui.text.quantities import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.model import Finding
    from capture.sockets.finding_lives import Life

COLUMNS = (
    Column("mark", "", 2, rank=0),
    Column("severity", "", 8, rank=1),
    Column("title", "", 40, most=400, rank=0),
)

MARKS = {"critical": ("!!", "bad"), "warning": ("! ", "warn"), "info": ("· ", "dim")}


def most_severe_first(findings: Sequence[Finding]) -> list[Finding]:
    """In the order in which they should be read."""
    return sorted(findings, key=lambda f: (f.severity.rank, -f.connections, f.code))


def finding_cells(finding: Finding) -> tuple[tuple[str, str], ...]:
    """In the order of COLUMNS."""
    sign, tone = MARKS[finding.severity.value]
    return ((sign, tone), (finding.severity.value, tone), (printable(finding.title), ""))


def past_cells(life: Life) -> tuple[tuple[str, str], ...]:
    """One that is over, in the order of COLUMNS: from when to when it was seen, and what it was."""
    times = f" ({life.times} times)" if life.times > 1 else ""
    title = f"{clock(life.first_seen)}-{clock(life.last_seen)}{times} {printable(life.finding.title)}"
    return ((MARKS[life.worst.value][0], "dim"), ("over", "dim"), (title, "dim"))


def finding_key(finding: Finding) -> tuple[str, str]:
    """What names a finding from one look to the next: numbers in its title may change."""
    named = "".join(
        f"{key}={finding.facts[key]};"
        for key in ("netns", "listener", "port", "pid", "host", "local", "peer")
        if key in finding.facts
    )
    return finding.code, named


def finding_markdown(finding: Finding) -> str:
    """A finding for a ticket."""
    lines = [f"**{finding.severity.value}** — {printable(finding.title)}", "", printable(finding.text)]
    if finding.playbook:
        lines += ["", f"Next: `tcptriage playbook {finding.playbook}`"]
    return "\n".join(lines)


def settings_of(finding: Finding) -> dict[str, str]:
    """The facts of a finding that a playbook takes as settings."""
    return {key: str(finding.facts[key]) for key in ("pid", "port", "host") if finding.facts.get(key) is not None}
