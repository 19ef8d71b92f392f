"""A page about one connection: what is the same whether its socket is still there or only the kernel spoke of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from tui.screens.base import TriageScreen

if TYPE_CHECKING:
    from capture.model import Endpoint


class OneConnectionScreen(TriageScreen):
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

    def asked_playbook(self) -> tuple[str, dict[str, str], str] | None:
        """(name, settings, what is wrong) of the playbook that fits it; None where none does, which it says."""
        raise NotImplementedError

    def action_playbook(self) -> None:
        """The playbook that fits it."""
        if (asked := self.asked_playbook()) is not None:
            name, settings, found = asked
            self.triage_app.open_playbook(name, settings, found=found)

    def action_fix(self) -> None:
        """That playbook's fixes."""
        from tui.screens.fixes import FixesScreen

        if (asked := self.asked_playbook()) is not None:
            self.app.push_screen(FixesScreen(*asked))

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
