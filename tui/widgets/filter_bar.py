"""The filter's line: contract's language, with what there is to filter by below it, and errors at the word they mean.

↑ goes back through the filters that were used, ↓ forward and then into the list; what is typed is applied as it is
typed, after a pause; Enter keeps it, Esc leaves the filter as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rich.text import Text
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from tui.text.filter_choices import Choice, choices
from tui.text.language import tr
from tui.widgets.choice_list import ChoiceList
from tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual.app import ComposeResult
    from textual.timer import Timer

    from capture.filters import Filter, FilterError
    from capture.filters.terms import Kind
    from tui.text.filter_choices import Values


EXAMPLES = {
    "socket": "state:close-wait port:8080 peer:10.0.0.0/8 -process:nginx age:>30s",
    "event": "process:nginx peer:10.0.0.0/8 time:10:40:08..10:40:12 last:30s",
    "line": "symptom:connection_reset peer:10.0.0.5 time:10:40..10:45 -source:nginx timeout",
    "connection": "cause:aborted reset-by:responder time:10:40:08..10:40:12 -peer:10.0.0.0/8",
}
KEYS = (
    ("Enter", "apply"),
    ("Tab", "complete"),
    ("↑", "used before"),
    ("↓", "list"),
    ("Ctrl-X", "forget"),
    ("Ctrl-S", "name it"),
    ("Esc", "leave"),
)
PAUSE_S = 0.25
"""After the last key, before what is typed is applied."""
ROWS_BY_HEIGHT = ((40, 12), (28, 8), (0, 5))


class KeptFilters(Protocol):
    """The filters that were used and named."""

    @property
    def saved(self) -> Mapping[str, str]:
        """Name → filter."""

    def history(self, kind: str) -> Sequence[str]:
        """Those used on rows of a kind, the last one last."""


class FilterApplied(Message):
    """A filter was entered. `parsed` is None where the text is empty."""

    def __init__(self, text: str, parsed: Filter | None) -> None:
        super().__init__()
        self.text = text
        self.parsed = parsed


class FilterTyped(FilterApplied):
    """A filter is in the line, and may still be changed."""


class FilterLeft(Message):
    """The line was left; `text` is the filter as it was before."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.text = text


class FilterNamed(Message):
    """A filter is to be kept under a name that is still to be asked for; or the filter of a name is to be forgotten."""

    def __init__(self, text: str, forget: str = "") -> None:
        super().__init__()
        self.text = text
        self.forget = forget


