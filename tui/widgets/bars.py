"""The lines around every screen: which mode this is, which keys work here, and what was just said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.widget import Widget

from tui.text.column_layout import cells, fit, wrap
from tui.text.key_meanings import key_named
from tui.text.language import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import RenderResult

MODES = (("live", "1 Live"), ("capture", "2 Capture"), ("playbooks", "3 Playbooks"), ("evidence", "4 Evidence"))
SEPARATOR = " · "
"""Between the parts of the title's right end, the least needed ones last."""
SAID_LINES = 4
GAP = "   "
SAID_SECONDS = 12.0


class TitleBar(Widget):
    """One line: the four modes, and at the right what the screen looks at."""

    def __init__(self, mode: str = "live") -> None:
        super().__init__(id="title")
        self._mode = mode
        self._right = ""

    @property
    def mode(self) -> str:
        """Which mode is lit."""
        return self._mode

    def set_right(self, text: str) -> None:
        """What is at the right end: host and time, or a file's name."""
        if text != self._right:
            self._right = text
            self.refresh()

    def render(self) -> RenderResult:
        """Modes at the left, the right text cut to what is left."""
        line = Text(no_wrap=True, end="")
        for mode, title in MODES:
            line.append(f" {tr(title)} ", "bold reverse" if mode == self._mode else "")
        room = self.size.width - line.cell_len
        parts = self._right.split(SEPARATOR)
        while len(parts) > 1 and cells(SEPARATOR.join(parts)) > room - 2:  # half a time says nothing
            parts.pop()
        right = SEPARATOR.join(parts)
        right = fit(right, min(cells(right), max(0, room - 2)))
        line.append(" " * (room - cells(right) - 1) + right + " ")
        return line

    def on_click(self, event: events.Click) -> None:
        """The modes can be clicked."""
        x = 0
        for mode, title in MODES:
            x += cells(tr(title)) + 2
            if event.x < x:
                self.app.switch_mode(mode)
                return


class KeyBar(Widget):
    """One line: the keys of this screen, the least needed ones left out where the width ends; how to leave stays."""

    def __init__(self, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__(id="keys")
        self._keys = tuple(keys)
        self._places: list[tuple[int, int, str]] = []  # from and to which column each key is

    def set_keys(self, keys: Sequence[tuple[str, str]]) -> None:
        """Other keys, e.g. while something can be cancelled."""
        if tuple(keys) != self._keys:
            self._keys = tuple(keys)
            self.refresh()

    def render(self) -> RenderResult:
        """`key label` pairs; the way back, help and quit, which come last, always stay."""
        line = Text(no_wrap=True, end="")
        # where the configuration gave a key away
        words = getattr(self.app, "key_words", {}) if self.is_attached else {}
        keys = [
            ("/".join(words.get(k, k) for k in key.split("/")) if len(key) > 1 else words.get(key, key), tr(label))
            for key, label in self._keys
        ]
        self._places = []
        back = [pair for pair in keys[:-2] if pair[0] == "Esc"]
        keys = [*(pair for pair in keys[:-2] if pair not in back), *back, *keys[-2:]]
        stay = len(back) + 2
        while stay > 1 and sum(cells(key) + cells(label) + 3 for key, label in keys[-stay:]) > self.size.width:
            del keys[-2]  # on the tiniest of screens: the help
            stay -= 1
        always = sum(cells(key) + cells(label) + 3 for key, label in keys[-stay:])
        left = self.size.width - always
        for position, (key, label) in enumerate(keys):
            wide = cells(key) + cells(label) + 3
            if position < len(keys) - stay:
                if wide > left:
                    continue
                left -= wide
            start = line.cell_len
            line.append(f" {key}", "bold")
            line.append(f" {label} ", "")
            self._places.append((start, line.cell_len, key))
        return line

    def on_click(self, event: events.Click) -> None:
        """A key in the footer can be clicked: it is pressed."""
        key = next((key for start, end, key in self._places if start <= event.x < end), None)
        if key is not None:
            self.app.simulate_key(key_named(key))


class DialogKeys(Widget):
    """The keys of a dialog, in one line: the first and the last stay where not all of them fit."""

    DEFAULT_CSS = "DialogKeys { height: 1; margin-top: 1; color: $text-muted; }"

    def __init__(self, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__(classes="keys")
        self._keys = [f"{key} {tr(label)}" for key, label in keys]

    def render(self) -> RenderResult:
        """As many as fit."""
        keys = list(self._keys)
        while len(keys) > 2 and cells(GAP.join(keys)) > self.size.width:
            del keys[-2]
        return Text(GAP.join(keys), no_wrap=True)


class Said(Widget):
    """What the program answers to a key: shown for some seconds, gone with the next message."""

    def __init__(self) -> None:
        super().__init__(id="said")
        self._text = ""
        self._tone = ""
        self._turn = 0
        self.display = False

    def say(self, text: str, tone: str = "") -> None:
        """Show a message; `tone` is "", good, warn or bad."""
        self._text, self._tone = text, tone
        self._turn += 1
        turn = self._turn
        self.set_classes(tone)
        self.move_away(False)
        self._fit()
        self.display = bool(text)
        self.refresh(layout=True)
        if text:
            self.set_timer(SAID_SECONDS, lambda: self.clear(turn))

    def move_away(self, away: bool) -> None:
        """From the rows above the keys: over the keys themselves, of several lines under the title."""
        is_long = len(self._lines()) > 1
        self.set_class(away and not is_long, "-low")
        self.set_class(away and is_long, "-high")

    def clear(self, turn: int | None = None) -> None:
        """Take the message away (`turn`: only if it is still that one)."""
        if self.display and turn in (None, self._turn):
            self.display = False

    @property
    def text(self) -> str:
        """The message as it is."""
        return self._text if self.display else ""

    def on_resize(self) -> None:
        """Wrapped anew."""
        self._fit()

    def _lines(self) -> list[str]:
        return wrap(self._text, max(20, self.app.size.width - 4))[:SAID_LINES]

    def _fit(self) -> None:
        self.styles.height = max(1, len(self._lines()))

    def render(self) -> RenderResult:
        """The message, wrapped; a mark tells its tone where there is no colour."""
        mark = {"bad": "!!", "warn": "! ", "good": "+ "}.get(self._tone, "  ")
        return Text(
            "\n".join(f"{mark if not i else '  '} {line}" for i, line in enumerate(self._lines())), no_wrap=True
        )
