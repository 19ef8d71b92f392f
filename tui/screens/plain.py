"""A text alone: where the terminal cannot be given back for a while (a test, a web terminal)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Static

from tui.terminal.clipboard import safe_to_paste

if TYPE_CHECKING:
    from textual.app import ComposeResult


class PlainScreen(Screen[None]):
    """No border, no bar: select with the terminal's own means."""

    BINDINGS = [Binding("escape,enter,q,v", "app.pop_screen", show=False)]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = safe_to_paste(text)

    def compose(self) -> ComposeResult:
        """The text."""
        yield Static(self._text, markup=False)
