"""A page of lines that scrolls: safe text, wrapped to the width, no markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.text import Text
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.text.column_layout import cells, fit, wrap
from tui.text.language import tr

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult, RichCast
    from textual.app import ComposeResult


class _Wrapped:
    """A text whose lines are broken under where they begin; Chinese between characters, as Rich does not."""

    def __init__(self, text: str, cut_fences: bool) -> None:
        self._lines = text.split("\n")
        self._cut_fences = cut_fences

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, fenced = options.max_width, False
        out: list[str] = []
        for line in self._lines:
            if line.startswith("```"):
                fenced = not fenced
            if fenced and self._cut_fences and cells(line) > width:
                out.append(fit(line, width))
            else:
                out += _broken(line, width)
        yield Text("\n".join(out))


def _broken(line: str, width: int) -> list[str]:
    """Its indent, or the name that it begins with, stays before what is broken off."""
    if cells(line) <= width:
        return [line]
    head = _HEAD.match(line)
    lead = head[0] if head and cells(head[0]) < width // 2 else ""
    parts = wrap(line[len(lead) :], width - cells(lead))
    return [(lead if not at else " " * cells(lead)) + part for at, part in enumerate(parts)]


_HEAD = re.compile(r"\s*(?:\S+\s{2,})?")


def shown(page: str | Text, *, cut_fences: bool = False) -> RichCast | ConsoleRenderable | str:
    """A page as a Static takes it. `cut_fences`: lines between ``` are drawings, which are cut rather than broken."""
    return _Wrapped(page, cut_fences) if isinstance(page, str) else page


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

    def set_page(self, text: str | Text, title: str | None = None, *, cut_fences: bool = False) -> None:
        """Another text, from its top."""
        if text == self._page and title is None:
            return
        self._page = text
        if title is not None:
            self.border_title = tr(title).replace("[", "\\[")
        if self.is_mounted and (static := self.query(Static)):
            static.first().update(shown(text, cut_fences=cut_fences))
            self.scroll_home(animate=False)
