"""What the program is to its terminal: few bytes, and all clean after it, however it ends."""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.filter import ANSIToTruecolor

from tui.terminal.detection import Terminal
from tui.terminal.line_budget import LineBudget
from tui.terminal.line_filters import AsciiOnly, NoColours
from tui.terminal.screen_diff import Shown, Thrifty
from tui.text.language import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from textual import events
    from textual.driver import Driver
    from textual.filter import LineFilter
    from textual.screen import Screen

LAST_WORDS_S = 2.0  # after a deadly signal: the terminal may be gone, and writing to it may never end


class CleanApp(App[int]):
    """An app of one terminal. Only what is news reaches it; signals and defects leave it as it was."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self.terminal = terminal
        self.failure: str | None = None  # for standard error, after the screen is gone
        self._shown = Shown(terminal.erases)
        self._line_budget = LineBudget()
        self._line_filters: list[LineFilter] = []
        if not terminal.colours or self.no_color:
            self.no_color = True
            self._line_filters.append(NoColours())
        if terminal.ascii:
            self._line_filters.append(AsciiOnly())

    # -- what reaches the terminal

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What each line of the screen goes through on its way to the terminal."""
        own = [each for each in super().get_line_filters() if isinstance(each, ANSIToTruecolor)]
        return [*own, *self._line_filters]

    def get_driver_class(self) -> type[Driver]:
        """Textual's own, which leaves the terminal clean too where there is no alternate screen."""
        own = super().get_driver_class()
        if own.__name__ != "LinuxDriver":
            return own
        from tui.terminal.driver import CleanDriver

        return CleanDriver

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Only what is news: Textual's own way there, with less to write."""
        update: Any = renderable
        if isinstance(renderable, LayoutUpdate | ChopsUpdate):
            update = Thrifty(renderable, self._shown)
        super()._display(screen, update)

    @property
    def line_budget(self) -> LineBudget:
        """How soon a screen may paint by itself again."""
        return self._line_budget

    @property
    def bytes_painted(self) -> int:
        """Of all pictures so far."""
        return self._shown.written

    def on_resize(self) -> None:
        """Terminals rearrange what they show."""
        self._shown.forget()

    def on_app_focus(self) -> None:
        """Somebody else may have written here meanwhile."""
        self._shown.forget()

    def action_redraw(self) -> None:
        """Paint everything again: for a line with noise on it."""
        self._shown.forget()
        self.screen.refresh()

    def on_cursor_position(self, event: events.CursorPosition) -> None:
        """The terminal's answer to what the driver asked: a character is two columns wide, or was repeated twice."""
        self._shown.repeats = event.x == 3
        if event.x in (2, 6) and not self.terminal.ascii:
            self.terminal = replace(self.terminal, ascii=True, plain_charts=True)
            self._line_filters.append(AsciiOnly())
            self.action_redraw()
            self.tell(tr("This terminal draws lines two columns wide: they are ASCII now, as with --ascii"))

    def tell(self, text: str) -> None:
        """Show a sentence on the screen in front, once there is one."""
        raise NotImplementedError

    # -- the end

    def watch_terminal(self) -> None:
        """From now on signals end the program cleanly, and so does a lost line."""
        self._take_signals()
        self.app_resume_signal.subscribe(self, lambda _: self.action_redraw())  # after Ctrl-Z and fg: all is gone
        self.set_interval(2.0, self._look_for_terminal)

    def _take_signals(self) -> None:
        import asyncio

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, self._end_by, number)

    def _end_by(self, number: int) -> None:
        """Leave cleanly; if the terminal is gone and does not let us, leave anyway."""
        import threading

        status = 128 + number
        last = threading.Timer(LAST_WORDS_S, os._exit, (status,))
        last.daemon = True
        last.start()
        self.exit(status)

    def _look_for_terminal(self) -> None:
        """A lost line does not always bring SIGHUP (setsid, nohup): a hung-up terminal ends the program too."""
        with suppress(OSError, ValueError, AttributeError):
            poll = select.poll()
            poll.register(sys.__stdin__.fileno(), 0)  # type: ignore[union-attr]
            if any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0)):
                self._end_by(signal.SIGHUP)

    def _fatal_error(self) -> None:
        """A defect of ours: the terminal is restored, the traceback goes to a file, the user gets a line.

        Tests (headless) get the traceback.
        """
        if self.is_headless:
            super()._fatal_error()
            return
        import traceback

        from tui.terminal.clipboard import to_file

        path = to_file(traceback.format_exc(), name="crash.txt")
        self.failure = f"a defect of this program ended it; please report it with {path or 'the steps that led here'}"
        self._close_messages_no_wait()
