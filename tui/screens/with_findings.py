"""A screen with a pane of findings over its rows: how many, how grave, which are new, and one key to each one's fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding

from capture.safe_text import printable
from tui.rows.finding_rows import Found, finding_cells, finding_markdown, settings_for, severity_bar
from tui.rows.list_rows import ListRows
from tui.screens.base import TriageScreen
from tui.text.language import tr
from tui.widgets.row_table import RowsTable
from tui.widgets.text_lines import Lines

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


LOW, TINY = 16, 9
"""Lines of a screen below which the words and the groups, and then the findings, leave what there is to the rows."""
ROWS_BY_HEIGHT = ((50, 12), (36, 9), (28, 7), (23, 6), (0, 4))
"""(screen's height, lines of the pane with its border at most); the rest is scrolled to."""


class ScreenWithFindings(TriageScreen):
    """`f` goes to the fix, `F` lists all findings in full. Subclasses yield #findings and #finding-text."""

    FINDINGS_TITLE = "What is wrong"
    BINDINGS = [
        Binding("f", "fix", show=False),
        Binding("F", "all_findings", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[Hashable, Found] = {}

    # -- what is shown

    def show_findings(self, found: Sequence[Found], empty: str) -> None:
        """All of them; `empty` is what no finding means here."""
        self._found = {one.key: one for one in found}
        table = self.query_one("#findings", RowsTable)
        table.set_empty(empty)
        bar = severity_bar(found, self.triage_app.terminal.plain_charts)
        table.set_title(f"{tr(self.FINDINGS_TITLE)}: {bar}" if bar else self.FINDINGS_TITLE)
        table.show(ListRows([(one.key, finding_cells(one)) for one in found]))
        self.tell_finding()

    def text_without_finding(self) -> str:
        """What is shown in place of a finding's words."""
        return ""

    def tell_finding(self) -> None:
        """The words behind the finding under the cursor."""
        found = self._found.get(self.query_one("#findings", RowsTable).cursor_key)
        self.query_one("#finding-text", Lines).set_text(found.text if found else self.text_without_finding())

    def on_resize(self) -> None:
        """A tall screen shows more of them at once."""
        most = next(rows for height, rows in ROWS_BY_HEIGHT if self.app.size.height >= height)
        self.query_one("#findings", RowsTable).styles.max_height = most
        self.set_class(self.app.size.height < LOW, "-low")
        self.set_class(self.app.size.height < TINY, "-tiny")
        for lines in self.query(Lines):
            lines.fit_screen()

    @property
    def found_here(self) -> Found | None:
        """The finding that the keys go to; None where another pane has them."""
        focused = self.focused
        if isinstance(focused, RowsTable) and focused.id == "findings":
            return self._found.get(focused.cursor_key)
        return None

    @on(RowsTable.Moved, "#findings")
    def _finding_moved(self) -> None:
        self.tell_finding()

    # -- keys

    @on(RowsTable.Chosen, "#findings")
    def _finding_chosen(self, event: RowsTable.Chosen) -> None:
        """A finding leads to its playbook, with what it speaks of filled in."""
        found = self._found.get(event.key)
        if found is not None:
            self.open_finding(found)

    def open_finding(self, found: Found) -> None:
        """Its playbook; without one, its words."""
        if found.finding.playbook is None:
            self.say(printable(found.finding.text))
        else:
            self.triage_app.open_playbook(
                found.finding.playbook, settings_for(found), found=printable(found.finding.text)
            )

    def finding_of_row(self) -> Found | None:
        """The finding that the row under the cursor belongs to."""
        return None

    def playbook_of_row(self) -> tuple[str, dict[str, str], str] | None:
        """(playbook, settings, what is wrong) of the row under the cursor, where it asks for one by itself."""
        return None

    def action_fix(self) -> None:
        """The fixes for the finding under the cursor, or for what is wrong with the row under it."""
        found = self.found_here or self.finding_of_row()
        from tui.screens.fixes import FixesScreen, open_fixes

        if found is None and (asked := self.playbook_of_row()) is not None:
            self.app.push_screen(FixesScreen(*asked))
            return
        found = found or self._found.get(self.query_one("#findings", RowsTable).cursor_key)
        if found is None:
            self.say("no fix: nothing is found to be wrong here", "warn")
        else:
            open_fixes(self, found)

    def action_all_findings(self) -> None:
        """All of them in full, on a screen of their own."""
        if not self._found:
            self.say("There is no finding", "warn")
            return
        from tui.screens.findings import FindingsScreen

        self.app.push_screen(
            FindingsScreen(self.MODE, lambda: list(self._found.values()), self.open_finding, self.found_here)
        )

    def copy_of_finding(self, found: Found) -> tuple[str, str]:
        """For the clipboard."""
        return "Finding", f"{found.finding.title}\n{found.finding.text}"

    def evidence_of_finding(self, found: Found) -> tuple[str, str, str]:
        """For Evidence."""
        return "finding", printable(found.finding.title), finding_markdown(found.finding)
