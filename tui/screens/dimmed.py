"""A dialog over the screen that asked: all of that in one pale colour, which takes few bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

Answer = TypeVar("Answer")
PALE = 0.4
"""Of the foreground over the background."""


class DimmedScreen(ModalScreen[Answer]):
    """What is below stays readable, and is seen to be out of reach."""

    def render(self) -> RenderableType:
        """The screen below."""
        found = super().render()
        if not isinstance(found, BackgroundScreen):
            return found
        colours = self.app.theme_variables
        back = Color.parse(colours["background"])
        return _Faded(found.screen, back.blend(Color.parse(colours["foreground"]), PALE), back)


class _Faded(BackgroundScreen):
    def __init__(self, screen: object, fore: Color, back: Color) -> None:
        super().__init__(screen, back)  # type: ignore[arg-type]
        self._style = Style(color=fore.rich_color, bgcolor=back.rich_color)

    def process_segments(self, segments: Iterable[Segment], color: Color) -> Iterable[Segment]:  # type: ignore[override]
        """Text alone, in one style."""
        for segment in segments:
            yield segment if segment.control else Segment(segment.text, self._style)
