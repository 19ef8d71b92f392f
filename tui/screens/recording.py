"""A live screen whose looks can be recorded to a file by a key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from textual.binding import Binding

from capture.safe_text import printable
from tui.screens.filtered import FilteredScreen
from tui.text.language import tr

if TYPE_CHECKING:
    from tui.work.look_loop import LookLoop
    from tui.work.looks_file import LooksFile

ANOTHER, REPLACE = "Choose another name", "Replace that file"


class RecordingScreen(FilteredScreen):
    """R asks for a path and begins, R again ends it. Subclasses say what looks."""

    BINDINGS = [Binding("R", "record_looks", "Record", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self._looks_file: LooksFile | None = None

    @property
    def look_loop(self) -> LookLoop | None:
        """What looks."""
        raise NotImplementedError

    def recorded_so_far(self) -> list[str]:
        """For the title: that it records, and how many looks."""
        file = self._looks_file
        if file is not None and file.trouble:
            self._looks_file = None
            self.say(tr("Recording ended: {why}", why=f"{printable(file.path)}: {file.trouble}"), "bad")
            return []
        return [tr("● recording {looks}", looks=file.looks)] if file is not None else []

    def action_record_looks(self) -> None:
        """Begin, or end."""
        if self._looks_file is not None:
            self.end_recording()
            return
        if self.look_loop is None:
            self.say("No look yet", "warn")
            return
        from tui.work.looks_file import free_name

        self._ask(free_name())

    def end_recording(self) -> None:
        """The file is complete, and said to be."""
        file, self._looks_file = self._looks_file, None
        if file is None:
            return
        file.close()
        if self.look_loop is not None:
            self.look_loop.recording = None
        path = printable(file.path)
        if file.trouble:
            self.say(tr("Recording ended: {why}", why=f"{path}: {file.trouble}"), "bad")
        else:
            self.say(
                tr("{looks} looks are in {path}; `tcptriage FILE` plays them", looks=file.looks, path=path), "good"
            )

    def _ask(self, name: str) -> None:
        from tui.screens.ask_path import AskPathScreen

        self.app.push_screen(
            AskPathScreen("Record the looks", "A file for `tcptriage FILE` to play; R ends the recording.", name),
            self._named,
        )

    def _named(self, path: str | None) -> None:
        if path:
            self._begin_recording(path)

    def _begin_recording(self, path: str, overwrite: bool = False) -> None:
        from tui.work.looks_file import LooksFile

        path = os.path.abspath(os.path.expanduser(path))
        try:
            self._looks_file = LooksFile(path, overwrite)
        except FileExistsError:
            self._there_is_one(path)
            return
        except OSError as error:
            self.say(f"{printable(path)}: {error.strerror or error}", "bad")
            return
        if self.look_loop is not None:
            self.look_loop.recording = self._looks_file
        self.say(tr("Recording into {path}; R ends it", path=printable(path)), "good")

    def _there_is_one(self, path: str) -> None:
        from tui.screens.choose import ChooseScreen

        def chosen(what: str | None) -> None:
            if what == REPLACE:
                self._begin_recording(path, overwrite=True)
            elif what == ANOTHER:
                self._ask(path)

        title = tr("There is a file {name} already", name=printable(os.path.basename(path), 40))
        self.app.push_screen(ChooseScreen(title, (ANOTHER, REPLACE)), chosen)
