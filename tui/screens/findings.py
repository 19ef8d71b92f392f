"""All findings, none hidden: a list of its own with each one's words in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding

from capture.safe_text import printable
from tui.rows.finding_rows import COLUMNS, Found, finding_cells, finding_markdown, severity_bar
from tui.rows.list_rows import ListRows
from tui.screens.base import TriageScreen
from tui.text.language import tr
from tui.widgets.paper import Paper
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from textual.widget import Widget

REFRESH_S = 1.0


class FindingsScreen(TriageScreen):
    """The list above, the finding under the cursor below. It goes on with the looks of the screen that it came from."""

    KEYS = (("Enter", "playbook"), ("f", "fix"), ("y", "copy"), ("v", "plain"), ("a", "keep"), ("Esc", "back"))
    ABOUT = "Every finding, the gravest first, those that are over last; below, the one under the cursor in full."
    AUTO_FOCUS = "#all-findings"
    BINDINGS = [Binding("f", "fix", show=False)]

    def __init__(
        self, mode: str, source: Callable[[], list[Found]], chosen: Callable[[Found], None], start: Found | None
    ) -> None:
        super().__init__()
        self._mode, self._source, self._chosen, self._start = mode, source, chosen, start
        self._found: dict[Hashable, Found] = {}

    def body(self) -> Iterable[Widget]:
        """The list and the page."""
        yield RowsTable(COLUMNS, head=False, empty="no finding", id="all-findings")
        yield Paper(id="finding-page")

    def on_mount(self) -> None:
        """Filled at once, and with each look."""
        self._take()
        if self._start is not None:
            self.query_one("#all-findings", RowsTable).move_to(self._start.key)
        self.set_interval(REFRESH_S, lambda: self.paint_within_budget(self._take))

    def _take(self) -> None:
        found = self._source()
        self._found = {one.key: one for one in found}
        table = self.query_one("#all-findings", RowsTable)
        table.set_title(tr("Findings: {bar}", bar=severity_bar(found, self.triage_app.terminal.plain_charts)))
        table.show(ListRows([(one.key, finding_cells(one)) for one in found]))
        self._tell()

    def _here(self) -> Found | None:
        return self._found.get(self.query_one("#all-findings", RowsTable).cursor_key)

    @on(RowsTable.Moved, "#all-findings")
    def _tell(self) -> None:
        found = self._here()
        self.query_one("#finding-page", Paper).set_page(page_of(found) if found else "")

    @on(RowsTable.Chosen, "#all-findings")
    def _open(self) -> None:
        if (found := self._here()) is not None:
            self._chosen(found)

    def action_fix(self) -> None:
        """The fixes for the one under the cursor."""
        from tui.screens.fixes import open_fixes

        if (found := self._here()) is not None:
            open_fixes(self, found)

    def copy_text(self) -> tuple[str, str]:
        """The finding in words."""
        found = self._here()
        return ("Finding", f"{found.finding.title}\n{found.finding.text}") if found else ("", "")

    def evidence(self) -> tuple[str, str, str]:
        """The finding for a ticket."""
        found = self._here()
        return ("finding", printable(found.finding.title), finding_markdown(found.finding)) if found else ("", "", "")


def page_of(found: Found) -> str:
    """A finding in full, and where it leads."""
    one = found.finding
    if found.notice:
        return found.text
    lines = [printable(one.title), "", found.text, ""]
    if one.playbook is not None:
        lines.append(tr("f: what to change   Enter: what to check (playbook {name})", name=one.playbook))
    else:
        lines.append(tr("No playbook is about this: there is no fix to propose."))
    return "\n".join(lines)
