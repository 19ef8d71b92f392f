"""All that is kept of the last seconds: packets, kernel events, looks, log lines."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from capture.kernel.event import Ends, KernelEvent, Reading
from capture.kernel.event_errors import EventsUnavailable
from capture.kernel.events_report import ends_of
from capture.kernel.holders import attributed
from capture.recorder.freezing import LogLine
from capture.recorder.log_follower import LogFollower
from capture.recorder.look_ring import LookRing
from capture.recorder.options import Options
from capture.recorder.origin import Origin
from capture.recorder.packed_events import PackedEvents
from capture.recorder.recent import Recent
from capture.recorder.recorder_errors import RecorderUnavailable
from capture.recorder.spool import Spool
from capture.sockets.snapshot import Snapshot
from capture.sockets.sources.socket_errors import SourceUnavailable

MARGIN_S: Final = 25.0
"""Beyond the window: a block of packets holds some time, and a trigger is seen some time after it."""
MOST_EVENTS: Final = 100_000
MOST_LINES: Final = 20_000
LOOK_SHARE, GREATEST_LOOK_SHARE = 400, 100
LONGEST_PAUSE_S: Final = 10.0
"""A look that took t seconds of a core is followed by the next after 400 t, a quarter of a per cent, but not later than
that; where it would take more than 1 per cent then, it is said how much later. The first one, which learns all owners,
is not counted. Every incident has one: a trigger asks for it."""
TIME: Final = struct.Struct("=QI")
"""Before what ended: when it was read, and how many."""
T = TypeVar("T")


class Rings:
    """Opens what this user may of a machine; `notes` say what is missing."""

    def __init__(self, options: Options, folder: str, origin: Origin) -> None:
        self.notes: list[str] = []
        keep = options.before_s + options.after_s + MARGIN_S
        self._interval = options.interval_s
        self.packets = self._try(lambda: origin.packets(options.ports), RecorderUnavailable)
        self.kernel = self._try(origin.events, EventsUnavailable)
        self.notes += self.kernel.limits if self.kernel is not None else ()
        self._watcher = self._try(origin.looks, SourceUnavailable)
        self._logs = [LogFollower(path) for path in options.logs]
        self.notes += [log.trouble for log in self._logs if log.trouble]
        self.spool = Spool(folder, "packets", int(keep * 1e9), options.keep_bytes // 2) if self.packets else None
        self.ends = Spool(folder, "ends", int(keep * 1e9), options.keep_bytes // 8)
        self.looks = LookRing(folder, keep)
        self.events: Recent[KernelEvent] = Recent(keep, MOST_EVENTS)
        self.lines: Recent[LogLine] = Recent(keep, MOST_LINES)
        self.events_lost = 0
        self.look: Snapshot | None = None
        self._look_due = 0.0
        self._looked = False
        self.pause_s = 0.0
        """Until the look after the last one."""

    def descriptors(self) -> list[int]:
        """What to wait for."""
        descriptor = self.packets.fileno() if self.packets is not None else -1
        return [descriptor] if descriptor >= 0 else []

    def store_packets(self) -> None:
        """Takes the blocks that are ready."""
        if self.packets is None or self.spool is None:
            return
        for block in self.packets.take():
            self.spool.append(block.first, block.last, block.bytes)

    def read_events(self) -> list[KernelEvent]:
        """The kernel's events since the last call, with their owners."""
        if self.kernel is None:
            return []
        reading = self.kernel.read()
        self.events_lost += reading.lost
        if reading.ends:
            now = int(reading.time * 1e9)
            self.ends.append(now, now, TIME.pack(now, len(reading.ends)) + reading.ends.packed)
        found = list(reading.events) if self.look is None else list(attributed(reading.events, self.look))
        self.events.add(PackedEvents(found))
        return found

    def look_now(self) -> None:
        """A look is due, however long ago the last one was."""
        self._look_due = 0.0

    def read_look(self) -> Snapshot | None:
        """A look, where one is due."""
        now, before = time.monotonic(), time.process_time()
        if self._watcher is None or now < self._look_due:
            return None
        try:
            self.look = self._watcher.look()
        except SourceUnavailable as error:
            self.notes.append(str(error))
            self._watcher = None
            return None
        self.looks.add(self.look)
        took = time.process_time() - before
        first, self._looked = not self._looked, True
        self.pause_s = max(self._interval, 0.0 if first else pause_after(took))
        self._look_due = now + self.pause_s
        return self.look

    def read_logs(self) -> list[LogLine]:
        """New lines of all logs."""
        now = time.time()
        found = [LogLine(now, log.path, text) for log in self._logs for text in log.lines()]
        self.lines.add(found)
        return found

    def events_between(self, begin: float, end: float) -> tuple[KernelEvent, ...]:
        """Kept events of that time and the connections that ended in it, in order of time."""
        ended = [
            event for data in self.ends.between(int(begin * 1e9), int(end * 1e9)) for event in ends_of(_reading(data))
        ]
        kept = [event for event in (*self.events, *ended) if begin <= event.time <= end]
        return tuple(sorted(kept, key=lambda event: event.time))

    def troubles(self) -> list[str]:
        """What is missing now: at the start, and logs that cannot be read."""
        return [*self.notes, *(trouble for _, trouble in self.log_troubles() if trouble not in self.notes)]

    def log_troubles(self) -> Iterator[tuple[str, str]]:
        """(what is always the same of it, sentence) of logs: what cannot be read now, and what was passed over."""
        for log in self._logs:
            if log.trouble:
                yield log.trouble, log.trouble
            if log.skipped:
                rest = "bytes were passed over: it grew faster than it was read"
                yield log.path, f"{log.path}: {log.skipped} {rest}"

    def hold(self, held: bool) -> None:
        """While a folder is written nothing of the rings goes."""
        for spool in (self.spool, self.ends):
            if spool is not None:
                spool.held = held
        self.looks.held = held

    def close(self) -> None:
        """Gives everything back and removes what is on disk."""
        for part in (self.packets, self.kernel, self._watcher, self.spool, self.ends, self.looks, *self._logs):
            if part is not None:
                part.close()

    def _try(self, make: Callable[[], T], unavailable: type[Exception]) -> T | None:
        try:
            return make()
        except unavailable as error:
            self.notes.append(str(error))
            return None


def pause_after(took: float) -> float:
    """Seconds until the look after one that took so many of a core."""
    return min(LOOK_SHARE * took, max(LONGEST_PAUSE_S, GREATEST_LOOK_SHARE * took))


def _reading(data: bytes) -> Reading:
    now, count = TIME.unpack_from(data)
    return Reading(now / 1e9, (), Ends(count, data[TIME.size :]), 0)
