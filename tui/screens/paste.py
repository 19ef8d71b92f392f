"""A box for lines of a log: paste or type, Enter explains."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.widgets import Static, TextArea

from tui.screens.base import TriageScreen
from tui.text.language import tr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual import events
    from textual.widget import Widget

PASTING_S = 0.03  # nobody types an Enter this soon after a letter: it belongs to a paste that is not bracketed


class PasteBox(TextArea):
    """A text area whose Enter ends it, unless it comes in the stream of a raw paste."""

    BINDINGS = [Binding("enter", "explain", show=False, priority=True)]

    def __init__(self) -> None:
        super().__init__(show_line_numbers=False, soft_wrap=True, id="box")
        self.set_reactive(TextArea.cursor_blink, False)
        self._last = 0.0

    async def _on_key(self, event: events.Key) -> None:
        self._last = time.monotonic()
        await super()._on_key(event)

    def action_explain(self) -> None:
        """Enter."""
        if time.monotonic() - self._last < PASTING_S:
            self._last = time.monotonic()
            self.insert("\n")
            return
        self.screen.explain()  # type: ignore[attr-defined]


class PasteScreen(TriageScreen):
    """The box."""

    KEYS = (("Ctrl-O", "a whole log file"),)
    END_KEYS = (("Enter", "explain"), ("Esc", "back"))
    ABOUT = "Paste lines of a log: of a server, a proxy, a client or the kernel. Each line is judged alone."
    AUTO_FOCUS = "PasteBox"
    BINDINGS = [
        Binding("escape", "back", show=False, priority=True),
        Binding("ctrl+o", "file", show=False, priority=True),
    ]

    def body(self) -> Iterable[Widget]:
        """What to do, and the box."""
        yield Static(
            tr("Paste error lines here, then Enter. Nothing leaves this machine."), classes="lines", markup=False
        )
        yield PasteBox()

    def explain(self) -> None:
        """Read the lines."""
        text = self.query_one(PasteBox).text
        if not text.strip():
            self.say("Paste or type a line first", "warn")
            return
        self.app.pop_screen()
        self.triage_app.explain_text(text)

    def action_file(self) -> None:
        """Explain a whole log."""
        from tui.screens.ask_path import AskPathScreen

        self.app.push_screen(AskPathScreen("Log to explain", "A whole log; gzip and zstd too."), self._file_named)

    def _file_named(self, path: str | None) -> None:
        if path:
            from tui.screens.explained import ExplainedScreen

            self.app.pop_screen()
            self.app.push_screen(ExplainedScreen("", path))
