"""Help for a screen: what it is, its keys, and its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.widgets import Input

from tui.screens.base import LAST_KEYS, TriageScreen
from tui.text.column_layout import cells, wrap
from tui.text.glossary import chapters, meaning
from tui.text.key_meanings import MEANINGS, key_named
from tui.text.language import tr
from tui.widgets.line_input import LineInput
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
    ("H", "names beside addresses: /etc/hosts, the capture's own, services, units; : asks the DNS, if you say so"),
    ("z", "the pane with the cursor on the whole screen, and back"),
    (": or Ctrl-P", "every command by name"),
    ("? or F1", "this help"),
    ("Ctrl-T", "the next theme: dark, light, high contrast, for the colour-blind"),
    ("Ctrl-L", "paint the screen again"),
    ("--ascii", "at the start, where lines do not meet: the terminal draws them two cells wide"),
    ("q", "quit   (Ctrl-C too; Ctrl-Z suspends)"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A word and what is meaning of it. `key` is what Enter presses; empty for a word that is only explained."""

    word: str
    meaning: str
    key: str = ""


class HelpScreen(TriageScreen):
    """A page; Esc, q, ? leave it. `/` searches it: arrows choose among what is found, Enter does what the key does."""

    KEYS = (("/", "search, Enter does it"), ("Esc", "back"))
    ABOUT = "This page. Type to search it: Enter does what the marked line says."
    AUTO_FOCUS = "Paper"
    BINDINGS = [
        Binding("question_mark,q", "back", "Back", show=False),
        Binding("slash", "filter", "Search", show=False),
    ]

    def __init__(
        self,
        name: str,
        about: str,
        keys: tuple[tuple[str, str], ...],
        topics: tuple[str, ...],
        here: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """`here`: the words under the cursor, each with its meaning; they come first."""
        super().__init__()
        self._about, self._keys, self._topics, self._here = about, keys, topics, here
        self._wanted = ""  # what is searched for
        self._at = 0  # which of the lines that can be run is marked

    def body(self) -> Iterable[Widget]:
        """Filled once the width is known."""
        yield Paper(title="Help")
        yield SearchLine(placeholder=tr("a word: Enter does what the marked line says"), compact=True, id="help-search")

    def on_mount(self) -> None:
        """The line for a word is there once it is asked for."""
        self.query_one(SearchLine).display = False

    def on_resize(self) -> None:
        """Wrapped to the width."""
        self._show()

    def _show(self) -> None:
        self.query_one(Paper).set_page(self._page(max(30, self.app.size.width - 4)))

    # -- searching

    def action_filter(self) -> None:
        """Ask for a word."""
        line = self.query_one(SearchLine)
        line.display = True
        line.focus()

    @on(Input.Changed, "#help-search")
    def _typed(self, event: Input.Changed) -> None:
        self._wanted = event.value.strip().lower()
        found = self._runnable()  # the line that begins with the word is meant rather than one that has it somewhere
        self._at = min(
            range(len(found)), key=lambda n: (not found[n].meaning.lower().startswith(self._wanted), n), default=0
        )
        self._show()

    @on(Input.Submitted, "#help-search")
    def _run(self) -> None:
        found = self._runnable()
        if not found:
            self.say("No key does that", "warn")
            return
        self.app.pop_screen()
        self.app.simulate_key(found[self._at].key)

    def choose(self, by: int) -> None:
        """Another of the lines that are found."""
        found = self._runnable()
        self._at = (self._at + by) % len(found) if found else 0
        self._show()

    def action_back(self) -> None:
        """Leave the search, then the help."""
        line = self.query_one(SearchLine)
        if line.display:
            line.value, line.display = "", False
            self.query_one(Paper).focus()
            return
        super().action_back()

    # -- the page

    def _sections(self) -> list[tuple[str, list[Entry]]]:
        here = [Entry(key, meaning("keys", label) or tr(label), _pressed(key)) for key, label in self._keys]
        everywhere = [Entry(tr(key), tr(meaning), _pressed(key)) for key, meaning in EVERYWHERE]
        sections = [(tr("Keys here"), here), (tr("Keys everywhere"), everywhere)]
        if self._here:
            sections.insert(0, (tr("Under the cursor"), [Entry(word, meaning) for word, meaning in self._here]))
        for topic in self._topics:
            title, words = chapters()[topic]
            sections.append((title, [Entry(word, meaning) for word, meaning in words.items()]))
        if not self._wanted:
            return sections
        kept = [
            (title, [one for one in entries if self._wanted in f"{one.word} {one.meaning}".lower()])
            for title, entries in sections
        ]
        return [(title, entries) for title, entries in kept if entries]

    def _runnable(self) -> list[Entry]:
        return [one for _, entries in self._sections() for one in entries if one.key]

    def _page(self, width: int) -> Text:
        page = Text(no_wrap=True)
        for line in wrap(tr(self._about), width) if not self._wanted else ():
            page.append(line + "\n")
        runnable = self._runnable()
        marked = runnable[self._at] if self._wanted and runnable else None
        for title, entries in self._sections():
            self._section(page, title, entries, width, marked)
        if self._wanted and not page.plain:
            page.append(tr("nothing here speaks of it; : finds any command by its name"))
        return page

    @staticmethod
    def _section(page: Text, title: str, entries: list[Entry], width: int, marked: Entry | None) -> None:
        page.append(f"\n{title}\n", "bold underline")
        column = min(18, max(cells(one.word) for one in entries))
        for one in entries:
            tone = " reverse" if one is marked or (marked is not None and one == marked) else ""
            lines = wrap(one.meaning, max(20, width - column - 3)) or [""]
            if cells(one.word) > column:
                page.append(f" {one.word}\n", "bold" + tone)
            else:
                page.append(f" {one.word}{' ' * (column - cells(one.word))}", "bold" + tone)
                page.append(f"  {lines.pop(0)}\n", tone.strip())
            for line in lines:
                page.append(f" {'':{column}}  {line}\n")


class SearchLine(LineInput):
    """The word that is searched for; arrows choose among what is found."""

    BINDINGS = [
        Binding("down", "choose(1)", show=False),
        Binding("up", "choose(-1)", show=False),
        Binding("escape", "leave", show=False),
    ]

    def action_choose(self, by: int) -> None:
        """Another line of the page."""
        if isinstance(self.screen, HelpScreen):
            self.screen.choose(by)

    def action_leave(self) -> None:
        """No search any more."""
        if isinstance(self.screen, HelpScreen):
            self.screen.action_back()


def _pressed(word: str) -> str:
    """The key that a line of the help speaks of; empty where it is several, or none that does something from here."""
    name = key_named(word)
    return name if name in MEANINGS and name not in ("escape", "backspace", "tab", "question_mark") else ""


def help_for(screen: TriageScreen) -> HelpScreen:
    """The help of a screen."""
    keys = (*screen.KEYS, *LAST_KEYS)
    return HelpScreen(type(screen).__name__, screen.ABOUT, keys, screen.TOPICS, screen.words_here())
