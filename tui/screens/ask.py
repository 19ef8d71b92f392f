"""One question, one line of answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.text.language import tr

if TYPE_CHECKING:
    from textual.app import ComposeResult


class AskScreen(ModalScreen["str | None"]):
    """Enter answers, Esc leaves it."""

    DEFAULT_CSS = """
    AskScreen { align: center middle; background: $background 60%; }
    AskScreen Vertical { width: 80%; max-width: 90; height: auto; border: round $primary; background: $surface;
                         padding: 0 1; }
    AskScreen Input { border: none; height: 1; padding: 0; background: $surface; }
    """
    BINDINGS = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, question: str, hint: str = "", value: str = "") -> None:
        super().__init__()
        self._question = question
        self._hint = hint
        self._value = value

    def compose(self) -> ComposeResult:
        """The question over the line."""
        with Vertical():
            yield Static(tr(self._question), markup=False)
            yield Input(self._value, placeholder=tr(self._hint), compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answered."""
        self.dismiss(event.value.strip())
