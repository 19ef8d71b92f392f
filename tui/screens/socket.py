"""One live socket: everything the kernel tells of it, and where to go from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.cells import left
from tui.rows.socket_rows import playbook_of
from tui.screens.one_connection import OneConnectionScreen
from tui.text.glossary import meaning
from tui.text.language import tr
from tui.text.socket_lines import socket_facts, socket_line
from tui.widgets.paper import Paper

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from capture.sockets.row import SocketRow


class SocketScreen(OneConnectionScreen):
    """The facts of one socket as they were when it was opened."""

    ABOUT = "Everything the kernel tells of one socket."

    def __init__(self, row: SocketRow) -> None:
        super().__init__()
        self._row = row
        self._ends = row.local, row.remote
        self._state = row.state
        facts = [f"{left(name, 14)} {value}" for name, value in socket_facts(row)]
        self._line = socket_line(row)
        self._text = "\n".join([*facts, "", f"{row.state.value}: {meaning('states', row.state.value)}"])

    def body(self) -> Iterable[Widget]:
        """The page."""
        yield Paper(self._text, title=tr("Socket {local} → {remote}", local=self._row.local, remote=self._row.remote))

    def on_mount(self) -> None:
        """Say what it is."""
        self.title_bar.set_right(self._state.value)

    def asked_playbook(self) -> tuple[str, dict[str, str], str] | None:
        """What to do about its state."""
        asked = playbook_of(self._row)
        if asked is None:
            self.say(tr("No playbook is about {state} as such; 3 lists them all", state=self._state.value), "warn")
            return None
        return (*asked, self._line)

    def action_packets(self) -> None:
        """The same endpoints in the capture that is open."""
        self.triage_app.filter_mode("capture", f"{self._row.remote.ip} port:{self._row.remote.port}")

    def copy_text(self) -> tuple[str, str]:
        """All facts."""
        return "Socket", self._text
