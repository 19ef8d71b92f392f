"""A screen of captures on whose time a span can be brushed: it becomes the filter's `time:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from tui.screens.filtered import FilteredScreen
from tui.text.language import tr
from tui.widgets.bars import KeyBar
from tui.widgets.time_brush import KEYS, TimeBrush

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from capture.triage import Triage


class ScreenWithTimeBrush(FilteredScreen):
    """`I` opens the brush over the table; a click on the timeline does too."""

    BINDINGS = [Binding("I", "brush", show=False)]

    def triages_here(self) -> Sequence[Triage]:
        """The captures that are open and were read."""
        return ()

    async def action_brush(self) -> None:
        """Brush a span of time."""
        from tui.rows.time_spans import TimeSpans

        if self.query(TimeBrush):
            return
        spans = TimeSpans(self.triages_here())
        if not spans:
            self.say("There is no time to choose from", "warn")
            return
        brush = TimeBrush(spans, self.triage_app.terminal.plain_charts)
        await self.mount(brush, before=self.TABLE)
        self.query_one(KeyBar).set_keys(KEYS)
        brush.focus()

    async def on_click(self, event: events.Click) -> None:
        """A click on the timeline."""
        if event.widget is not None and event.widget.id == "timeline":
            await self.action_brush()

    def on_time_brush_chosen(self, event: TimeBrush.Chosen) -> None:
        """The span takes the place of the one in the filter."""
        from tui.rows.time_spans import with_time

        self._close_brush()
        self.apply_filter(with_time(self.filter_text, event.text))
        self.say(tr("Those that were there at {span}: Esc shows all again", span=event.text))

    def on_time_brush_left(self) -> None:
        """The rows stay as they are."""
        self._close_brush()

    def _close_brush(self) -> None:
        self.query(TimeBrush).remove()
        self.show_keys()
        self.query_one(self.TABLE).focus()
