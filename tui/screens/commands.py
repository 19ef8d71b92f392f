"""Every command by name: a word finds it, Enter runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.binding import Binding
from textual.widgets import Input, Static

from capture.safe_text import printable
from tui.rows.list_rows import ListRows
from tui.screens.ask import AskScreen
from tui.text.column_layout import Column
from tui.widgets.drawn_table import STYLES
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual import events
    from textual.geometry import Size
    from textual.widget import Widget

ROWS_ELSEWHERE = 11
"""Lines of the screen that are not the list's: frame, question, keys, and some of what is below."""
MOST = 15
"""Rows of the list: on a tall screen, too, what is below is still seen."""


class Command(NamedTuple):
    """`english`: its name in English, by which it is found as well."""

    title: str
    help: str
    call: Callable[[], object]
    english: str


class CommandsScreen(AskScreen):
    """The line keeps the keys, the arrows move in the list."""

    DEFAULT_CSS = """
    CommandsScreen > Vertical { width: 90%; max-width: 110; }
    CommandsScreen #command-help { height: 2; margin-top: 1; }
    CommandsScreen .keys { margin-top: 0; }
    """
    COMPONENT_CLASSES = STYLES
    BINDINGS = [
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False, priority=True),
    ]
    ANSWER_KEYS: ClassVar[tuple[tuple[str, str], ...]] = (("Enter", "do it"), ("↑↓", "choose"), ("Esc", "leave it"))

    def __init__(self, commands: Sequence[Command]) -> None:
        super().__init__("Commands", "a word of a command …")
        self._commands = commands

    def below(self) -> Iterable[Widget]:
        """The commands that have all the words."""
        table = RowsTable((), head=False, empty="no command has these words", id="commands")
        table.always_lit = True
        self._fit(table, self.app.size)  # before the first picture: another height would be a second one
        yield table
        yield Static("", markup=False, id="command-help")

    @on(RowsTable.Moved)
    def _tell(self, event: RowsTable.Moved) -> None:
        """The whole sentence: a narrow list cuts it."""
        text = self._commands[event.key].help if isinstance(event.key, int) else ""
        self.query_one("#command-help", Static).update(printable(text))

    def on_mount(self) -> None:
        """All of them."""
        self._list("")

    def on_resize(self, event: events.Resize) -> None:
        """As many as the screen holds."""
        self._fit(self._table, event.size)

    @staticmethod
    def _fit(table: RowsTable, size: Size) -> None:
        table.set_columns(_columns(min(90, size.width) * 2 // 5))
        table.styles.height = max(3, min(MOST, size.height - ROWS_ELSEWHERE))

    @property
    def _table(self) -> RowsTable:
        return self.query_one("#commands", RowsTable)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._list(event.value)

    def _list(self, text: str) -> None:
        found = matching(self._commands, text)
        rows = [(at, ((one.title, ""), (one.help, "dim"))) for at, one in found]
        self._table.show(ListRows([(at, tuple((printable(word), tone) for word, tone in row)) for at, row in rows]))
        self._table.to_top()

    def action_move(self, by: int) -> None:
        """Another of the list."""
        self._table.action_move(by)

    def action_page(self, by: int) -> None:
        """A page of the list."""
        self._table.action_page(by)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Run the marked one, on the screen that asked; the text is no answer."""
        event.prevent_default()
        self._table.action_choose()

    @on(RowsTable.Chosen)
    def _chosen(self, event: RowsTable.Chosen) -> None:
        if isinstance(event.key, int):
            run = self._commands[event.key].call
            self.dismiss(None)
            self.app.call_later(run)


def _columns(width: int) -> tuple[Column, Column]:
    return Column("command", "", width, most=width), Column("help", "", 20, most=120)


def matching(commands: Sequence[Command], text: str) -> list[tuple[int, Command]]:
    """(place, command) of those that have all the words; first those whose name begins with the text, or has it."""
    words = text.lower().split()
    found = []
    for at, one in enumerate(commands):
        described = f"{one.title} {one.english} {one.help}".lower()
        if all(word in described for word in words):
            found.append((at, one))

    def rank(entry: tuple[int, Command]) -> int:
        title = f"{entry[1].title}\n{entry[1].english}".lower()
        return 0 if f"\n{title}".find(f"\n{text.lower()}") >= 0 else 1 if all(word in title for word in words) else 2

    return sorted(found, key=rank) if words else found
