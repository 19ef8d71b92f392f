"""Blocks of packets gathered by conversation: what grouping holds of each packet while a capture is read.

Addresses and ports go into the conversation's number at once, so that a packet costs about 45 bytes. Each column is one
array with room for more: nothing is held twice, and no small pieces stay behind. Room that is never written costs no
memory, so it is taken for all packets at once where their number can be guessed: a page that is touched once more, or
copied, costs more than what is computed for it.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from capture.flows.conversations import Conversations
from capture.wire.columns import I8, I32, I64, U32, Mark, PacketColumns

if TYPE_CHECKING:
    from capture.wire.tails import Adopted

KEPT: dict[str, type[np.generic]] = {
    "number": np.uint32,
    "time": np.int64,
    "seq": np.uint32,
    "ack": np.uint32,
    "flags": np.uint16,
    "window": np.uint16,
    "payload": np.int32,
    "ttl": np.uint8,
    "ip_id": np.uint16,
    "marks": np.uint8,
    "offset": np.int64,
}
LEAST_ROOM = 1 << 18  # rows that a growing column has at least from its second block on
MOST_ROOM = 1 << 31  # rows that are reserved at most
NO_RESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000)


class Column:
    """An array that rows are appended to."""

    def __init__(self, dtype: type[np.generic]) -> None:
        self._array: npt.NDArray[Any] = np.empty(0, dtype)
        self._fixed = False  # its room: that of another process, which would not see it move
        self.stop = 0  # the row after the last one

    @property
    def width(self) -> int:
        """Bytes of a row."""
        return self._array.itemsize

    def extend(self, values: npt.NDArray[Any]) -> None:
        """Append rows. Raises MemoryError where another process gave too little room."""
        stop = self.stop + len(values)
        if stop > len(self._array):
            if self._fixed:
                raise MemoryError("more packets than the file held when its reading began")
            self.reserve(len(values) if not self.stop else max(LEAST_ROOM, 2 * stop))
        self._array[self.stop : stop] = values
        self.stop = stop

    def reserve(self, room: int) -> None:
        """Have room for so many rows in all."""
        self.move(np.empty(room, self._array.dtype))

    def shareable(self, room: int) -> npt.NDArray[Any]:
        """Room for so many rows in memory that is shared with processes forked from here on. Raises OSError."""
        size = max(room, 1) * self._array.itemsize
        flags = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | NO_RESERVE
        return np.frombuffer(mmap.mmap(-1, size, flags=flags), self._array.dtype)

    def move(self, larger: npt.NDArray[Any]) -> None:
        """Put the rows into a larger array, and go on there."""
        larger[: self.stop] = self._array[: self.stop]
        self._array = larger

    def behind(self, begin: int) -> Column:
        """The same shared array, appended to from a later row on."""
        other = Column(self._array.dtype.type)
        other._array, other._fixed, other.stop = self._array, True, begin
        return other

    def close_gap(self, begin: int, stop: int) -> None:
        """Let the rows from `stop` on follow those before `begin`."""
        moved = self._array[stop : self.stop]
        self._array[begin : begin + len(moved)] = moved
        self.stop = begin + len(moved)

    def rows(self) -> npt.NDArray[Any]:
        """What was appended, and what lies before it."""
        return self._array[: self.stop]


@dataclass(frozen=True, slots=True)
class CollectedPart:
    """What another process says of the rows that it put into shared columns; its conversations are numbered from 0."""

    begin: int  # rows begin … stop - 1
    stop: int
    ends: tuple[I64, I64, I32]  # of each conversation: Conversations.lower, .upper and .scope
    scales: tuple[I64, I8]


class Collected:
    """Packets in file order with their conversation; columns are taken out one by one, so that each is held once."""

    def __init__(self) -> None:
        self.conversations = Conversations()
        self._key = Column(np.int32)
        self._columns = {name: Column(dtype) for name, dtype in KEPT.items()}
        self._begin = 0  # of the rows that are added here
        self._front: tuple[int, int] | None = None  # rows before, where another process added the rest
        self._scale_rows: list[I64] = []
        self._scales: list[I8] = []

    @property
    def segments(self) -> list[tuple[int, int]]:
        """Row ranges of the columns that hold packets, in file order."""
        last = (self._begin, self._stop)
        return [last] if self._front is None else [self._front, last]

    @property
    def _stop(self) -> int:
        return self._columns["time"].stop

    @property
    def rows(self) -> int:
        """How many packets there are."""
        return sum(stop - begin for begin, stop in self.segments)

    def add(self, block: PacketColumns) -> None:
        """Take a block."""
        if not len(block):
            return
        self._close_gap()
        conversation, upper = self.conversations.number(block)
        row = self._stop
        self._key.extend((conversation << 1) | upper)
        for name, column in self._columns.items():
            column.extend(getattr(block, name))
        scaled = np.flatnonzero(block.wscale >= 0)
        if len(scaled):
            self._scale_rows.append(scaled + row)
            self._scales.append(block.wscale[scaled])

    def _close_gap(self) -> None:
        """Before more is added (the next of several files): an unused row would become a used page when it is moved."""
        if self._front is None:
            return
        begin, stop = self._front[1], self._begin
        for column in (self._key, *self._columns.values()):
            column.close_gap(begin, stop)
        self._scale_rows = [rows - (stop - begin) * (rows >= stop) for rows in self._scale_rows]
        self._front, self._begin = None, 0

    def expect(self, rows: int) -> None:
        """Reserve room for so many packets in all, where there is that much."""
        if self._stop < rows < MOST_ROOM:
            try:
                for column in (self._key, *self._columns.values()):
                    column.reserve(rows)
            except MemoryError:  # a system that promises no more than it has: the columns grow as they need to
                return

    def share(self, front: int, back: int) -> Collected | None:
        """Let a process forked from here on put up to `back` packets behind up to `front` more that come here.

        The result is what that process adds to. None where there is no such room.
        """
        begin = self._stop + front
        if begin + back >= MOST_ROOM:
            return None
        columns = (self._key, *self._columns.values())
        if not _ample((begin + back) * sum(column.width for column in columns)):
            return None
        try:
            rooms = [column.shareable(begin + back) for column in columns]
        except (OSError, MemoryError):
            return None
        for column, room in zip(columns, rooms, strict=True):
            column.move(room)
        other = Collected()
        other._begin = begin
        other._key = self._key.behind(begin)
        other._columns = {name: column.behind(begin) for name, column in self._columns.items()}
        return other

    def part(self) -> CollectedPart:
        """What the process that this was collected for needs to know, beside the shared columns."""
        known = self.conversations
        return CollectedPart(self._begin, self._stop, (known.lower, known.upper, known.scope), self.scales())

    def append(self, part: CollectedPart, fits: Adopted) -> None:
        """Take the packets that another process put behind those here."""
        rows = slice(part.begin, part.stop)
        self._front, self._begin = (self._begin, self._stop), part.begin
        for column in (self._key, *self._columns.values()):
            column.stop = part.stop
        ids, turned = self.conversations.adopt(part.ends, fits.addresses, fits.scopes)
        keys = self._key.rows()[rows]
        keys[:] = (ids[keys >> 1] << 1) | ((keys & 1) ^ turned[keys >> 1])
        self._columns["number"].rows()[rows] += np.uint32(fits.packets_before)
        marks = self._columns["marks"].rows()[rows]
        marks[: len(fits.again)][fits.again] |= np.uint8(Mark.SAME_AS_BEFORE)
        scaled, values = part.scales
        self._scale_rows.append(scaled)
        self._scales.append(values)

    def row_numbers(self) -> U32:
        """The rows that hold packets, in file order. Shape (rows,)."""
        return np.concatenate([np.arange(*segment, dtype=np.uint32) for segment in self.segments])

    def take_keys(self) -> I32:
        """Conversation << 1 | sent by the upper end, by row of the columns; once only."""
        keys: I32 = self._key.rows()
        self._key = Column(np.int32)
        return keys

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column, by row."""
        return self._columns[name].rows()

    def take_column(self, name: str) -> npt.NDArray[Any]:
        """One column, by row, given away: once only."""
        return self._columns.pop(name).rows()

    def scales(self) -> tuple[I64, I8]:
        """Rows whose segment carried a window scale option, and the option's value."""
        if not self._scale_rows:
            return np.empty(0, np.int64), np.empty(0, np.int8)
        return np.concatenate(self._scale_rows), np.concatenate(self._scales)


def _ample(size: int) -> bool:
    """Whether so much of the addresses that this process may use leaves enough for all else (`ulimit -v`)."""
    import resource  # not everywhere, as little as fork

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return limit == resource.RLIM_INFINITY or size <= limit // 4
