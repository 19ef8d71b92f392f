"""What the kernel itself says: which calls failed with which errno, who sent resets and why, what was dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding

from tui.rows.kernel_event_rows import (
    COLUMNS,
    connections_of,
    filtered,
    find_sockets,
    kernel_rows,
    key_of,
    playbook_of,
    text_of,
)
from tui.screens.filtered import FilteredScreen
from tui.text.language import count, tr
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.widget import Widget

    from capture.kernel.event_groups import EventGroup
    from capture.sockets.row import SocketRow
    from tui.rows.kernel_event_rows import EventHistory

REFRESH_S = 1.0


class KernelEventsScreen(FilteredScreen):
    """Groups of the last five minutes, most first. Enter goes to the connection that a group speaks of, or to those;
    where the kernel named none, to the playbook. `sockets` gives those of the last look."""

    MODE = "live"
    TABLE = "#kernel-events"
    FILTERS = "event"
    KEYS = (
        ("Enter", "connection"),
        ("B", "playbook"),
        ("/", "filter"),
        ("p", "pause"),
        ("y", "copy"),
        ("a", "keep"),
        ("Esc", "back"),
    )
    TOPICS = ("states",)
    ABOUT = "What the kernel reported in the last five minutes: failed calls, resets with its reason, drops."
    AUTO_FOCUS = "#kernel-events"
    BINDINGS = [Binding("p", "pause", show=False), Binding("B", "playbook", show=False)]

    def __init__(self, history: EventHistory, sockets: Callable[[], Sequence[SocketRow]]) -> None:
        super().__init__()
        self._history = history
        self._sockets = sockets
        self._groups: dict[object, EventGroup] = {}
        self._paused = False

    def body(self) -> Iterable[Widget]:
        """The groups."""
        yield RowsTable(COLUMNS, empty="listening …", id="kernel-events")

    def on_mount(self) -> None:
        """Show what is known, and look for more."""
        self.filter_changed()
        self.set_interval(REFRESH_S, lambda: self.paint_within_budget(self._take))

    def _take(self) -> None:
        if not self._paused:
            self.filter_changed()

    def filter_changed(self) -> None:
        """The rows anew."""
        history, table = self._history, self.query_one("#kernel-events", RowsTable)
        found = filtered(history, self.wanted)
        self._groups = {key_of(one): one for one in found}
        table.set_title(tr("Kernel events: {filter}", filter=self.filter_text) if self.filter_text else "Kernel events")
        table.set_empty(self._empty())
        table.show(kernel_rows(found))
        lost = " · " + tr("{n} or more lost", n=f"{history.lost:,}") if history.lost else ""
        total = sum(one.count for one in found)
        ended = " · " + tr("{n} connections ended", n=f"{history.ended:,}")
        self.title_bar.set_right(tr("paused") if self._paused else count(total, "event") + ended + lost)

    def _empty(self) -> str:
        if self._history.limits is None:
            return "listening …"
        if self._history.limits and not self._history.events:
            return "; ".join(self._history.limits)
        return "no event matches the filter" if self.filter_text else "no call failed, nobody was reset"

    def action_pause(self) -> None:
        """Stop or go on."""
        self._paused = not self._paused
        self.filter_changed()
        self.say("Paused: p goes on" if self._paused else "Going on")

    @on(RowsTable.Chosen, "#kernel-events")
    def _chosen(self, event: RowsTable.Chosen) -> None:
        group = self._groups.get(event.key)
        if group is None:
            return
        found = connections_of(self._history, group)
        if not found:
            self.action_playbook()
            return
        from tui.screens.event_connections import EventConnectionScreen, EventConnectionsScreen

        playbook = playbook_of(group)
        if len(found) > 1:
            self.app.push_screen(EventConnectionsScreen(text_of(group), found, self._sockets, playbook))
            return
        row = find_sockets(self._sockets(), found).get(found[0].ends)
        self.app.push_screen(EventConnectionScreen(found[0], row, playbook))

    def action_playbook(self) -> None:
        """Where the group under the cursor leads."""
        group = self._groups.get(self.query_one("#kernel-events", RowsTable).cursor_key)
        name = playbook_of(group) if group is not None else None
        if group is None or name is None:
            self.say("No playbook is about this; 3 lists them all", "warn")
            return
        self.triage_app.open_playbook(name, {}, found=text_of(group))

    def copy_text(self) -> tuple[str, str]:
        """The group under the cursor."""
        group = self._groups.get(self.query_one("#kernel-events", RowsTable).cursor_key)
        return "Kernel events", text_of(group) if group is not None else ""

    def evidence(self) -> tuple[str, str, str]:
        """The same, to keep."""
        _, text = self.copy_text()
        return ("connection", text, f"```\n{text}\n```") if text else ("", "", "")
