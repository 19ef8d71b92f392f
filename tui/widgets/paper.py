"""A page of lines that scrolls: safe text, wrapped to the width, no markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.text import Text
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.text.column_layout import cells, wrap
from tui.text.language import tr

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult, RichCast
    from textual.app import ComposeResult


class _Chinese:
    """A text whose Chinese lines are broken between characters, where Rich breaks at spaces alone."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = (part for line in self._lines for part in _broken(line, options.max_width))
        yield Text("\n".join(lines))


def _broken(line: str, width: int) -> list[str]:
    """Its indent, or the name that it begins with, stays before what is broken off."""
    if line.isascii() or cells(line) <= width:
        return [line]
    head = _HEAD.match(line)
    lead = head[0] if head and cells(head[0]) < width // 2 else ""
    parts = wrap(line[len(lead) :], width - cells(lead))
    return [(lead if not at else " " * cells(lead)) + part for at, part in enumerate(parts)]


_HEAD = re.compile(r"\s*(?:\S+\s{2,})?")


def shown(page: str | Text) -> RichCast | ConsoleRenderable | str:
    """A page as a Static takes it: Chinese broken as it is written."""
    return _Chinese(page) if isinstance(page, str) and any(cells(one) == 2 for one in page) else page


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
        yield Static(shown(self._page), markup=False)

    def change_page(self, text: str | Text) -> None:
        """A newer text in the place of the one before: it stays where it was scrolled to."""
        if text != self._page:
            self._page = text
            if self.is_mounted and (static := self.query(Static)):
                static.first().update(shown(text))

    def set_page(self, text: str | Text, title: str | None = None) -> None:
        """Another text, from its top."""
        if text == self._page and title is None:
            return
        self._page = text
        if title is not None:
            self.border_title = tr(title).replace("[", "\\[")
        if self.is_mounted and (static := self.query(Static)):
            static.first().update(shown(text))
            self.scroll_home(animate=False)
