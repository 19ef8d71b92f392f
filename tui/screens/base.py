"""What every screen shares: the bars, the keys that work everywhere, and a way to say something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.binding import Binding
from textual.screen import Screen

from tui.text.language import tr
from tui.widgets.bars import KeyBar, Said, TitleBar
from tui.widgets.drawn_table import STYLES
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from textual.app import ComposeResult
    from textual.timer import Timer
    from textual.widget import Widget

    from tui.screens.asked_app import AskedApp

Keys = tuple[tuple[str, str], ...]
PAINTED_S = 0.25
"""A picture and the titles that follow it are on the line after so long."""
LAST_KEYS: Keys = (("?", "help"), ("q", "quit"))


class TriageScreen(Screen[Any]):
    """Title, body, message, keys. Subclasses yield their body and say their KEYS and TOPICS."""

    AUTO_FOCUS = "RowsTable"
    COMPONENT_CLASSES = STYLES
    ALLOW_IN_MAXIMIZED_VIEW = "TitleBar,Said,KeyBar,FilterBar"
    MODE: ClassVar[str] = ""  # which is lit in the title; empty: the one that it came from
    KEYS: ClassVar[Keys] = ()
    END_KEYS: ClassVar[Keys] = LAST_KEYS  # shown however narrow the screen
    TOPICS: ClassVar[tuple[str, ...]] = ()  # chapters of the help that explain this screen's words
    ABOUT: ClassVar[str] = ""  # what this screen is, for the help

    BINDINGS = [
        Binding("1", "app.go('live')", "Live", show=False),
        Binding("2", "app.go('capture')", "Capture", show=False),
        Binding("3", "app.go('playbooks')", "Playbooks", show=False),
        Binding("4", "app.go('evidence')", "Evidence", show=False),
        Binding("escape,backspace", "back", "Back", show=False),
        Binding("q", "app.leave", "Quit", show=False),
        Binding("question_mark,f1", "help", "Help", show=False),
        Binding("colon", "app.command_palette", "Palette", show=False),
        Binding("l", "app.paste_line", "Explain a log line", show=False),
        Binding("y", "copy", "Copy", show=False),
        Binding("v", "plain", "Show plain", show=False),
        Binding("a", "keep", "Keep as evidence", show=False),
        Binding("z", "zoom", "Zoom", show=False),
        Binding("H", "app.names", "Names", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._unpainted: Callable[[], None] | None = None
        self._until_paid: Timer | None = None

    def compose(self) -> ComposeResult:
        """The bars around the body."""
        yield TitleBar(self.MODE or self.app.current_mode)
        yield from self.body()
        yield Said()
        yield KeyBar((*self.KEYS, *self.END_KEYS))

    def body(self) -> Iterable[Widget]:
        """What the screen is about."""
        return ()

    @property
    def triage_app(self) -> AskedApp:
        """The app, as screens see it."""
        return cast("AskedApp", self.app)

    @property
    def title_bar(self) -> TitleBar:
        """The first line."""
        return self.query_one(TitleBar)

    def say(self, text: str, tone: str = "") -> None:
        """Answer the user, in the lines above the keys."""
        if self.is_mounted:
            self.query_one(Said).say(tr(text), tone)
            self.call_after_refresh(self._place_message)

    def _place_message(self) -> None:
        """A message lies over the last rows: where the cursor is there, over the keys, or above if it is longer."""
        for said in self.query(Said):
            said.move_away(self._covers_cursor(said))

    def _covers_cursor(self, said: Said) -> bool:
        table, region = self.focused, said.region
        return said.display and isinstance(table, RowsTable) and region.y <= table.line_of_cursor < region.bottom

    @on(RowsTable.Moved)
    def _cursor_moved(self) -> None:
        """A message that was read does not lie over the row that is looked at."""
        for said in self.query(Said):
            if self._covers_cursor(said):
                said.clear()

    # -- what comes by itself

    def paint_within_budget(self, paint: Callable[[], None]) -> None:
        """Show what no key asked for: now, or when what was shown before is paid for. Of several the last counts."""
        self._unpainted = paint
        if self._until_paid is not None:
            return
        if wait := self.triage_app.line_budget.wait_s():
            self._until_paid = self.set_timer(wait, self._paint)
        else:
            self._paint()

    def drop_unpainted(self) -> None:
        """What waits is old: a key's answer is shown."""
        self._unpainted = None

    def _paint(self) -> None:
        self._until_paid = None
        paint, self._unpainted = self._unpainted, None
        if paint is not None:
            before, answers = self.triage_app.bytes_painted, self.triage_app.line_budget.answers
            paint()
            self.set_timer(PAINTED_S, lambda: self._pay_for(before, answers))

    def _pay_for(self, before: int, answers: int) -> None:
        """Where a key was pressed meanwhile nobody knows what was painted for it: nothing is paid then."""
        if answers == self.triage_app.line_budget.answers:
            self.triage_app.line_budget.spend(self.triage_app.bytes_painted - before)

    @property
    def says(self) -> str:
        """What it says now."""
        return self.query_one(Said).text if self.is_mounted else ""

    def copy_text(self) -> tuple[str, str]:
        """(what it is, the text) that `y` sends; an empty text where there is nothing to copy."""
        return "", ""

    def evidence(self) -> tuple[str, str, str]:
        """(kind, title, Markdown) that `a` keeps; an empty body where there is nothing to keep."""
        return "", "", ""

    @property
    def is_reading(self) -> bool:
        """Whether what the screen shows is still being read."""
        return False

    def place(self) -> dict[str, Any]:
        """What shows this screen again in a later run: kept with the case. Empty: it is not shown again."""
        return {}

    def return_to(self, place: Mapping[str, Any]) -> None:
        """Show what an earlier run kept in `place`."""

    def seen_in(self) -> str:
        """What the evidence of this screen was seen in: a capture's name, a host; empty where that is not known."""
        return ""

    def words_here(self) -> tuple[tuple[str, str], ...]:
        """The words under the cursor, each with its meaning: what the help explains first."""
        return ()

    def names_changed(self) -> None:
        """Names stand beside addresses, or no longer, or others are known."""
        for table in self.query(RowsTable):
            table.names_changed()

    def action_back(self) -> None:
        """The screen this one came from; of a zoomed pane, the others."""
        if self.maximized is not None:
            self.minimize()
        elif len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def action_zoom(self) -> None:
        """The pane with the cursor on the whole screen, and back."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is None or not self.maximize(self.focused, container=False):
            self.say("No pane here to zoom", "warn")

    def action_help(self) -> None:
        """This screen's keys and words."""
        self.triage_app.open_help()

    def action_copy(self) -> None:
        """Send what the screen is about to whatever clipboard is within reach."""
        what, text = self.copy_text()
        if text:
            self.triage_app.send(what, text)
        else:
            self.say("Nothing here to copy", "warn")

    def action_plain(self) -> None:
        """The same text without a screen around it, for the terminal's own selection."""
        _, text = self.copy_text()
        if text:
            self.triage_app.show_plain(text)
        else:
            self.say("Nothing here to show plain", "warn")

    def action_keep(self) -> None:
        """Add to what Evidence will export."""
        kind, title, body = self.evidence()
        if not body:
            self.say("Nothing here to keep as evidence", "warn")
            return
        self.triage_app.keep(kind, title, body)
