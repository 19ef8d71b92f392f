"""A screen of a capture file that may still be being written: it follows the file once it grows, and says so."""

from __future__ import annotations

from textual import on, work
from textual.binding import Binding

from tui.screens.base import LAST_KEYS
from tui.screens.filtered import FilteredScreen
from tui.text.language import tr
from tui.widgets.bars import KeyBar
from tui.work.followed_capture import LOOK_S, FileBefore, FollowJob
from tui.work.messages import FollowingEnded


class FollowingScreen(FilteredScreen):
    """`p` stops the following, and goes on. Subclasses take CaptureGrew, and say what is open."""

    BINDINGS = [Binding("p", "follow", "Follow the file, or no longer", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self._before: FileBefore | None = None  # the one file that is open, as it was before it was read
        self._job_of_file: FollowJob | None = None
        self._stopped_at: str | None = None  # the file that a key stopped the following of

    @property
    def called(self) -> str:
        """What is open, in few words."""
        raise NotImplementedError

    def can_follow(self) -> int | None:
        """Packets of the one capture that is open and was read; None where there is none, or several."""
        raise NotImplementedError

    def show_title(self) -> None:
        """Whether it is followed has changed."""
        raise NotImplementedError

    @property
    def following(self) -> bool:
        """Is the file followed now?"""
        return self._job_of_file is not None

    def watch_file(self) -> None:
        """Look at the file from now on."""
        self.set_interval(LOOK_S, self._look_at_file)

    def file_is_read(self, path: str | None) -> None:
        """A file is about to be read; None: several, which are not followed."""
        self._before = FileBefore(path) if path is not None else None

    def forget_file(self) -> None:
        """Another takes its place, or the screen has gone."""
        self._before = self._stopped_at = None
        self._stop()

    def _stop(self) -> None:
        if self._job_of_file is not None:
            self._job_of_file.stop()
            self._job_of_file = None

    def _look_at_file(self) -> None:
        """Has it changed since it was read?"""
        if self.following or self._before is None or self.can_follow() is None:
            return
        if lost := self._before.lost:
            self._before = None
            self.say(f"{self.called} {lost}", "warn")
        elif self._before.grew:
            self.say(tr("{file} grows, and is followed: p stops that", file=self.called))
            self._follow(self._before.path)

    def _follow(self, path: str) -> None:
        self._stopped_at = None
        self._job_of_file = FollowJob(path, self.can_follow() or 0, self.post_message)
        self._run_following(self._job_of_file)
        self._show_change()

    def _show_change(self) -> None:
        self.show_keys()
        self.show_title()

    @work(thread=True, group="follow", exit_on_error=False)
    def _run_following(self, job: FollowJob) -> None:
        job.run()

    def action_follow(self) -> None:
        """Stop following the file, or go on."""
        if self._stopped_at is not None:
            self.say(tr("{file} is followed again", file=self.called))
            self._before = FileBefore(self._stopped_at)
            self._follow(self._stopped_at)
        elif self.following and self._before is not None:
            self._stopped_at, self._before = self._before.path, None
            self._stop()
            self.say(tr("{file} is no longer followed: p goes on", file=self.called))
            self._show_change()
        else:
            can = self._before is not None and self.can_follow() is not None
            self.say("It is followed as soon as it grows" if can else "Only a single file is followed", "warn")

    def show_keys(self) -> None:
        """The keys, with that of following where it does something."""
        word = "stop following" if self.following else "follow" if self._stopped_at is not None else ""
        keys = tuple(key for key in self.KEYS if key[0] != "p")
        self.query_one(KeyBar).set_keys((*((("p", word),) if word else ()), *keys, *LAST_KEYS))

    @on(FollowingEnded)
    def _following_ended(self, event: FollowingEnded) -> None:
        self._stop()
        self._before = None
        self._show_change()
        self.say(event.text, "warn")
