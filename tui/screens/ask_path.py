"""A path: Tab completes it, the arrows go through the files that were open lately."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.widgets import Input, Static

from capture.safe_text import printable
from tui.screens.ask import AskScreen
from tui.text.column_layout import fit_path
from tui.work.path_completion import candidates, completed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console, ConsoleOptions, RenderResult
    from textual.widget import Widget

SHOWN = 6


class AskPathScreen(AskScreen):
    """The answer is the text as typed: a `*` or `~` in it is the asker's to read."""

    BINDINGS = [
        Binding("tab", "complete", "Complete", show=False, priority=True),
        Binding("down", "recent(1)", "Recent", show=False, priority=True),
        Binding("up", "recent(-1)", "Recent", show=False, priority=True),
    ]
    ANSWER_KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Enter", "take it"),
        ("Tab", "complete"),
        ("↑↓", "recent"),
        ("Esc", "leave it"),
    )

    def __init__(self, question: str, meaning: str = "", value: str = "", *, recent: Sequence[str] = ()) -> None:
        super().__init__(question, "", value, meaning=meaning)
        self._recent = list(recent)
        self._at = -1

    def below(self) -> Iterable[Widget]:
        """What may be meant."""
        yield Static("", markup=False, id="candidates")

    def on_mount(self) -> None:
        """The files that were open lately."""
        line = self.query_one(Input)
        line.cursor_position = len(line.value)
        self._list(self._recent)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._list(self._recent if not event.value else [])

    def action_complete(self) -> None:
        """As far as it is certain; where it is not, what there is."""
        line = self.query_one(Input)
        head, blank, word = line.value.rpartition(" ")
        if os.path.exists(os.path.expanduser(line.value)) or candidates(line.value):
            head, blank, word = "", "", line.value  # a blank may be part of a name
        found = candidates(word)
        line.value = head + blank + completed(word, found)
        line.cursor_position = len(line.value)
        self.call_after_refresh(self._list, found if len(found) != 1 else [])

    def action_recent(self, by: int) -> None:
        """Another of the files that were open lately."""
        if self._recent:
            self._at = (self._at + by) % len(self._recent) if self._at >= 0 or by > 0 else len(self._recent) - 1
            line = self.query_one(Input)
            line.value = self._recent[self._at]
            line.cursor_position = len(line.value)
            self.call_after_refresh(self._list, self._recent)

    def _list(self, paths: Sequence[str]) -> None:
        more = [f"… {len(paths) - SHOWN} more"] if len(paths) > SHOWN else []
        marks = ["▸ " if n == self._at and paths is self._recent else "  " for n in range(len(paths))]
        first = max(0, self._at - SHOWN + 1) if paths is self._recent else 0
        shown = list(zip(marks, (printable(path, 400) for path in paths), strict=True))[first : first + SHOWN]
        self.query_one("#candidates", Static).update(_Paths(shown, more))


class _Paths:
    """A line each, however long they are."""

    def __init__(self, shown: Sequence[tuple[str, str]], more: Sequence[str]) -> None:
        self._shown, self._more = shown, more

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = [mark + fit_path(path, options.max_width - len(mark)) for mark, path in self._shown]
        yield Text("\n".join((*lines, *self._more)), no_wrap=True)
