"""A page of lines that scrolls: safe text, wrapped to the width, no markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.text.language import tr

if TYPE_CHECKING:
    from rich.text import Text
    from textual.app import ComposeResult


class Paper(VerticalScroll, can_focus=True):
    """A text that may be longer than the screen."""

    BINDINGS = [
        Binding("up,k", "scroll_up", show=False),
        Binding("down,j", "scroll_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown,space", "page_down", show=False),
        Binding("home,g", "scroll_home", show=False),
        Binding("end,G", "scroll_end", show=False),
    ]

    def __init__(self, text: str | Text = "", *, title: str = "", id: str | None = None) -> None:
        super().__init__(id=id, classes="paper")
        self._page = text
        self.border_title = tr(title).replace("[", "\\[")

    def compose(self) -> ComposeResult:
        """One static text."""
        yield Static(self._page, markup=False)

    def change_page(self, text: str | Text) -> None:
        """A newer text in the place of the one before: it stays where it was scrolled to."""
        if text != self._page:
            self._page = text
            if self.is_mounted and (static := self.query(Static)):
                static.first().update(text)

    def set_page(self, text: str | Text, title: str | None = None) -> None:
        """Another text, from its top."""
        if text == self._page and title is None:
            return
        self._page = text
        if title is not None:
            self.border_title = tr(title).replace("[", "\\[")
        if self.is_mounted and (static := self.query(Static)):
            static.first().update(text)
            self.scroll_home(animate=False)
