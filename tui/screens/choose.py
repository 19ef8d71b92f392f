"""One of a few names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding
from textual.containers import Vertical

from tui.rows.list_rows import ListRows
from tui.screens.dimmed import DimmedScreen
from tui.text.column_layout import Column
from tui.text.language import tr
from tui.widgets.drawn_table import STYLES
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult


class ChooseScreen(DimmedScreen["str | None"]):
    """Enter chooses, Esc leaves it."""

    DEFAULT_CSS = """
    ChooseScreen { align: center middle; background: $background 60%; }
    ChooseScreen Vertical { width: 60; max-width: 90%; height: auto; max-height: 80%; }
    ChooseScreen RowsTable, ChooseScreen RowsTable:focus { height: auto; background: $surface; border: solid $primary; }
    """
    COMPONENT_CLASSES = STYLES
    BINDINGS = [Binding("escape,q", "dismiss(None)", show=False)]

    def __init__(self, title: str, names: Sequence[str]) -> None:
        super().__init__()
        self._question, self._names = title, names

    def compose(self) -> ComposeResult:
        """The list."""
        with Vertical():
            yield RowsTable((Column("name", "", 20, most=80),), head=False, id="names")

    def on_mount(self) -> None:
        """Fill it."""
        table = self.query_one(RowsTable)
        table.set_title(self._question)
        table.styles.height = len(self._names) + 2  # the border's
        table.show(ListRows([(name, ((tr(name), ""),)) for name in self._names]))
        table.focus()

    @on(RowsTable.Chosen)
    def _chosen(self, event: RowsTable.Chosen) -> None:
        self.dismiss(str(event.key))
