"""A live screen that starts this machine's flight recorder by a key, and freezes what it has by the same key."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from textual.binding import Binding

from capture.safe_text import printable
from tui.screens.filtered import FilteredScreen
from tui.text.language import tr

if TYPE_CHECKING:
    from tui.work.watch_child import WatchChild


class FlightRecorderScreen(FilteredScreen):
    """W records into a ring, W again freezes it. Subclasses say whether there is anything to record."""

    BINDINGS = [Binding("W", "watch", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self._recorder: WatchChild | None = None

    def on_unmount(self) -> None:
        """It ends with the screen."""
        if self._recorder is not None:
            self._recorder.stop()

    @property
    def is_of_now(self) -> bool:
        """Whether this machine is looked at, and now."""
        raise NotImplementedError

    def watched_so_far(self) -> list[str]:
        """That it runs, for the title: its message goes, and it goes on."""
        return [tr("flight recorder")] if self._recorder is not None and self._recorder.running else []

    def action_watch(self) -> None:
        """Start the flight recorder; once it runs, freeze what it has."""
        if self._recorder is not None and self._recorder.running:
            self._recorder.freeze()
            self.say("Freezing the last half minute; ten seconds more go into it")
            return
        if not self.is_of_now:
            self.say("The flight recorder records this machine, and now", "warn")
            return
        from tui.work.watch_child import WatchChild, incidents_folder

        out = incidents_folder()
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            self._recorder = WatchChild(out, self._show_recorders_line)
        except OSError as error:
            self.say(tr("The flight recorder: {why}", why=error.strerror), "warn")
            return
        self.say(tr("Recording into {out}: a new warning freezes what lay around it, W does so now", out=out))

    def _show_recorders_line(self, sentence: str) -> None:
        """On the recorder's thread."""
        with suppress(RuntimeError):  # the app has ended
            self.app.call_from_thread(self.say, printable(tr("Flight recorder: {sentence}", sentence=sentence), 400))
