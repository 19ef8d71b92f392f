"""Another host in the place of this machine for the flight recorder: its packets, kernel events and sockets.

The other side may be hostile: names are made safe, blocks are bounded, and packets are parsed where the recorder parses
its own (writer.py).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from capture.kernel.event import Ends, Reading
from capture.kernel.event_errors import EventsUnavailable
from capture.recorder.origin import Machine
from capture.recorder.packet_ring import BLOCK_BYTES, BLOCK_HEADER, BLOCK_TIMES, BLOCK_TIMES_AT, Block
from capture.recorder.recorder_errors import RecorderUnavailable
from capture.remote.frames import Frame
from capture.remote.host import Host
from capture.remote.host_events import HostEvents, pieces
from capture.remote.host_looks import FIRST_S, SILENT, HostLooks
from capture.safe_text import printable
from capture.sockets.snapshot import Snapshot
from capture.sockets.sources.socket_errors import SourceUnavailable

LONGEST_NAME: Final = 64
MOST_NAMES: Final = 1000
MOST_BLOCKS: Final = 1024
"""That wait to be stored: half a gigabyte."""
LATEST: Final = 1 << 62


class RecordedHost:
    """See Origin. `host` runs a collector that takes packets and events; its first frame is waited for. Raises
    SourceUnavailable where none comes."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._looks = HostLooks(host)
        self._decoder = HostEvents()
        self._frames: deque[Frame] = deque()
        self._blocks: deque[bytes] = deque(maxlen=MOST_BLOCKS)
        self.seen = self.dropped = 0
        self._snapshot: Snapshot | None = None
        host.wait(1, time.monotonic() + FIRST_S)
        if host.frame is None:
            raise SourceUnavailable(host.trouble or SILENT)
        self._first: Frame = host.frame
        self.clock_ahead = host.frame.head.time - time.time()
        self.limits: tuple[str, ...] = ()

    @property
    def gone(self) -> str:
        """See Origin."""
        return f"{self._host.name}: {printable(self._host.trouble)}" if self._host.trouble else ""

    def machine(self) -> Machine:
        """See Origin."""
        head = self._first.head
        names, kernel = {}, ""
        if head.packets is not None:
            kernel = printable(head.packets.kernel)[:LONGEST_NAME]
            for number, name in list(head.packets.interfaces.items())[:MOST_NAMES]:
                if number.isdigit() and len(number) < 10:
                    names[int(number)] = printable(name)[:LONGEST_NAME]
        return Machine(printable(head.host)[:LONGEST_NAME], kernel, names)

    def packets(self, ports: Sequence[int]) -> RecordedHost:
        """See Origin; the collector knows of which ports."""
        head = self._first.head.packets
        missing = ["no packets: there is no python3"] if head is None else head.missing
        if missing:
            raise RecorderUnavailable(f"{self._host.name}: {printable(missing[0])}")
        return self

    def events(self) -> RecordedHost:
        """See Origin."""
        head = self._first.head.events
        missing = ["no kernel events: there is no python3"] if head is None else head.missing
        if head is None or not head.formats:
            raise EventsUnavailable(f"{self._host.name}: {printable(missing[0] if missing else SILENT)}")
        self.limits = tuple(f"{self._host.name}: {printable(one)}" for one in missing)
        return self

    def looks(self) -> RecordedHost:
        """See Origin."""
        return self

    def look(self) -> Snapshot:
        """See LookSource: the newest."""
        snapshot = self._looks.look()
        if snapshot is None:
            raise SourceUnavailable(self._host.trouble or SILENT)
        self._snapshot = snapshot
        return snapshot

    def read(self) -> Reading:
        """See EventSource; events have their owners."""
        self._receive()
        frames, self._frames = self._frames, deque()
        if self._snapshot is None:
            return Reading(time.time(), (), Ends(), 0)
        found = self._decoder.read(frames, self._snapshot)
        return Reading(found.reading.time, found.events, found.reading.ends, found.reading.lost)

    def fileno(self) -> int:
        """See PacketSource: frames are read on a thread."""
        return -1

    def take(self) -> Iterator[Block]:
        """See PacketSource."""
        self._receive()
        while self._blocks:
            block = self._blocks.popleft()
            if BLOCK_TIMES_AT + BLOCK_TIMES.size <= len(block) <= BLOCK_BYTES:
                packets = BLOCK_HEADER.unpack_from(block)[3]
                first_s, first_ns, last_s, last_ns = BLOCK_TIMES.unpack_from(block, BLOCK_TIMES_AT)
                first, last = first_s * 10**9 + first_ns, last_s * 10**9 + last_ns
                if first <= last < LATEST:
                    yield Block(first, last, packets, memoryview(block))

    def count(self) -> None:
        """See PacketSource: frames tell it."""

    def close(self) -> None:
        """Ends the collector."""
        self._host.close()

    def _receive(self) -> None:
        for frame in self._host.take_events():
            self._frames.append(frame)
            if frame.head.packets is not None:
                self.seen, self.dropped = max(0, frame.head.packets.seen), max(0, frame.head.packets.dropped)
                self._blocks.extend(pieces(frame.blocks))
