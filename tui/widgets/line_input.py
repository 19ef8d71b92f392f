"""A line to type in whose cursor does not blink: a screen that nobody touches sends nothing."""

from __future__ import annotations

from typing import Any

from textual.widgets import Input


class LineInput(Input):
    """Textual's, but for the blinking."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.set_reactive(Input.cursor_blink, False)
