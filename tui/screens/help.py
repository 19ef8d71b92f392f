"""Help for a screen: what it is, its keys, and its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.binding import Binding

from tui.screens.base import LAST_KEYS, TriageScreen
from tui.text.column_layout import cells, wrap
from tui.text.glossary import chapters, meaning
from tui.text.language import tr
from tui.widgets.paper import Paper

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

EVERYWHERE = (
    ("1 2 3 4", "Live, Capture, Playbooks, Evidence"),
    ("arrows, PgUp, End", "move (also PgDn, Home, j k g G)"),
    ("Tab, Shift-Tab", "the next pane, the one before"),
    ("Esc, Backspace", "back, or take the filter off"),
    ("l, or just paste", "explain lines of a log"),
    ("/", "filter; Tab completes; -term negates; a,b is or"),
    ("y", "copy: tmux, the terminal, the desktop, always a file too"),
    ("v", "show the same text plain, to select it with the terminal's own means"),
    ("a", "keep as evidence, to be exported by 4"),
    ("=", "rows like the one under the cursor"),
    ("z", "the pane with the cursor on the whole screen, and back"),
    (": or Ctrl-P", "every command by name"),
    ("? or F1", "this help"),
    ("Ctrl-L", "paint the screen again"),
    ("--ascii", "at the start, where lines do not meet: the terminal draws them two cells wide"),
    ("q", "quit   (Ctrl-C too; Ctrl-Z suspends)"),
)


class HelpScreen(TriageScreen):
    """A page; any of Esc, q, ? leaves it."""

    KEYS = (("Esc", "back"),)
    ABOUT = "This page."
    AUTO_FOCUS = "Paper"
    BINDINGS = [Binding("question_mark,q", "back", show=False, priority=True)]

    def __init__(self, name: str, about: str, keys: tuple[tuple[str, str], ...], topics: tuple[str, ...]) -> None:
        super().__init__()
        self._about, self._keys, self._topics = about, keys, topics

    def body(self) -> Iterable[Widget]:
        """Filled once the width is known."""
        yield Paper(title="Help")

    def on_resize(self) -> None:
        """Wrapped to the width."""
        self.query_one(Paper).set_page(self._page(max(30, self.app.size.width - 4)))

    def _page(self, width: int) -> Text:
        page = Text(no_wrap=True)
        for line in wrap(tr(self._about), width):
            page.append(line + "\n")
        keys = tuple((key, meaning("keys", label) or tr(label)) for key, label in self._keys)
        self._section(page, tr("Keys here"), keys, width)
        everywhere = tuple((tr(key), tr(said)) for key, said in EVERYWHERE)
        self._section(page, tr("Keys everywhere"), everywhere, width)
        for topic in self._topics:
            title, words = chapters()[topic]
            self._section(page, title, tuple(words.items()), width)
        return page

    @staticmethod
    def _section(page: Text, title: str, pairs: tuple[tuple[str, str], ...], width: int) -> None:
        page.append(f"\n{title}\n", "bold underline")
        column = min(18, max(cells(word) for word, _ in pairs))
        for word, said in pairs:
            lines = wrap(said, max(20, width - column - 3)) or [""]
            if cells(word) > column:
                page.append(f" {word}\n", "bold")
            else:
                page.append(f" {word}{' ' * (column - cells(word))}", "bold")
                page.append(f"  {lines.pop(0)}\n")
            for line in lines:
                page.append(f" {'':{column}}  {line}\n")


def help_for(screen: TriageScreen) -> HelpScreen:
    """The help of a screen."""
    return HelpScreen(type(screen).__name__, screen.ABOUT, (*screen.KEYS, *LAST_KEYS), screen.TOPICS)
