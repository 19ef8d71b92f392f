"""States, processes and peers of the live connections, side by side; every row of them is a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal

from tui.rows.live_rows import GROUP_COLUMNS, PEER_COLUMNS, STATE_COLUMNS, GroupRows, state_rows
from tui.rows.settled_order import places_in
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tui.rows.live_look import Look

ROWS_BY_HEIGHT = ((48, 10), (36, 7), (23, 6), (0, 4))
"""(screen's height, lines of the panes with their border): a tall screen shows more, a low one leaves them to the
sockets."""


class GroupPanes(Horizontal):
    """#states, #processes and #peers."""

    def compose(self) -> ComposeResult:
        """The three tables."""
        yield RowsTable(STATE_COLUMNS, head=False, id="states")
        yield RowsTable(GROUP_COLUMNS, head=False, id="processes")
        yield RowsTable(PEER_COLUMNS, head=False, id="peers", classes="last")

    def on_mount(self) -> None:
        """Their titles, and their height."""
        for name, title in (("states", "States"), ("processes", "Processes"), ("peers", "Peers")):
            self.query_one(f"#{name}", RowsTable).set_title(title)
        self.fit(self.app.size.height)

    def fit(self, height: int) -> None:
        """As high as the screen allows."""
        self.styles.height = next(rows for least, rows in ROWS_BY_HEIGHT if height >= least)

    def show(self, look: Look, plain: bool) -> None:
        """What a look saw; `plain`: charts in ASCII."""
        groups = look.snapshot.groups
        for name, rows in (
            ("states", lambda before: state_rows(look, plain, before)),
            ("processes", lambda before: GroupRows(groups.processes, "pid", before)),
            ("peers", lambda before: GroupRows(groups.hosts, "peer", before)),
        ):
            table = self.query_one(f"#{name}", RowsTable)
            table.show(rows(places_in(table.rows)))
