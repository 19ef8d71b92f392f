"""A span of time, brushed over bars: with the arrows and a mark, or by dragging the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rich.text import Text
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget

from tui.text.charts import sparkline
from tui.text.column_layout import fit
from tui.text.language import count, tr
from tui.text.quantities import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import RenderResult

KEYS = (
    ("←→", "move"),
    ("Space", "mark"),
    ("PgUp PgDn", "move far"),
    ("Enter", "filter"),
    ("Esc", "leave"),
)
FAR = 10


class Spans(Protocol):
    """What there is along the time; seconds since the epoch."""

    start: float
    end: float

    def bars(self, number: int) -> Sequence[int]:
        """A number for each of so many equal parts of the time."""

    def living(self, low: float, high: float) -> int:
        """How many there are in a span."""

    def text(self, low: float, high: float) -> str:
        """A span as a filter has it."""


class TimeBrush(Widget, can_focus=True):
    """Bars, a rule with what is selected, and the selection in words. Hidden until it is opened."""

    BINDINGS = [
        Binding("left", "move(-1)", show=False),
        Binding("right", "move(1)", show=False),
        Binding("pageup,shift+left", f"move(-{FAR})", show=False),
        Binding("pagedown,shift+right", f"move({FAR})", show=False),
        Binding("home", "move(-9999)", show=False),
        Binding("end", "move(9999)", show=False),
        Binding("space", "mark", show=False),
        Binding("enter", "choose", show=False),
        Binding("escape,backspace", "leave", show=False),
    ]

    class Chosen(Message):
        """A span was chosen, as a filter has it."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """It was left without a choice."""

    def __init__(self, spans: Spans, ascii: bool) -> None:
        super().__init__(id="brush")
        self._spans, self._ascii = spans, ascii
        self._cursor = 0
        self._mark: int | None = None
        self._dragged = False

    @property
    def _wide(self) -> int:
        return max(10, self.size.width - 2)

    def _selected(self) -> tuple[int, int]:
        """The first and the last bar of the selection."""
        mark = self._cursor if self._mark is None else self._mark
        return min(mark, self._cursor), max(mark, self._cursor)

    def _span(self) -> tuple[float, float]:
        first, last = self._selected()
        part = (self._spans.end - self._spans.start) / self._wide
        high = self._spans.start + part * (last + 1)
        return self._spans.start + part * first, high + (0.001 if last == self._wide - 1 else 0)

    def on_resize(self) -> None:
        """Fewer bars may be left."""
        self._cursor = min(self._cursor, self._wide - 1)
        self._mark = None if self._mark is None else min(self._mark, self._wide - 1)

    def action_move(self, by: int) -> None:
        """Along the time."""
        self._cursor = max(0, min(self._wide - 1, self._cursor + by))
        self.refresh()

    def action_mark(self) -> None:
        """Begin the selection here; once more: none."""
        self._mark = self._cursor if self._mark is None else None
        self.refresh()

    def action_choose(self) -> None:
        """Filter by the selection."""
        self.post_message(self.Chosen(self._spans.text(*self._span())))

    def action_leave(self) -> None:
        """Leave the rows as they are."""
        self.post_message(self.Left())

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A drag begins."""
        self._cursor = self._mark = max(0, min(self._wide - 1, int(event.x) - 1))
        self._dragged = True
        self.capture_mouse()
        self.refresh()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """It goes on."""
        if self._dragged:
            self._cursor = max(0, min(self._wide - 1, int(event.x) - 1))
            self.refresh()

    def on_mouse_up(self) -> None:
        """It ends: the span is chosen."""
        if self._dragged:
            self._dragged = False
            self.release_mouse()
            self.action_choose()

    def render(self) -> RenderResult:
        """Three lines."""
        wide, (first, last) = self._wide, self._selected()
        low, high = self._span()
        rule = "".join("▲" if at == self._cursor else "▀" if first <= at <= last else "─" for at in range(wide))
        found = count(self._spans.living(low, high), "connection")
        words = tr(
            "{span}  {length}, {found}", span=self._spans.text(low, high), length=duration(high - low), found=found
        )
        bars = sparkline(list(self._spans.bars(wide)), wide, ascii=self._ascii)
        page = Text(no_wrap=True, end="")
        page.append(f" {bars}\n ")
        page.append(f"{rule}\n", "bold")
        page.append(" " + fit(words, wide))
        return page
