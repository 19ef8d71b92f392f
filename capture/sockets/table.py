"""The sockets of one network namespace, kept from look to look, and what changed between two dumps.

The kernel walks its hash in a fixed order, so two dumps are mostly the same bytes in the same order. Stretches that are
equal are passed over at memcmp's speed; only messages that differ are read. On an idle machine a look at 50,000 sockets
so costs little more than the kernel's own work; the worst case (every message differs) reads each one, and is as right.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from capture.sockets.row import SocketRow
from capture.sockets.wireform import HEADER_SIZE, NUMBER, RECORD_SIZE

_SMALLEST = HEADER_SIZE + RECORD_SIZE
_FIRST_STEP, _LARGEST_STEP, _SMALLEST_STEP = 512, 65536, 96


@dataclass(slots=True)
class Changes:
    """What one dump brought. `changed` pairs a row with its record before; a timer's countdown alone is no change."""

    new: list[SocketRow] = field(default_factory=list)
    gone: list[SocketRow] = field(default_factory=list)
    changed: list[tuple[SocketRow, bytes]] = field(default_factory=list)


class SocketTable:
    """Rows by cookie: the one key that is never used twice and survives ESTAB → FIN-WAIT-2 → TIME-WAIT."""

    def __init__(self, make: Callable[[bytes], SocketRow]) -> None:
        self.rows: dict[bytes, SocketRow] = {}
        self._make = make
        self._stream = b""
        self._order: list[SocketRow] = []
        self._starts: list[int] = [0]
        self._sighting = 0

    def update(self, stream: bytes, each: Callable[[SocketRow, int, int], None] | None = None) -> Changes:
        """Takes a dump (netlink messages, one after another) as the truth of now.

        `each(row, start, end)` is called for every message that was read: for attributes that follow the record.
        """
        self._sighting += 1
        walk = _Walk(self, stream, each)
        walk.run()
        changes = walk.changes
        changes.gone = [row for row in walk.skipped if row.sighting != self._sighting]
        for row in changes.gone:
            self.rows.pop(row.raw[44:52], None)
        if len(walk.order) == len(self.rows):
            self._stream, self._order, self._starts = stream, walk.order, walk.starts
        else:
            # A socket that moved during the dump came twice: start afresh, reading every message, next time.
            self._stream, self._order, self._starts = b"", list(self.rows.values()), [0]
        return changes


class _Walk:
    """One pass over a new dump beside the last one. `at` is a byte in the new, `index` a message of the old."""

    def __init__(self, table: SocketTable, stream: bytes, each: Callable[[SocketRow, int, int], None] | None) -> None:
        self.table = table
        self.stream = stream
        self.each = each
        self.old = table._stream
        self.old_order = table._order
        self.old_starts = table._starts
        self.order: list[SocketRow] = []
        self.starts: list[int] = []
        self.skipped: list[SocketRow] = []
        self.changes = Changes()
        self.index = 0

    def run(self) -> None:
        at, end, comparable = 0, len(self.stream), len(self.old) > 0 and self.each is None
        misses = pause = 0
        while at + _SMALLEST <= end:
            if comparable:
                if pause:
                    pause -= 1
                elif (past := self._pass_over_equal(at)) > at:
                    at, misses = past, 0
                    continue
                else:  # sockets with a running timer differ each time: try ever less often among them
                    misses += 1
                    pause = min(misses, 12)
            (length,) = NUMBER.unpack_from(self.stream, at)
            if length < HEADER_SIZE:
                break
            if length >= _SMALLEST and at + length <= end:
                self._read(at, length)
            at += (length + 3) & ~3
        self.skipped += self.old_order[self.index :]
        self.starts.append(at)

    def _pass_over_equal(self, at: int) -> int:
        """Takes over all whole messages from here on that are the same bytes as before; returns where others begin."""
        index = self.index
        if index >= len(self.old_order):
            return at
        start = self.old_starts[index]
        equal = _equal_length(self.stream, at, self.old, start)
        upto = bisect_right(self.old_starts, start + equal, index) - 1
        if upto <= index:
            return at
        moved = at - start
        self.order += self.old_order[index:upto]
        if moved:
            self.starts += [position + moved for position in self.old_starts[index:upto]]
        else:
            self.starts += self.old_starts[index:upto]
        self.index = upto
        return self.old_starts[upto] + moved

    def _read(self, at: int, length: int) -> None:
        raw = self.stream[at + HEADER_SIZE : at + _SMALLEST]
        table = self.table
        row = table.rows.get(raw[44:52])
        if row is None:
            row = table._make(raw)
            table.rows[raw[44:52]] = row
            self.changes.new.append(row)
        else:
            before = row.raw
            if before != raw:
                row.raw = raw
                if before[:52] != raw[:52] or before[56:] != raw[56:]:
                    self.changes.changed.append((row, before))
            self._catch_up(row)
        row.sighting = table._sighting
        self.order.append(row)
        self.starts.append(at)
        if self.each is not None:
            self.each(row, at, at + length)

    def _catch_up(self, row: SocketRow) -> None:
        """Moves the place in the old dump past this row; those in between may be gone."""
        index, order = self.index, self.old_order
        if index < len(order) and order[index] is row:
            self.index = index + 1
            return
        if row.sighting == self.table._sighting or row in self.skipped[-16:]:
            return
        width = 16
        while index < len(order):
            window = order[index : index + width]
            if row in window:
                found = index + window.index(row)
                self.skipped += order[index:found]
                self.index = found + 1
                return
            if width > len(order):
                return
            width *= 8


def _equal_length(new: bytes, at: int, old: bytes, start: int) -> int:
    """A number of bytes that are surely equal from `at` and `start` on: within 96 bytes of all of them."""
    equal, step, growing = 0, _FIRST_STEP, True
    while True:
        piece = new[at + equal : at + equal + step]
        if piece == old[start + equal : start + equal + step]:
            equal += len(piece)
            if len(piece) < step:
                return equal
            if growing and step < _LARGEST_STEP:
                step *= 2
        else:
            growing = False
        if not growing:
            step //= 2
            if step < _SMALLEST_STEP:
                return equal
