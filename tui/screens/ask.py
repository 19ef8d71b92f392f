"""One question over the screen that asks it, and one line of answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, Static

from tui.screens.dimmed import DimmedScreen
from tui.text.language import tr
from tui.widgets.bars import DialogKeys
from tui.widgets.line_input import LineInput
from tui.widgets.paper import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult
    from textual.widget import Widget


class AskScreen(DimmedScreen["str | None"]):
    """Title in the frame, what the answer means, the line with its unit, the keys. Enter answers, Esc leaves it."""

    DEFAULT_CSS = """
    AskScreen { align: center middle; background: $background 60%; }
    AskScreen > Vertical { width: 80%; min-width: 50; max-width: 90; height: auto; border: round $primary;
                         border-title-color: $primary; border-title-style: bold; border-subtitle-color: $text-muted;
                         background: $surface; padding: 0 1; }
    AskScreen .meaning { color: $text-muted; height: auto; }
    AskScreen Input { border: none; height: 1; padding: 0; background: $panel; margin-top: 1; }
    """
    BINDINGS = [Binding("escape", "dismiss(None)", "Back", show=False)]
    ANSWER_KEYS: ClassVar[tuple[tuple[str, str], ...]] = (("Enter", "answer"), ("Esc", "leave it"))

    def __init__(self, question: str, hint: str = "", value: str = "", *, meaning: str = "", unit: str = "") -> None:
        super().__init__()
        self._question, self._hint, self._value = question, hint, value
        self._meaning, self._unit = meaning, unit

    def compose(self) -> ComposeResult:
        """The frame and what is in it."""
        with Vertical() as frame:
            frame.border_title = tr(self._question).replace("[", "\\[")
            frame.border_subtitle = tr(self._unit).replace("[", "\\[")
            if self._meaning:
                yield Static(shown(tr(self._meaning)), markup=False, classes="meaning")
            yield LineInput(self._value, placeholder=tr(self._hint), compact=True, select_on_focus=False)
            yield from self.below()
            yield DialogKeys(self.ANSWER_KEYS)

    def below(self) -> Iterable[Widget]:
        """The text under the line."""
        return ()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answered."""
        self.dismiss(event.value.strip())
