"""A recording of looks played on a worker's thread: at its own pace or another, a look on or back, to the next finding.

Looks come one after another, each made of the one before: a step back plays the recording again up to there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tui.rows.live_look import History, Look
from tui.text.language import tr
from tui.work.look_loop import Looker, LookLoop

if TYPE_CHECKING:
    from collections.abc import Hashable

    from capture.sockets.snapshot import Snapshot

SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0)
MOST_GAP_S = 10.0  # between two looks at speed 1: a recording may have a hole
TO_FINDING = "finding"


class ReplayLoop(LookLoop):
    """The loop of a recording's looks. `report` gets sentences, on the worker's thread; `at` is the look that is shown,
    from 1, `total` how many there are (None: not counted yet)."""

    def __init__(self, opened: Callable[[], Looker], total: Callable[[], int | None]) -> None:
        super().__init__(opened, 1.0)
        self._count = total
        self._looker: Looker | None = None
        self._history = History()
        self._wish: int | str | None = None  # the look that is wanted, or the next finding
        self._speed = SPEEDS.index(1.0)
        self.at = 0
        self.total: int | None = None
        self.report: Callable[[str], None] = lambda _: None

    # -- asked by the screen

    @property
    def speed(self) -> float:
        """Times as fast as it was recorded."""
        return SPEEDS[self._speed]

    def faster(self, by: int) -> float:
        """The next speed (1) or the one before (-1)."""
        self._speed = max(0, min(len(SPEEDS) - 1, self._speed + by))
        self._wake.set()
        return self.speed

    def step(self, by: int) -> None:
        """So many looks on, or back; it pauses there."""
        now = self._wish if isinstance(self._wish, int) else self.at
        self._paused = True
        self._wish_for(max(1, now + by))

    def to_finding(self) -> None:
        """On to the next look with a finding that was not there before; it pauses there."""
        self._paused = True
        self._wish_for(TO_FINDING)

    def pause(self, paused: bool) -> None:
        """Stop or go on; after its end it begins again."""
        if not paused and self.ended:
            self._paused = False
            self._wish_for(1)
            return
        super().pause(paused)

    def _wish_for(self, wish: int | str) -> None:
        self._wish = wish
        self._wake.set()

    # -- on the worker's thread

    def looks(self) -> Iterator[Look]:
        """Looks at their pace, or as they are asked for. Raises RecordingUnreadable."""
        snapshot = None
        try:
            snapshot = self._advance()
            self.total = self._count()
            while not self._stopped and snapshot is not None:
                yield self._look(snapshot, self._history, time.monotonic(), asked=True)
                yield from self._wait(snapshot)
                wish, self._wish = self._wish, None
                snapshot = self._go_on(snapshot, wish) or snapshot
        finally:
            if self._looker is not None:
                self._looker.close()

    def _wait(self, snapshot: Snapshot) -> Iterator[Look]:
        """Until the next look is due or something is asked for; filter and order are answered meanwhile."""
        shown = time.monotonic()
        gap = min(MOST_GAP_S, snapshot.elapsed_s or self.interval)
        while not self._stopped and self._wish is None:
            left = None if self._paused or self.ended else shown + gap / self.speed - time.monotonic()
            if left is not None and left <= 0:
                return
            self._wake.wait(left)
            self._wake.clear()
            if self._changed:
                yield self._look(snapshot, self._history, time.monotonic(), asked=True)

    def _go_on(self, snapshot: Snapshot, wish: int | str | None) -> Snapshot | None:
        if wish == TO_FINDING:
            return self._next_finding(snapshot)
        if not isinstance(wish, int):
            return self._advance()
        if wish <= self.at:
            self._rewind()
        found = None
        while self.at < wish and not self._stopped and not self.ended:
            found = self._advance() or found
        return found

    def _next_finding(self, snapshot: Snapshot) -> Snapshot | None:
        before, last = _keys(snapshot), None
        while not self._stopped and (now := self._advance()) is not None:
            new = [life.finding for life in now.lives if not life.over and life.key not in before]
            if new:
                self.report(new[0].title)
                return now
            before, last = _keys(now), now
        self.report(tr("No further finding in this recording"))
        return last

    def _rewind(self) -> None:
        if self._looker is not None:
            self._looker.close()
        self._looker, self._history, self.at, self.ended = None, History(), 0, False

    def _advance(self) -> Snapshot | None:
        if self._looker is None:
            self._looker = self._opened()
        if self._thresholds is not None:
            self._looker.thresholds = self._thresholds
        self.all_namespaces = True
        try:
            snapshot = self._looker.look()
        except StopIteration:
            self.ended = True
            self.total = self.at
            return None
        self.at += 1
        self._history.add(snapshot)
        return snapshot


def _keys(snapshot: Snapshot) -> set[Hashable]:
    return {life.key for life in snapshot.lives if not life.over}
