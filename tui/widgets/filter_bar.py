"""The filter's line: contract's language, with completion, and an error shown at the word it speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from capture.filters import Filter, FilterError
    from capture.filters.terms import Kind


EXAMPLES = {
    "socket": "state:close-wait port:8080 peer:10.0.0.0/8 -process:nginx age:>30s",
    "event": "process:nginx peer:10.0.0.0/8 time:10:40:08..10:40:12 last:30s",
    "connection": "cause:aborted reset-by:responder port:8080 -peer:10.0.0.0/8",
}


class FilterApplied(Message):
    """A filter was entered. `parsed` is None where the text is empty."""

    def __init__(self, text: str, parsed: Filter | None) -> None:
        super().__init__()
        self.text = text
        self.parsed = parsed


class FilterLeft(Message):
    """The filter's line was left as it was."""


class TermSuggester(Suggester):
    """Completes the word being typed from the filter language's own words."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._kind: Kind = kind

    async def get_suggestion(self, value: str) -> str | None:
        """The whole line with its last word completed; None where nothing fits."""
        from capture.filters import complete

        if not value or value.endswith(" "):
            return None
        for candidate in complete(value, len(value), kind=self._kind):
            whole = value[: candidate.start] + candidate.insert
            if whole.startswith(value) and whole != value:
                return whole
        return None


class FilterBar(Vertical):
    """Hidden until `/`. Enter applies, Esc leaves; an empty filter shows everything."""

    BINDINGS = [
        Binding("escape", "leave", show=False),
        Binding("tab", "complete", show=False, priority=True),
    ]

    def __init__(self, kind: Kind) -> None:
        super().__init__(id="filter")
        self._kind: Kind = kind
        self.display = False

    def compose(self) -> ComposeResult:
        """The line, and a line for what is wrong with it."""
        yield Input(
            placeholder=EXAMPLES[self._kind],
            suggester=TermSuggester(self._kind),
            id="filter-line",
            compact=True,
            select_on_focus=False,
        )
        yield Static("", id="filter-error", markup=False)

    def open(self, text: str) -> None:
        """Show the line, with the filter that is on."""
        line = self.query_one(Input)
        line.value = text
        line.cursor_position = len(text)
        self.display = True
        self._explain("")
        line.focus()

    def action_leave(self) -> None:
        """Leave the filter as it was."""
        self.display = False
        self.post_message(FilterLeft())

    def action_complete(self) -> None:
        """Take the suggestion."""
        self.query_one(Input).action_cursor_right()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell what is wrong while typing, once a word is finished."""
        event.stop()
        self._explain(event.value if event.value.endswith(" ") or not event.value else "")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Apply, or point at the wrong word."""
        event.stop()
        from capture.filters import FilterError, parse

        text = event.value.strip()
        try:
            parsed = parse(text) if text else None
        except FilterError as error:
            self._point(event.value, error)
            return
        self.display = False
        self.post_message(FilterApplied(text, parsed))

    def _explain(self, text: str) -> None:
        if not text.strip():
            self.query_one("#filter-error", Static).update("")
            return
        from capture.filters import FilterError, parse

        try:
            parse(text)
        except FilterError as error:
            self._point(text, error)
            return
        self.query_one("#filter-error", Static).update("")

    def _point(self, text: str, error: FilterError) -> None:
        lead = len(text) - len(text.lstrip()) if not text.startswith(error.text) else 0
        start = min(lead + error.start, max(0, self.size.width - 30))
        wide = max(1, min(error.end, len(text)) - error.start)
        room = self.size.width - start - 3 - len(error.message)
        wide = max(1, min(wide, room))  # a shorter mark rather than a message without its end
        said = Text(" " * (start + 2) + "^" * wide + " " + error.message)
        self.query_one("#filter-error", Static).update(said)
