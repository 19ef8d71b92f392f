"""A large pcap file, read and decoded in one loop where the kernels were compiled.

Each piece of the file is decoded while it is still in the cache. Packets of other layouts than the common ones come out
beside the others, with their bytes; they are decoded header by header. The loop ends before a record that it cannot
take, or at the end of the file: what follows is read window by window, which tells what is wrong there.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from capture import kernels
from capture.wire import feed as windows
from capture.wire.checksums import BUDGET
from capture.wire.columns import AddressTable, PacketColumns
from capture.wire.common import TUNNELS, Room, layout_of
from capture.wire.feed import Feed, FileFeed
from capture.wire.links import LINUX_SLL2
from capture.wire.pcap import PcapRecords
from capture.wire.records import Records

PIECE = (1 << 18) + (1 << 16)  # bytes of the file in the cache at once: a larger record is left to the windows
ROWS = 1 << 15  # packets of a block
SET_ASIDE = 1 << 20  # bytes of a block's packets of other layouts: more than a piece


class Streamed(Struct, frozen=True):
    """A block: TCP packets of the common layouts, the packets of other layouts, and how many there were in all."""

    columns: PacketColumns
    others: Records
    packets: int
    first_time: int  # epoch ns
    last_time: int


def streamed(container: object, feed: Feed, addresses: AddressTable) -> Iterator[Streamed]:
    """Blocks of a pcap file from its first record on, as far as they can be had so; then container and feed go on."""
    compiled = kernels.KERNELS
    if compiled is None or not isinstance(container, PcapRecords) or not isinstance(feed, FileFeed):
        return
    # of Linux's "any" in its second version, each packet's interface is wanted too
    layout = layout_of(container.form.link) if container.form.link != LINUX_SLL2 else None
    if layout is None:
        return
    stream = _Stream(compiled, container, feed, layout)
    while True:
        block = stream.block(addresses)
        if not block.packets:
            break
        yield block
    stream.leave()


class _Stream:
    def __init__(
        self, compiled: kernels.Kernels, container: PcapRecords, feed: FileFeed, layout: tuple[int, int]
    ) -> None:
        self._compiled, self._container, self._feed, self._layout = compiled, container, feed, layout
        form = container.form
        self._form = (form.order == ">", form.record_header, 1 if form.nanoseconds else 1000, form.largest)
        self._piece, self._aside = bytearray(PIECE), bytearray(SET_ASIDE + windows.PAD)
        self._at, self._number, self._time = container.begins, container.number, 0
        self._span = windows.FIRST  # little at first, so that something shows at once

    def block(self, addresses: AddressTable) -> Streamed:
        """The next packets."""
        room = Room(ROWS)
        number, time, offset = np.empty(ROWS, np.uint32), np.empty(ROWS, np.int64), np.empty(ROWS, np.int64)
        begin, captured, original, their_time, their_offset = np.empty((5, ROWS), np.int64)
        numbers, before = np.empty(ROWS, np.uint32), self._number
        found, v6, others, self._number, self._at, (lowest, highest, latest) = self._compiled.pcap_stream(
            self._feed.fileno,
            self._at,
            self._at + self._span,
            self._number,
            self._form,
            self._layout,
            BUDGET + self._form[1],
            TUNNELS,
            self._piece,
            ROWS,
            (number, time, offset, *room.fields, room.v6_row),
            room.v6_ends,
            (begin, captured, original, their_time, their_offset, numbers),
            memoryview(self._aside)[:SET_ASIDE],
        )
        if self._number > before:
            self._time = latest
        self._feed.announce(self._at)
        self._span = 2 * windows.WINDOW  # no more: who waits for a slow disk wants to be told, and heard
        rest = slice(0, others)
        return Streamed(
            room.columns(found, v6, addresses, number[:found], time[:found], offset[:found]),
            Records(
                self._aside,
                before + 1,
                begin[rest],
                captured[rest],
                original[rest],
                their_time[rest],
                their_offset[rest],
                self._container.form.link,
                numbers=numbers[rest],
            ),
            self._number - before,
            lowest,
            highest,
        )

    def leave(self) -> None:
        """Let the windows go on here."""
        if self._number > self._container.number:
            self._container.passed(self._number, self._time)
            self._feed.go_to(self._at)
