"""From a finding straight to its fixes: the playbook's checks run behind, what they propose comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.rows.finding_rows import settings_for
from tui.rows.playbook_steps import Entry, fixes_first
from tui.screens.playbook import LABELS, MARKS, PlaybookScreen
from tui.text.column_layout import ARROW, Column
from tui.text.language import tr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui.rows.finding_rows import Found
    from tui.rows.list_rows import Cell
    from tui.rows.playbook_steps import Run
    from tui.screens.base import TriageScreen

COLUMNS = (
    Column("mark", "", 2, rank=0),
    Column("title", "Fix", 34, most=70, rank=0, least=24),
    Column("change", "Now → proposed", 42, most=300, rank=0, least=24, change=True),
)


class FixesScreen(PlaybookScreen):
    """The fixes, current and proposed value beside each; the checks they rest on wait behind one row."""

    ABOUT = (
        "What to change about a finding: each fix with its current and its proposed value, where it goes, how to undo "
        "it. The playbook's checks were run for it; they are behind one row. Nothing is changed by it."
    )
    LIST_COLUMNS = COLUMNS
    EMPTY = "running the checks that tell which fix fits …"

    def listed(self, outcome: Run) -> Iterable[Entry]:
        """Fixes first; that there is none is a row too."""
        return fixes_first(outcome)

    def cells_of(self, entry: Entry) -> tuple[Cell, ...]:
        """Mark, title, now → proposed; of a check its outcome."""
        mark = MARKS[entry.outcome]
        if entry.fix is not None:
            now = "" if entry.outcome == "other" else printable(entry.fix.current or tr("not set"), 120) + ARROW
            return (mark, (entry.title, ""), (f"{now}{printable(entry.fix.proposed, 120)}", mark[1]))
        if entry.behind or entry.key == "none":
            return ((f"{mark[0]} {entry.title}", mark[1]),)  # spans the table
        return (mark, (entry.title, ""), (tr(LABELS.get(entry.outcome, entry.outcome)), mark[1]))

    def _to_first_trouble(self) -> None:
        """The first row is the fix, or says that there is none."""


def open_fixes(screen: TriageScreen, found: Found) -> None:
    """The fixes for a finding, over the screen; that no playbook knows any is said on it."""
    words = printable(found.finding.text)
    if found.finding.playbook is None:
        screen.say(tr("no fix: no playbook is about this. {words}", words=words), "warn")
    else:
        screen.app.push_screen(FixesScreen(found.finding.playbook, settings_for(found), words))
