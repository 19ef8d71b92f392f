"""A few lines to choose from, below a line of input that keeps the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.message import Message
from textual.widget import Widget

from tui.text.column_layout import cells, fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import RenderResult

    from tui.text.filter_choices import Choice

LABEL_MOST = 34


class ChoiceList(Widget):
    """Sign, label, detail. No line is chosen until the cursor is moved onto one."""

    class Picked(Message):
        """A line was clicked."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.most = 5
        self._choices: Sequence[Choice] = ()
        self._cursor: int | None = None
        self._top = 0

    def show(self, choices: Sequence[Choice]) -> None:
        """Other lines; none is chosen."""
        if list(choices) == list(self._choices) and self._cursor is None:
            return
        self._choices, self._cursor, self._top = choices, None, 0
        if self.size.height != self.most:  # as high as ever, however few there are: what is below must not jump
            self.styles.height = self.most
        self.refresh()

    @property
    def choice(self) -> Choice | None:
        """The line that the cursor is on."""
        return None if self._cursor is None else self._choices[self._cursor]

    @property
    def first(self) -> Choice | None:
        """The first line."""
        return self._choices[0] if self._choices else None

    def move(self, by: int) -> None:
        """The cursor into the list, along it, and out of it at its top."""
        at = (-1 if self._cursor is None else self._cursor) + by
        self._cursor = None if at < 0 or not self._choices else min(at, len(self._choices) - 1)
        at = self._cursor or 0
        self._top = max(min(self._top, at), at - self.most + 1)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click is a choice."""
        at = self._top + event.y
        if 0 <= at < len(self._choices):
            self.post_message(self.Picked(self._choices[at]))

    def render(self) -> RenderResult:
        """Cut to the width; how many more there are is at the end of the last line."""
        shown = self._choices[self._top : self._top + self.most]
        width = max(20, self.size.width)
        label = min(LABEL_MOST, max((cells(one.label) for one in shown), default=0))
        below = len(self._choices) - self._top - len(shown)
        page = Text(no_wrap=True, end="")
        for at, one in enumerate(shown):
            more = f" +{below:,}" if below and at == len(shown) - 1 else ""
            line = fit(f"{one.sign} {fit(one.label, label)}  {one.detail}", width - cells(more) - 2)
            chosen = self._top + at == self._cursor
            page.append(f"{'>' if chosen else ' '} {line}{more}", "reverse" if chosen else "")
            page.append("" if at == len(shown) - 1 else "\n")
        return page
