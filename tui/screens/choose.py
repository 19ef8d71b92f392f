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
from tui.widgets.bars import DialogKeys
from tui.widgets.drawn_table import STYLES
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult


KEYS = (("Enter", "take it"), ("↑↓", "choose"), ("Esc", "leave it"))


class ChooseScreen(DimmedScreen["str | None"]):
    """Enter chooses, Esc leaves it."""

    DEFAULT_CSS = """
    ChooseScreen { align: center middle; background: $background 60%; }
    ChooseScreen Vertical { width: 60; max-width: 90%; height: auto; max-height: 80%; }
    ChooseScreen > Vertical { border: round $primary; border-title-color: $primary; border-title-style: bold;
                              background: $surface; padding: 0 1; }
    """
    COMPONENT_CLASSES = STYLES
    BINDINGS = [Binding("escape,q", "dismiss(None)", show=False)]

    def __init__(self, title: str, names: Sequence[str]) -> None:
        super().__init__()
        self._question, self._names = title, names

    def compose(self) -> ComposeResult:
        """The list."""
        with Vertical() as frame:
            frame.border_title = tr(self._question).replace("[", "\\[")
            yield RowsTable((Column("name", "", 20, most=80),), head=False, id="names")
            yield DialogKeys(KEYS)

    def on_mount(self) -> None:
        """Fill it."""
        table = self.query_one(RowsTable)
        table.styles.height = len(self._names)
        table.show(ListRows([(name, ((tr(name), ""),)) for name in self._names]))
        table.focus()

    @on(RowsTable.Chosen)
    def _chosen(self, event: RowsTable.Chosen) -> None:
        self.dismiss(str(event.key))