class TermSuggester(Suggester):
    """Completes the word being typed as Tab will: by the list's first entry that goes on from it."""

    def __init__(self, offered: Callable[[str], Sequence[Choice]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._offered = offered

    async def get_suggestion(self, value: str) -> str | None:
        """The whole line with its last word completed; None where nothing fits."""
        if not value or value.endswith(" "):
            return None
        for choice in self._offered(value):
            whole = value[: choice.start] + choice.insert
            if whole.startswith(value) and whole != value:
                return whole
        return None


class FilterBar(Vertical):
    """Hidden until `/`. An empty filter shows everything."""

    BINDINGS = [
        Binding("escape", "leave", show=False),
        Binding("tab", "complete", show=False, priority=True),
        Binding("up", "up", show=False, priority=True),
        Binding("down", "down", show=False, priority=True),
        Binding("ctrl+s", "name", show=False, priority=True),
        Binding("ctrl+x", "forget", show=False, priority=True),
    ]

    def __init__(self, kind: Kind, kept: KeptFilters) -> None:
        super().__init__(id="filter")
        self._kind: Kind = kind
        self._kept = kept
        self._values: Values = {}
        self._before = ""  # the filter when the line was opened
        self._typed = ""  # the last text that was applied
        self._back: int | None = None  # how far back in the filters that were used
        self._draft = ""  # what was in the line before one went back
        self._timer: Timer | None = None
        self.display = False

    def compose(self) -> ComposeResult:
        """The line, what may be put in it, and a line for what is wrong with it."""
        yield LineInput(
            placeholder=tr(EXAMPLES[self._kind]),
            suggester=TermSuggester(lambda text: choices(text, self._kind, self._values, (), {})),
            id="filter-line",
            compact=True,
            select_on_focus=False,
        )
        yield ChoiceList(id="filter-choices")
        yield Static("", id="filter-error", markup=False)

    @property
    def _line(self) -> Input:
        return self.query_one(Input)

    @property
    def _list(self) -> ChoiceList:
        return self.query_one(ChoiceList)

    def open(self, text: str) -> None:
        """Show the line, with the filter that is on."""
        self._before = self._typed = text
        self._back = None
        self._list.most = next(rows for height, rows in ROWS_BY_HEIGHT if self.app.size.height >= height)
        self._put(text)
        self.display = True
        self._explain("")
        self._offer()
        self._line.focus()

    def set_values(self, values: Values) -> None:
        """What there is in the present rows, by term."""
        self._values = values
        if self.display:
            self._offer()

    def refresh_kept(self) -> None:
        """The named filters have changed."""
        if self.display:
            self._offer()
            self._line.focus()

    def _put(self, text: str) -> None:
        self._line.value = text
        self._line.cursor_position = len(text)

    def _offer(self) -> None:
        text = self._line.value
        self._list.show(choices(text, self._kind, self._values, self._kept.history(self._kind), self._kept.saved))

    # -- keys

    def action_leave(self) -> None:
        """Leave the filter as it was."""
        self._close()
        self.post_message(FilterLeft(self._before))

    def _close(self) -> None:
        self.display = False
        if self._timer is not None:
            self._timer.stop()

    def action_complete(self) -> None:
        """Take what is chosen in the list, else its first entry."""
        choice = self._list.choice or self._list.first
        if choice is not None:
            self._take(choice)

    def _take(self, choice: Choice) -> None:
        text = self._line.value
        self._put(text[: choice.start] + choice.insert + text[choice.end :])

    def action_down(self) -> None:
        """Forward to what was typed, then into the list."""
        if self._back is None:
            self._list.move(1)
        elif self._back > 1:
            self._recall(self._back - 1)
        else:
            self._back = None
            self._put(self._draft)

    def action_up(self) -> None:
        """Out of the list, then back through the filters that were used."""
        if self._list.choice is not None:
            self._list.move(-1)
            return
        if self._back is None:
            self._draft = self._line.value
        used = [one for one in self._kept.history(self._kind) if one != self._draft]
        if (self._back or 0) < len(used):
            self._recall((self._back or 0) + 1)

    def _recall(self, back: int) -> None:
        used = [one for one in self._kept.history(self._kind) if one != self._draft]
        self._put(used[-back])
        self._back = back

    def action_name(self) -> None:
        """Keep the filter under a name."""
        text = self._line.value.strip()
        if text and self._parsed(text) is not None:
            self.post_message(FilterNamed(text))

    def action_forget(self) -> None:
        """Forget the name that is chosen in the list."""
        if (choice := self._list.choice) is not None and choice.name:
            self.post_message(FilterNamed("", choice.name))

    def on_choice_list_picked(self, event: ChoiceList.Picked) -> None:
        """A click takes it."""
        self._take(event.choice)
        self._line.focus()

    # -- what is typed

    def on_input_changed(self, event: Input.Changed) -> None:
        """Offer what may follow; tell what is wrong once a word is finished; apply it after a pause."""
        event.stop()
        self._explain(event.value if event.value.endswith(" ") or not event.value else "")
        if not self.display:
            return
        if self._back is not None and event.value not in self._kept.history(self._kind):
            self._back = None  # it was changed: it is a new one
        self._offer()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PAUSE_S, self._apply_typed)

    def _apply_typed(self) -> None:
        text = self._line.value.strip()
        if not self.display or text == self._typed:
            return
        from capture.filters import FilterError, complete, parse

        if not self._line.value.endswith(" ") and any(one.help for one in complete(text, kind=self._kind)):
            return  # the beginning of a term's name: as a word it would empty the table
        try:
            parsed = parse(text) if text else None
        except FilterError:
            return  # an unfinished word: the rows stay as they are
        self._typed = text
        misplaced = parsed.misplaced(self._kind) if parsed is not None else ()
        if misplaced:
            self._point(text, misplaced[0])
        self.post_message(FilterTyped(text, parsed))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what is chosen in the list; else apply, or point at the wrong word."""
        event.stop()
        if (choice := self._list.choice) is not None:
            self._take(choice)
            if not choice.name and choice.sign == " ":
                return
        text = self._line.value.strip()
        parsed = self._parsed(text)
        if text and parsed is None:
            return
        self._close()
        self.post_message(FilterApplied(text, parsed))

    def _parsed(self, text: str) -> Filter | None:
        """The filter of a text; None of an empty one, and of a wrong one, at whose wrong word it points."""
        from capture.filters import FilterError, parse

        try:
            return parse(text) if text else None
        except FilterError as error:
            self._point(text, error)
            return None

    def _explain(self, text: str) -> None:
        if not text.strip() or self._parsed(text) is not None:
            self.query_one("#filter-error", Static).update("")

    def _point(self, text: str, error: FilterError) -> None:
        lead = len(text) - len(text.lstrip()) if not text.startswith(error.text) else 0
        start = min(lead + error.start, max(0, self.size.width - 30))
        wide = max(1, min(error.end, len(text)) - error.start)
        room = self.size.width - start - 3 - len(error.message)
        wide = max(1, min(wide, room))  # a shorter mark rather than a message without its end
        complaint = Text(" " * (start + 2) + "^" * wide + " " + error.message)
        self.query_one("#filter-error", Static).update(complaint)
