"""Looks at the live connections on a worker's thread, and turns each into what the screen shows.

The screen says what it needs (filter, order, pause); the loop answers with facts. Nothing here knows textual.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from tui.rows.arrangement import Arrangement
from tui.rows.live_look import History, Look, round_trips
from tui.rows.socket_findings import severities
from tui.rows.socket_rows import socket_rows

if TYPE_CHECKING:
    from capture.filters import Filter
    from capture.kernel.looks_with_events import EventLooks
    from capture.sockets.findings.thresholds import Thresholds
    from capture.sockets.snapshot import Snapshot
    from tui.work.looks_file import LooksFile


class Looker(Protocol):
    """What yields snapshots: a Watcher, or a recording of one. Its attributes may be set between two looks."""

    thresholds: Thresholds
    all_namespaces: bool

    def look(self) -> Snapshot:
        """One look; raises SourceUnavailable, or StopIteration at a recording's end."""
        ...

    def close(self) -> None:
        """Gives descriptors back."""
        ...


class LookLoop:
    """The loop of looks. Every method but `looks` may be called from the screen's thread."""

    def __init__(self, opened: Callable[[], Looker], interval: float, of_now: bool = False) -> None:
        """`of_now`: the looks are of this machine and of now, so that the kernel's events can be read beside them."""
        self._opened = opened
        self._of_now = of_now
        self.interval = interval
        self._wanted: Filter | None = None
        self._thresholds: Thresholds | None = None
        self._arrangement = Arrangement()
        self.all_namespaces: bool | None = None
        """Whether other network namespaces are looked into; the next look obeys, and tells where this is None."""
        self._paused = False
        self.ended = False  # a recording has no further look
        self._changed = False
        self._stopped = False
        self._wake = threading.Event()
        self.recording: LooksFile | None = None
        """Where each look goes too."""

    @property
    def paused(self) -> bool:
        """Whether it waits instead of looking."""
        return self._paused

    def want(self, wanted: Filter | None) -> None:
        """Show only these."""
        self._wanted = wanted
        self._poke()

    def arrange(self, arrangement: Arrangement) -> None:
        """Show them in this order, in these groups."""
        self._arrangement = arrangement
        self._poke()

    def judge_by(self, thresholds: Thresholds) -> None:
        """Other thresholds, from the next look on."""
        self._thresholds = thresholds

    def pause(self, paused: bool) -> None:
        """Stop or go on looking; what was seen stays, and can still be filtered and sorted."""
        self._paused = paused
        self._wake.set()

    def stop(self) -> None:
        """Let the worker end."""
        self._stopped = True
        self._wake.set()

    def _poke(self) -> None:
        self._changed = True
        self._wake.set()

    def looks(self) -> Iterator[Look]:
        """Looks, `interval` seconds apart, and the last one again whenever filter or order change.

        Raises what the source raises; ends when it is stopped, or at the end of a recording.
        """
        looker = self._opened()
        history = History()
        snapshot: Snapshot | None = None
        events: EventLooks | None = None
        try:
            while not self._stopped:
                started = time.monotonic()
                if self._thresholds is not None:
                    looker.thresholds = self._thresholds
                if self.all_namespaces is None:
                    self.all_namespaces = looker.all_namespaces
                looker.all_namespaces = self.all_namespaces
                try:
                    snapshot = looker.look()
                except StopIteration:
                    self._paused = self.ended = True
                    if snapshot is not None:
                        yield self._look(snapshot, history, started, asked=True)
                    yield from self._again(snapshot, history, None)
                    return
                history.add(snapshot)
                if (file := self.recording) is not None:
                    file.write(snapshot)
                if events is not None:
                    from capture.kernel.refused_callers import callers_named

                    noted = events.after(snapshot)
                    history.kernel.add(noted)
                    snapshot = callers_named(snapshot, noted.events)
                yield self._look(snapshot, history, started)
                if self._of_now and events is None:  # after the first look: it must not wait for this
                    events = _listen()
                yield from self._again(snapshot, history, started + self.interval)
        finally:
            looker.close()
            if events is not None:
                events.close()

    def _again(self, snapshot: Snapshot | None, history: History, until: float | None) -> Iterator[Look]:
        """Wait for the next turn, answering changes of filter and order meanwhile."""
        while not self._stopped:
            left = None if self._paused or until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return
            self._wake.wait(left)
            self._wake.clear()
            if self._changed and snapshot is not None:
                yield self._look(snapshot, history, time.monotonic(), asked=True)

    def _look(self, snapshot: Snapshot, history: History, started: float, *, asked: bool = False) -> Look:
        self._changed = False
        arrangement = self._arrangement
        marks = severities(snapshot.findings, snapshot.rows) if snapshot.findings else {}
        rows = socket_rows(snapshot.rows, self._wanted, arrangement.sort, marks)
        if arrangement.by:
            from tui.rows.socket_groups import grouped_sockets

            rows = grouped_sockets(rows, arrangement, snapshot.rows)
        return Look(snapshot, rows, history, time.monotonic() - started, asked, round_trips(snapshot))


def _listen() -> EventLooks:
    from capture.kernel.looks_with_events import EventLooks

    return EventLooks()
