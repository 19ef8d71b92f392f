"""A few lines of plain text that take as much room as they need, up to a bound, and none when empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.widget import Widget

from tui.text.column_layout import ELLIPSIS, cells, fit, wrap

if TYPE_CHECKING:
    from textual.app import RenderResult


class Lines(Widget):
    """Wrapped to the width. What exceeds `most` lines is cut, and the cut is seen."""

    DEFAULT_CSS = "Lines { height: auto; padding: 0 1; }"

    def __init__(self, *, id: str, most: int = 99, low: int | None = None, parts: str = "", least: int = 0) -> None:
        """`low`: of a low screen so many at most; below `least` lines of the screen none.

        `parts`: what separates those that are left out whole, the last ones first, where not all fit one line.
        """
        super().__init__(id=id)
        self._parts = parts
        self._least = least
        self._text = ""
        self._most = most
        self._low = low if low is not None else most  # on a low screen
        self._room = 0  # lines that nothing else needs
        self.display = False

    @property
    def text(self) -> str:
        """The whole text, cut or not."""
        return self._text

    def set_text(self, text: str) -> None:
        """Another text; nothing is drawn where it is the same."""
        if text == self._text:
            return
        self._text = text
        self.fit_screen()
        self._fit()
        self.refresh()

    def fit_screen(self) -> None:
        """Shown where there is something to say, and rows are left beside it."""
        self.display = bool(self._text) and self.app.size.height >= self._least

    def set_room(self, lines: int) -> None:
        """How many lines nothing else needs now: as many are not cut."""
        if lines != self._room:
            self._room = lines
            self._fit()
            self.refresh()

    def on_resize(self) -> None:
        """Wrapped anew."""
        self._fit()

    def _fit(self) -> None:
        if self.is_attached:
            self.styles.height = max(1, len(self._lines()))

    def _lines(self) -> list[str]:
        width = max(20, self.app.size.width - 2)
        if self._parts:
            return [_without_last(self._text, self._parts, width)]
        lines = [line for text in self._text.split("\n") for line in _broken(text, width)]
        most = max(self._room, self._low if self.app.size.height < 30 else self._most)
        if len(lines) > most:
            last = lines[most - 1]
            lines = [*lines[: most - 1], fit(f"{last} {ELLIPSIS}", min(width, cells(last) + 2))]
        return lines

    def render(self) -> RenderResult:
        """Plain text: no markup."""
        return Text("\n".join(self._lines()), no_wrap=True, end="")


def _without_last(text: str, between: str, width: int) -> str:
    """Half a value says nothing."""
    parts = text.split(between)
    while len(parts) > 1 and cells(between.join(parts)) > width:
        parts.pop()
    return fit(between.join(parts), width).rstrip()


def _broken(text: str, width: int) -> list[str]:
    """A line that fits is left as it is: its spaces may be columns, or a chart's gaps."""
    return [text] if text.strip() and cells(text) <= width else wrap(text, width)
