"""Kernel events beside looks at the sockets: each look with what happened since the one before."""

from __future__ import annotations

from msgspec import Struct

from capture.kernel.event import Ends, KernelEvent, Reading
from capture.kernel.event_errors import EventsUnavailable
from capture.kernel.event_source import KernelEvents
from capture.kernel.holders import attributed
from capture.sockets.snapshot import Snapshot


class LookEvents(Struct, frozen=True):
    """What came with a look: `events` with their owners, folded; `reading` holds the connections that ended.

    `limits` are sentences on what could not be had.
    """

    events: tuple[KernelEvent, ...]
    reading: Reading
    limits: tuple[str, ...]


class EventLooks:
    """Reads events after each look. Where none can be had, every look says why."""

    def __init__(self) -> None:
        self._before: Snapshot | None = None
        self._source: KernelEvents | None = None
        self._limits: tuple[str, ...] = ()
        try:
            self._source = KernelEvents()
        except EventsUnavailable as error:
            self._limits = (str(error),)
        else:
            self._limits = self._source.limits

    def after(self, look: Snapshot) -> LookEvents:
        """Events since the last call; before the first, since this object was made."""
        reading = self._source.read() if self._source is not None else Reading(look.time, (), Ends(), 0)
        events = tuple(attributed(reading.events, look, self._before))
        self._before = look
        return LookEvents(events, reading, self._limits)

    def close(self) -> None:
        """Leaves nothing enabled."""
        if self._source is not None:
            self._source.close()
            self._source = None
