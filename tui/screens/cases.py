"""Cases: what earlier runs kept; one can be reopened, or deleted and brought back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding

from capture.cells import left
from capture.safe_text import printable
from tui.rows.list_rows import ListRows
from tui.screens.base import TriageScreen
from tui.text.column_layout import Column
from tui.text.language import tr
from tui.widgets.paper import Paper
from tui.widgets.row_table import RowsTable
from tui.work.case_file import CaseUnusable, cases_folder, delete_case, list_cases, restore_case

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from tui.work.case_file import Case

COLUMNS = (
    Column("changed", "Last used", 16, rank=0),
    Column("host", "Host", 12, most=24, rank=2),
    Column("evidence", "Evidence", 8, right=True, rank=1),
    Column("open", "Open", 20, most=200, rank=0),
)
EMPTY = "no case was kept yet: one is, as soon as there is something to lose"


class CasesScreen(TriageScreen):
    """The list, the latest first, and what is in the one under the cursor."""

    MODE = "evidence"
    KEYS = (("Enter", "go on with it"), ("d", "delete"), ("u", "undo"), ("Esc", "back"))
    ABOUT = "Cases are kept on disk as you work. Enter leaves this one, which stays too, and goes on with another."
    BINDINGS = [
        Binding("d", "drop", "Delete", show=False),
        Binding("u", "undo", "Undo", show=False),
        Binding("tab", "app.focus_next", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._cases: dict[str, Case] = {}
        self._deleted: list[str] = []

    def body(self) -> Iterable[Widget]:
        """List and page."""
        yield RowsTable(COLUMNS, empty=EMPTY, id="items")
        yield Paper(id="item")

    def on_mount(self) -> None:
        """Read the list."""
        self.query_one("#items", RowsTable).set_title("Cases")
        self._show()

    def _show(self) -> None:
        self._cases = {case.name: case for case in list_cases(cases_folder())}
        rows = [(name, self._cells(case)) for name, case in self._cases.items()]
        self.query_one("#items", RowsTable).show(ListRows(rows))
        self._show_case()

    def _cells(self, case: Case) -> tuple[tuple[str, str], ...]:
        here = case.name == self.triage_app.case.name
        opened = printable(case.opened.sentence)
        opened = tr("{case} (this one)", case=opened) if here else opened
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(case.changed))
        count = (f"{len(case.items)}", "strong" if case.items else "dim")
        return ((when, "dim"), (printable(case.host), ""), count, (opened, "dim" if here else ""))

    def _chosen(self) -> Case | None:
        return self._cases.get(str(self.query_one("#items", RowsTable).cursor_key))

    @on(RowsTable.Moved, "#items")
    def _show_case(self) -> None:
        case = self._chosen()
        lines = [f"{case.name}: `tcptriage --resume {case.name}`", ""] if case else []
        lines += [f"{left(tr(item.kind), 10)}  {printable(item.title)}" for item in case.items] if case else []
        self.query_one("#item", Paper).set_page("\n".join(lines), "What was kept in it")

    @on(RowsTable.Chosen, "#items")
    def _reopen(self) -> None:
        case = self._chosen()
        if case is None or case.name == self.triage_app.case.name:
            self.say("This is the case that is open")
            return
        self.triage_app.reopen = case.name
        self.app.exit(0)

    def action_drop(self) -> None:
        """Put the case away."""
        case, cases = self._chosen(), cases_folder()
        if case is None or cases is None:
            return
        if case.name == self.triage_app.case.name:
            self.say("This case is open: its evidence is dropped in 4", "warn")
            return
        try:
            delete_case(cases, case.name)
        except CaseUnusable as error:
            self.say(printable(str(error)), "bad")
            return
        self._deleted.append(case.name)
        self._show()
        self.say(tr("Deleted: {case}; u brings it back", case=case.name))

    def action_undo(self) -> None:
        """Bring the case back that was deleted last, also by an earlier run."""
        cases = cases_folder()
        names = self._deleted or [case.name for case in list_cases(cases, deleted=True)[:1]]
        if not names or cases is None:
            self.say("No deleted case is left", "warn")
            return
        try:
            restore_case(cases, names[-1])
        except CaseUnusable as error:
            self.say(printable(str(error)), "bad")
            return
        self._deleted = names[:-1]
        self._show()
        self.query_one("#items", RowsTable).move_to(names[-1])
        self.say(tr("{case} is back", case=names[-1]), "good")

    def copy_text(self) -> tuple[str, str]:
        """The command that goes on with the case."""
        case = self._chosen()
        return ("Command", f"tcptriage --resume {case.name}") if case else ("", "")
