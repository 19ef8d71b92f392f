"""The sockets of one network namespace, kept from look to look, and what changed between two dumps.

The kernel walks its hash in a fixed order, so two dumps are mostly the same bytes in the same order. Stretches that are
equal are passed over at memcmp's speed; only messages that differ are read. On an idle machine a look at 50,000 sockets
so costs little more than the kernel's own work; the worst case (every message differs) reads each one, and is as right.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from capture.sockets.dump_messages import SMALLEST, Dump, message_spans
from capture.sockets.inet_diag_msg import HEADER_SIZE
from capture.sockets.row import SocketRow

_FIRST_STEP, _LARGEST_STEP, _SMALLEST_STEP = 512, 65536, 96
_LONGEST_PAUSE = 12
NOTHING = Dump(())


@dataclass(slots=True)
class Changes:
    """What one dump brought. `changed` pairs a row with its record before; a timer's countdown alone is no change, and
    is not even kept: a row's own countdown is that of its last change or of the last look with details."""

    new: list[SocketRow] = field(default_factory=list)
    gone: list[SocketRow] = field(default_factory=list)
    changed: list[tuple[SocketRow, bytes]] = field(default_factory=list)


class SocketTable:
    """Rows by cookie: the one key that is never used twice and survives ESTAB → FIN-WAIT-2 → TIME-WAIT."""

    def __init__(self, make: Callable[[bytes], SocketRow]) -> None:
        self.rows: dict[bytes, SocketRow] = {}
        self.make = make
        self.sighting = 0
        self.masked = bytearray()
        self.starts: list[int] = [0]
        self.order: list[SocketRow] = []

    def update(self, dump: Dump) -> Changes:
        """Takes a dump as the truth of now."""
        self.sighting += 1
        if self.masked and dump.masked == self.masked:
            return Changes()
        walk = _Walk(self, dump)
        walk.run()
        changes = walk.changes
        changes.gone = [row for row in walk.skipped if row.sighting != self.sighting]
        for row in changes.gone:
            self.rows.pop(row.raw[44:52], None)
        if len(walk.order) == len(self.rows):
            self.masked, self.order, self.starts = dump.masked, walk.order, dump.starts
        else:
            # A socket that moved during the dump came twice: start afresh, reading every message, next time.
            self.masked, self.order, self.starts = bytearray(), list(self.rows.values()), [0]
        return changes

    def update_in_full(
        self, chunks: Iterable[bytes], each: Callable[[SocketRow, bytes, int, int, bool], None]
    ) -> Changes:
        """The same, reading every message: for a dump with attributes behind the records, a receive buffer at a time.

        `each(row, buffer, start, end, fresh)` is called for every message; `fresh` where it is new or changed state.
        """
        self.sighting += 1
        self.masked, self.order, self.starts = bytearray(), [], [0]
        walk = _Walk(self, NOTHING)
        for chunk in chunks:
            for start, end in message_spans(chunk):
                row, fresh = walk.take(chunk[start + HEADER_SIZE : start + SMALLEST])
                each(row, chunk, start, end, fresh)
        changes = walk.changes
        changes.gone = [row for row in self.rows.values() if row.sighting != self.sighting]
        for row in changes.gone:
            del self.rows[row.raw[44:52]]
        self.order = list(self.rows.values())
        return changes


class _Walk:
    """One pass over a new dump beside the last one: message `at` of the new, `index` of the old."""

    def __init__(self, table: SocketTable, dump: Dump) -> None:
        self.table = table
        self.dump = dump
        self.order: list[SocketRow] = []
        self.skipped: list[SocketRow] = []
        self.changes = Changes()
        self.index = 0

    def run(self) -> None:
        at, end = 0, len(self.dump)
        comparable = len(self.table.masked) > 0
        misses = pause = 0
        while at < end:
            if comparable:
                if pause:
                    pause -= 1
                elif (past := self._pass_over_equal(at)) > at:
                    at, misses = past, 0
                    continue
                else:  # where much changes, try ever less often
                    misses += 1
                    pause = min(misses, _LONGEST_PAUSE)
            self._read(at)
            at += 1
        self.skipped += self.table.order[self.index :]

    def _pass_over_equal(self, at: int) -> int:
        """Takes over all messages from here on that are the same bytes as before; returns the first that is not."""
        table, index = self.table, self.index
        if index >= len(table.order):
            return at
        start = table.starts[index]
        equal = _equal_length(self.dump.masked, self.dump.starts[at], table.masked, start)
        upto = bisect_right(table.starts, start + equal, index) - 1
        if upto <= index:
            return at
        self.order += table.order[index:upto]
        self.index = upto
        return at + upto - index

    def _read(self, at: int) -> None:
        row, _ = self.take(self.dump.record(at))
        self.order.append(row)

    def take(self, raw: bytes) -> tuple[SocketRow, bool]:
        """Notes one record; returns its row, and whether that is new or in another state."""
        table = self.table
        row = table.rows.get(raw[44:52])
        fresh = False
        if row is None:
            fresh = True
            row = table.make(raw)
            table.rows[raw[44:52]] = row
            self.changes.new.append(row)
        else:
            before = row.raw
            if before != raw:
                row.raw = raw
                if before[:52] != raw[:52] or before[56:] != raw[56:]:
                    fresh = before[1] != raw[1]
                    self.changes.changed.append((row, before))
            self._catch_up(row)
        row.sighting = table.sighting
        row.read_at = row.moment.now
        return row, fresh

    def _catch_up(self, row: SocketRow) -> None:
        """Moves the place in the old dump past this row; those in between may be gone."""
        index, order = self.index, self.table.order
        if index < len(order) and order[index] is row:
            self.index = index + 1
            return
        if row.sighting == self.table.sighting or row in self.skipped[-16:]:
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


def _equal_length(new: bytearray, at: int, old: bytearray, start: int) -> int:
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
