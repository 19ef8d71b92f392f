"""A recording of looks on the live screen: played, stepped through, and searched for findings."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding

from capture.safe_text import printable
from tui.screens.live import LiveScreen
from tui.text.language import tr
from tui.text.quantities import clock

if TYPE_CHECKING:
    from tui.screens.base import Keys
    from tui.work.look_loop import LookLoop
    from tui.work.replay_loop import ReplayLoop


class ReplayScreen(LiveScreen):
    """The live screen with a player's keys. What was recorded is all there is: nothing of now is mixed in."""

    KEYS: ClassVar[Keys] = (
        ("Enter", "open"),
        ("p", "pause"),
        (",/.", "step"),
        ("n", "next finding"),
        ("[/]", "speed"),
        *(key for key in LiveScreen.KEYS if key[0] not in ("Enter", "p")),
    )
    ABOUT = "A recording of the live connections. Ages, findings and the clock are those of the time it was made."
    BINDINGS = [
        Binding("comma", "step(-1)", "Step back", show=False),
        Binding("full_stop", "step(1)", "Step on", show=False),
        Binding("n", "next_finding", "Next finding", show=False),
        Binding("left_square_bracket", "speed(-1)", "Slower", show=False),
        Binding("right_square_bracket", "speed(1)", "Faster", show=False),
    ]

    def __init__(self, path: str, at: int = 0) -> None:
        """`at`: the look to pause at; 0 plays it from its beginning."""
        super().__init__(path)
        self._path, self._at = path, at
        self._player: ReplayLoop | None = None

    def action_record_looks(self) -> None:
        """There is a recording already."""
        self.say("This is a recording already", "warn")

    def make_look_loop(self) -> LookLoop:
        """The recording instead of this machine."""
        from tui.work.look_source import opener
        from tui.work.recorded_looks import looks_in
        from tui.work.replay_loop import ReplayLoop

        self._player = ReplayLoop(opener(self._path, None), lambda: looks_in(self._path))
        self._player.report = self._report
        if self._at:
            self._player.step(self._at)
        return self._player

    def _report(self, sentence: str) -> None:
        """On the worker's thread."""
        with suppress(RuntimeError):  # the app has ended
            self.app.call_from_thread(self.say, printable(sentence, 200))

    def moment(self) -> list[str]:
        """Which look of how many, at which time, how fast."""
        player = self._player
        if player is None or self._look is None:
            return []
        of = f"/{player.total}" if player.total else ""
        state = tr("its end") if player.ended else tr("paused") if player.paused else f"{player.speed:g}×"
        snapshot = self._look.snapshot
        return [f"{player.at}{of} · {state}", tr("recorded"), clock(snapshot.time), printable(snapshot.host, 30)]

    def seen_in(self) -> str:
        """The host that was looked at, and the recording."""
        return f"{super().seen_in()} ({printable(Path(self._path).name, 40)})"

    def place(self) -> dict[str, Any]:
        """The recording."""
        return super().place() | {"kind": "looks", "path": str(Path(self._path).absolute())}

    def action_step(self, by: int) -> None:
        """One look on, or back; it pauses there."""
        if self._player is not None:
            self._player.step(by)

    def action_next_finding(self) -> None:
        """On to the next look with a finding that was not there before."""
        if self._player is not None:
            self._player.to_finding()

    def action_speed(self, by: int) -> None:
        """Faster or slower."""
        if self._player is not None:
            self.say(tr("{times}× as fast as it was recorded", times=f"{self._player.faster(by):g}"))
            self._tell_moment()
