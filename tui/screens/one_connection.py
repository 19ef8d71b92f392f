"""A page about one connection: what is the same whether its socket is still there or only the kernel spoke of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from tui.screens.with_playbook import ScreenWithPlaybook

if TYPE_CHECKING:
    from capture.model import Endpoint


class OneConnectionScreen(ScreenWithPlaybook):
    """Subclasses set `_ends` (local, remote), `_line` (its name) and `_text` (all of it); they know the playbook."""

    KEYS = (
        ("f", "fix"),
        ("B", "playbook"),
        ("c", "capture this"),
        ("P", "in the recording"),
        ("y", "copy"),
        ("a", "keep"),
        ("Esc", "back"),
    )
    TOPICS = ("states", "sockets")
    AUTO_FOCUS = "Paper"
    BINDINGS = [
        Binding("f", "fix", show=False),
        Binding("B", "playbook", show=False),
        Binding("c", "capture_this", show=False),
        Binding("P", "packets", show=False),
    ]

    _ends: tuple[Endpoint, Endpoint]
    _line: str
    _text: str

    def action_packets(self) -> None:
        """Its packets in an open recording."""
        raise NotImplementedError

    def action_capture_this(self) -> None:
        """How to record it."""
        from tui.screens.record import RecordScreen

        self.app.push_screen(RecordScreen(*self._ends))

    def evidence(self) -> tuple[str, str, str]:
        """All that is shown of it, to keep."""
        return "connection", self._line, f"```\n{self._text}\n```"
