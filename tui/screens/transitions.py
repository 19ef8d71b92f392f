"""What appeared, closed or changed its state since the program looks: a log, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from tui.rows.transition_rows import COLUMNS, line, transition_rows
from tui.screens.filtered import FilteredScreen
from tui.text.language import count, tr
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from capture.sockets.snapshot import Transition
    from tui.rows.live_look import History

REFRESH_S = 1.0


class TransitionsScreen(FilteredScreen):
    """Paused, the list does not move; what happens meanwhile is there when it goes on."""

    MODE = "live"
    TABLE = "#transitions"
    FILTERS = "event"
    KEYS = (("/", "filter"), ("p", "pause"), ("y", "copy"), ("a", "keep"), ("Esc", "back"))
    TOPICS = ("states",)
    ABOUT = "What appeared (+), closed (-) or changed its state between two looks. After: how long it was in the state."
    AUTO_FOCUS = "#transitions"
    BINDINGS = [Binding("p", "pause", show=False)]

    def __init__(self, history: History) -> None:
        super().__init__()
        self._history = history
        self._seen: tuple[tuple[int, Transition], ...] = ()
        self._paused = False

    def body(self) -> Iterable[Widget]:
        """The log."""
        yield RowsTable(COLUMNS, empty="nothing changed yet", id="transitions")

    def on_mount(self) -> None:
        """Show what is known, and look for more."""
        self._take()
        self.set_interval(REFRESH_S, lambda: self.paint_within_budget(self._take))

    def _take(self) -> None:
        """The screen's own copy: the loop goes on writing."""
        if self._paused:
            return
        seen = tuple(self._history.transitions.copy())
        if not self._seen or seen[-1][0] != self._seen[-1][0]:
            self._seen = seen
            self.filter_changed()

    def filter_changed(self) -> None:
        """The rows anew."""
        table = self.query_one("#transitions", RowsTable)
        text = self.filter_text
        table.set_title(tr("Transitions: {filter}", filter=text) if text else "Transitions")
        table.set_empty("no transition matches the filter" if text and self._seen else "nothing changed yet")
        table.show(transition_rows(self._seen, self.wanted, self._history.until))
        left_out = self._history.transitions_left_out
        more = " · " + tr("{n} left out", n=f"{left_out:,}") if left_out else ""
        self.title_bar.set_right(tr("paused") if self._paused else count(len(self._seen), "transition") + more)

    def action_pause(self) -> None:
        """Stop or go on."""
        self._paused = not self._paused
        self._take()
        self.filter_changed()
        self.say("Paused: p goes on" if self._paused else "Going on")

    def copy_text(self) -> tuple[str, str]:
        """The transition under the cursor."""
        key = self.query_one("#transitions", RowsTable).cursor_key
        return "Transition", next((line(one) for number, one in self._seen if number == key), "")

    def evidence(self) -> tuple[str, str, str]:
        """The same, to keep."""
        _, text = self.copy_text()
        return ("connection", text, f"```\n{text}\n```") if text else ("", "", "")
