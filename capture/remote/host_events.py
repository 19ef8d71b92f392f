"""Kernel events of another host: the pages of its trace ring and the ends of its connections, read at home.

The other side may be hostile: a record that cannot be read is left out and counted as lost.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Final

from capture.kernel.equal_events import fold
from capture.kernel.event import Ends, EventOwner, Reading
from capture.kernel.formats import Format, parse_format
from capture.kernel.holders import attributed
from capture.kernel.joining import Joiner
from capture.kernel.looks_with_events import LookEvents
from capture.kernel.records import WANTED, TraceRecord, Wanted
from capture.kernel.ring_pages import missed, records
from capture.kernel.threads import Threads
from capture.remote.frames import LARGEST_FORMAT, EventsHead, Frame
from capture.sockets.snapshot import Snapshot

LENGTH: Final = 4
LONGEST_NAME: Final = 64


class HostEvents:
    """Turns the frames of one host into what came with a look. Remembers sockets between frames."""

    def __init__(self) -> None:
        self._joiner = Joiner()
        self._texts: dict[str, str] = {}
        self._formats: dict[int, tuple[Wanted, Format]] = {}
        self._before: Snapshot | None = None

    def read(self, frames: Iterable[Frame], look: Snapshot) -> LookEvents:
        """What the frames since the last call say, with owners as a look knows them."""
        events, ends, lost = [], [], 0
        limits: dict[str, None] = {}
        for frame in frames:
            head = frame.head.events
            if head is None:
                continue
            limits |= dict.fromkeys(head.missing)
            said, dropped = self._records(frame, head)
            events += list(self._joiner.events(said, _threads(frame, head)))
            ends += list(pieces(frame.ends))
            lost += dropped + max(0, head.lost)
        folded, left_out = fold(events)
        reading = Reading(look.time, folded, Ends.of(ends), lost + left_out)
        found_events = LookEvents(tuple(attributed(folded, look, self._before)), reading, tuple(limits))
        self._before = look
        return found_events

    def _records(self, frame: Frame, head: EventsHead) -> tuple[list[tuple[float, TraceRecord]], int]:
        """Records in order of time (epoch seconds there), and how many were lost."""
        self._learn(head)
        wall, monotonic = frame.head.clocks
        found, lost = [], 0
        for page in pieces(frame.pages):
            lost += missed(page)
            for at, record in records(page):
                known = self._formats.get(int.from_bytes(record[:2], sys.byteorder))
                if known is None:
                    continue
                wanted, form = known
                try:
                    found.append((at / 1e9 + wall - monotonic, wanted.decode(form, record)))
                except (ValueError, KeyError, OverflowError):
                    lost += 1
        found.sort(key=lambda entry: entry[0])
        return found, lost

    def _learn(self, head: EventsHead) -> None:
        if head.formats == self._texts:
            return
        self._texts, self._formats = head.formats, {}
        for path, text in head.formats.items():
            wanted = WANTED.get(path.rpartition("/")[2])
            if wanted is None or len(text) > LARGEST_FORMAT:
                continue
            try:
                form = parse_format(text)
            except ValueError:
                continue
            if form.has("common_flags", "common_pid", *wanted.needs):
                self._formats[form.id] = (wanted, form)


def pieces(data: bytes) -> Iterator[bytes]:
    """Each comes after four bytes of its length."""
    at = 0
    while at + LENGTH <= len(data):
        end = at + LENGTH + int.from_bytes(data[at : at + LENGTH], sys.byteorder)
        if end > len(data):
            return
        yield data[at + LENGTH : end]
        at = end


def _threads(frame: Frame, head: EventsHead) -> Threads:
    """The processes of threads: as that kernel remembers them, named as its /proc did where they hold sockets."""
    processes = {one: int(other) for one, other in _pairs(head.names.get("saved_tgids")) if other.isdigit()}
    held = frame.head.holders

    def living(thread: int) -> EventOwner | None:
        process = processes.get(thread, thread)
        known = held.get(str(process))
        return EventOwner(process, known[0][:LONGEST_NAME]) if known is not None else None

    return Threads(lambda table: head.names.get(table) or "", living)


def _pairs(text: str | None) -> Iterator[tuple[int, str]]:
    for line in (text or "").splitlines():
        number, _, rest = line.strip().partition(" ")
        if number.isdigit() and len(number) < 10:
            yield int(number), rest[:LONGEST_NAME]
