"""A live screen's other views of the same looks: charts, changes, what the kernel reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from tui.screens.filtered import FilteredScreen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.sockets.row import SocketRow
    from tui.rows.live_look import Look


class ScreenOfLooks(FilteredScreen):
    """C, t and K open them. Subclasses take the looks."""

    BINDINGS = [
        Binding("t", "transitions", show=False),
        Binding("K", "kernel_events", show=False),
        Binding("C", "charts", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._look: Look | None = None  # the last one

    def action_charts(self) -> None:
        """The last five minutes in charts."""
        if self._look is None:
            self.say("No look yet", "warn")
            return
        from tui.screens.charts import ChartsScreen

        self.app.push_screen(ChartsScreen(self._look.history))

    def action_transitions(self) -> None:
        """What appeared, closed or changed its state."""
        if self._look is None:
            self.say("No look yet", "warn")
            return
        from tui.screens.transitions import TransitionsScreen

        self.app.push_screen(TransitionsScreen(self._look.history))

    def action_kernel_events(self) -> None:
        """Failed calls, resets and drops, as the kernel tells them."""
        if self._look is None:
            self.say("No look yet", "warn")
            return
        from tui.screens.kernel_events import KernelEventsScreen

        self.app.push_screen(KernelEventsScreen(self._look.history.kernel, self._shown_sockets))

    def _shown_sockets(self) -> Sequence[SocketRow]:
        """All of the last look, whatever the filter."""
        return self._look.snapshot.rows if self._look is not None else ()
