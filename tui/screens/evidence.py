"""Evidence: what was kept, ready to be exported as one Markdown page for a ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding

from capture.safe_text import printable
from tui.rows.list_rows import ListRows
from tui.screens.base import TriageScreen
from tui.text.column_layout import Column
from tui.text.language import tr
from tui.text.quantities import clock
from tui.widgets.paper import Paper
from tui.widgets.row_table import RowsTable
from tui.work.evidence_page import page
from tui.work.saved_files import save

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

COLUMNS = (
    Column("at", "Kept", 8, rank=2),
    Column("kind", "Kind", 10, rank=1),
    Column("title", "What", 30, most=300, rank=0),
)
EMPTY = "nothing kept yet: a keeps what the cursor is on, in every mode"


class EvidenceScreen(TriageScreen):
    """The list, and the page of the thing under the cursor."""

    MODE = "evidence"
    KEYS = (
        ("x", "export"),
        ("+", "note"),
        ("d", "drop"),
        ("u", "undo"),
        ("o", "cases"),
        ("y", "copy"),
        ("X", "without addresses"),
        ("v", "plain"),
    )
    ABOUT = "What was kept: findings, connections with their ladders, checks, lines, fixes. x writes one Markdown page."
    BINDINGS = [
        Binding("x", "export(False)", show=False),
        Binding("X", "export(True)", show=False),
        Binding("d", "drop", show=False),
        Binding("u", "undo", show=False),
        Binding("o", "cases", show=False),
        Binding("plus", "note", show=False),
        Binding("tab", "app.focus_next", show=False),
    ]

    def body(self) -> Iterable[Widget]:
        """List and page."""
        yield RowsTable(COLUMNS, empty=EMPTY, id="items")
        yield Paper(id="item")

    def on_mount(self) -> None:
        """Name the list."""
        self.query_one("#items", RowsTable).set_title("Evidence")

    def on_screen_resume(self) -> None:
        """What was kept meanwhile."""
        self._show()

    def _show(self) -> None:
        items = self.triage_app.investigation.items
        self.query_one("#items", RowsTable).show(
            ListRows([(i.number, ((clock(i.at), "dim"), (tr(i.kind), ""), (printable(i.title), ""))) for i in items])
        )
        self._show_item()
        self.title_bar.set_right(tr("{n} kept", n=len(items)))

    @on(RowsTable.Moved, "#items")
    def _show_item(self) -> None:
        number = self.query_one("#items", RowsTable).cursor_key
        item = next((i for i in self.triage_app.investigation.items if i.number == number), None)
        text = "\n".join(printable(line) for line in item.body.split("\n")) if item else ""
        drawn = item is not None and item.kind in ("connection", "note")
        self.query_one("#item", Paper).set_page(text, cut_fences=drawn)

    def action_export(self, anonymize: bool) -> None:
        """Write the page into the current folder."""
        if not self.triage_app.investigation.items:
            self.say(tr("There is nothing to export: {why}", why=tr(EMPTY)), "warn")
            return
        path = save("tcptriage-evidence.md", page(self.triage_app.investigation.items, anonymize=anonymize))
        kind = "without addresses" if anonymize else "as it is: addresses are in it, X leaves them out"
        self.say(
            tr("Written {kind}: {path}", kind=tr(kind), path=path) if path else "No folder here can be written to",
            "good" if path else "bad",
        )

    def action_drop(self) -> None:
        """Take one thing out."""
        number = self.query_one("#items", RowsTable).cursor_key
        if isinstance(number, int):
            item = self.triage_app.investigation.drop(number)
            self._show()
            if item is not None:
                self.say(tr("Dropped: {what}; u brings it back", what=printable(item.title, 60)))

    def action_undo(self) -> None:
        """Take back what was dropped last."""
        item = self.triage_app.investigation.take_back()
        if item is None:
            self.say("Nothing dropped is left", "warn")
            return
        self._show()
        self.query_one("#items", RowsTable).move_to(item.number)
        self.say(tr("Back: {what}", what=printable(item.title, 60)), "good")

    def action_cases(self) -> None:
        """What earlier runs kept."""
        from tui.screens.cases import CasesScreen

        self.app.push_screen(CasesScreen())

    def action_note(self) -> None:
        """A sentence of one's own."""
        from tui.screens.ask import AskScreen

        self.app.push_screen(
            AskScreen("Note", "what you saw, decided or did", meaning="It comes first in the exported page."),
            self._noted,
        )

    def _noted(self, text: str | None) -> None:
        if text:
            self.triage_app.investigation.keep("note", printable(text, 60), printable(text))
            self._show()

    def copy_text(self) -> tuple[str, str]:
        """The whole page."""
        items = self.triage_app.investigation.items
        return "Evidence", page(items) if items else ""
