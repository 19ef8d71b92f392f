"""Playbooks: the list of what can be checked, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on, work

from capture.safe_text import printable
from tui.rows.list_rows import ListRows
from tui.rows.playbook_steps import Summary, summaries
from tui.screens.base import TriageScreen
from tui.text.column_layout import Column
from tui.text.language import count
from tui.widgets.paper import Paper
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

COLUMNS = (Column("name", "Playbook", 19, rank=0), Column("title", "When", 30, most=300, rank=0))


class PlaybooksScreen(TriageScreen):
    """The list, and what the one under the cursor is about."""

    MODE = "playbooks"
    KEYS = (("Enter", "open and check"), ("l", "log line"), (":", "commands"))
    ABOUT = "Each playbook walks from a symptom to its cause, checks what can be checked here, and proposes fixes."

    def __init__(self) -> None:
        super().__init__()
        self._books: dict[str, Summary] = {}

    def body(self) -> Iterable[Widget]:
        """List and page."""
        yield RowsTable(COLUMNS, empty="loading …", id="books")
        yield Paper(id="about")

    def on_mount(self) -> None:
        """Load them; open the one that was asked for."""
        self.query_one("#books", RowsTable).set_title("Playbooks")
        self._load()

    @work(thread=True, exclusive=True, group="playbooks")
    def _load(self) -> None:
        found = summaries()
        self.app.call_from_thread(self._loaded, found)

    def _loaded(self, found: list[Summary]) -> None:
        self._books = {book.name: book for book in found}
        rows = [(book.name, ((book.name, "strong"), (printable(book.title), ""))) for book in found]
        self.query_one("#books", RowsTable).show(ListRows(rows))
        self.title_bar.set_right(count(len(found), "playbook"))
        request = self.triage_app.investigation.request
        if request.playbook and self.is_current:
            self.triage_app.open_playbook(request.playbook, dict(request.settings))

    @on(RowsTable.Moved, "#books")
    def _moved(self, event: RowsTable.Moved) -> None:
        book = self._books.get(str(event.key))
        if book is not None:
            self.query_one("#about", Paper).set_page(book.page, book.name)

    @on(RowsTable.Chosen, "#books")
    def _chosen(self, event: RowsTable.Chosen) -> None:
        self.triage_app.open_playbook(str(event.key), {})

    def copy_text(self) -> tuple[str, str]:
        """The command that runs it without a screen."""
        name = self.query_one("#books", RowsTable).cursor_key
        return ("Command", f"tcptriage check {name}") if name else ("", "")
