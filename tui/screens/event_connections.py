"""The connections that a kernel event speaks of: those of a group, and one with all that the kernel said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding

from tui.rows.kernel_event_rows import (
    CONNECTION_COLUMNS,
    connection_rows,
    connection_text,
    find_sockets,
)
from tui.screens.base import TriageScreen
from tui.screens.one_connection import OneConnectionScreen
from tui.text.language import tr
from tui.text.quantities import count
from tui.widgets.paper import Paper
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.widget import Widget

    from capture.sockets.row import SocketRow
    from tui.rows.kernel_event_rows import EventConnection


class EventConnectionsScreen(TriageScreen):
    """Those of one group as they were when it was opened; Enter opens one."""

    KEYS = (("Enter", "connection"), ("B", "playbook"), ("y", "copy"), ("a", "keep"), ("Esc", "back"))
    TOPICS = ("states",)
    ABOUT = "The connections of which the kernel said the same, the last one first."
    AUTO_FOCUS = "#event-connections"
    BINDINGS = [Binding("B", "playbook", show=False)]

    def __init__(
        self,
        text: str,
        found: Sequence[EventConnection],
        sockets: Callable[[], Sequence[SocketRow]],
        playbook: str | None,
    ) -> None:
        super().__init__()
        self._text, self._sockets, self._playbook = text, sockets, playbook
        self._found = {one.ends: one for one in found}

    def body(self) -> Iterable[Widget]:
        """The connections."""
        yield RowsTable(CONNECTION_COLUMNS, id="event-connections")

    def on_mount(self) -> None:
        """Which of them live is asked now."""
        table = self.query_one("#event-connections", RowsTable)
        table.set_title(self._text, counted=False)
        table.show(connection_rows(self._found.values(), find_sockets(self._sockets(), self._found.values())))
        self.title_bar.set_right(count(len(self._found), "connection"))

    @on(RowsTable.Chosen, "#event-connections")
    def _chosen(self, event: RowsTable.Chosen) -> None:
        one = next((found for ends, found in self._found.items() if ends == event.key), None)
        if one is not None:
            row = find_sockets(self._sockets(), [one]).get(one.ends)
            self.app.push_screen(EventConnectionScreen(one, row, self._playbook))

    def action_playbook(self) -> None:
        """Where the group leads."""
        if self._playbook is None:
            self.say("No playbook is about this; 3 lists them all", "warn")
            return
        self.triage_app.open_playbook(self._playbook, {}, found=self._text)

    def copy_text(self) -> tuple[str, str]:
        """The group, and its connections."""
        ends = [f"{local} -> {remote}" for local, remote, _ in self._found]
        return "Connections", "\n".join([self._text, *ends])

    def evidence(self) -> tuple[str, str, str]:
        """The same, to keep."""
        _, text = self.copy_text()
        return "connection", self._text, f"```\n{text}\n```"


class EventConnectionScreen(OneConnectionScreen):
    """One connection: what the kernel said of it, and its socket where it still has one (`row`)."""

    ABOUT = "One connection: all that the kernel said of it, and what it tells of its socket."

    def __init__(self, one: EventConnection, row: SocketRow | None, playbook: str | None) -> None:
        super().__init__()
        self._one, self._row, self._playbook = one, row, playbook
        self._ends = one.ends[:2]
        self._state = row.state.value if row is not None else "gone"
        self._line = f"{one.ends[0]} → {one.ends[1]}"
        self._text = connection_text(one, row)

    def body(self) -> Iterable[Widget]:
        """The page."""
        yield Paper(self._text, title=tr("Connection {ends}", ends=self._line))

    def on_mount(self) -> None:
        """Say what became of it."""
        self.title_bar.set_right(self._state)

    def asked_playbook(self) -> tuple[str, dict[str, str], str] | None:
        """What to do about what the kernel said."""
        if self._playbook is None:
            self.say("No playbook is about this; 3 lists them all", "warn")
            return None
        return self._playbook, {}, self._text.split("\n")[1]

    def action_packets(self) -> None:
        """The same ends in the capture or the incident that is open."""
        local, remote, _ = self._one.ends
        self.triage_app.filter_mode("capture", f"{remote.ip} port:{remote.port} port:{local.port}")

    def copy_text(self) -> tuple[str, str]:
        """All of it."""
        return "Connection", f"{self._line}\n{self._text}"
