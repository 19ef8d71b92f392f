"""The sockets of one network namespace, kept from look to look, and what changed between two dumps.

Two dumps of a machine are mostly the same. The engine compares them (dump_diff.py); what did not change is never seen
here, so that a look at 50,000 sockets costs little more than the kernel's own work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field

from capture.sockets.inet_diag_msg import HEADER_SIZE, RECORD_SIZE
from capture.sockets.row import SocketRow
from capture.sockets.sources.dump_diff import COOKIE_SIZE, Chunk, DumpDiff, new_diff
from capture.sockets.sources.dump_messages import SMALLEST, message_spans


@dataclass(slots=True)
class Changes:
    """What one dump brought. `changed` pairs a row with its record before; a timer's countdown alone is no change, and
    is not even kept: a row's own countdown is that of its last change or of the last look with details."""

    new: list[SocketRow] = field(default_factory=list)
    gone: list[SocketRow] = field(default_factory=list)
    changed: list[tuple[SocketRow, bytes]] = field(default_factory=list)

    def settle(self) -> None:
        """A socket that moved during the dump came twice: what is new did not change, and what changed did so once."""
        before = dict(reversed(self.changed))
        for row in self.new if before else ():
            before.pop(row, None)
        if len(before) < len(self.changed):
            self.changed = list(before.items())


class SocketTable:
    """Rows by cookie: the one key that is never used twice and survives ESTAB → FIN-WAIT-2 → TIME-WAIT."""

    def __init__(self, make: Callable[[bytes], SocketRow], new_diff: Callable[[], DumpDiff] = new_diff) -> None:
        self.rows: dict[bytes, SocketRow] = {}
        self.make = make
        self._new_diff = new_diff
        self._diff: DumpDiff | None = None
        """None before the first dump, and after one that broke off."""
        self.gone: list[SocketRow] = []
        """Rows that the last dump lacked."""
        self._by_ports: dict[bytes, SocketRow | dict[SocketRow, None]] | None = None
        """A row where it is the only one of its ports, as most are."""

    def update(self, chunks: Iterable[Chunk]) -> Changes:
        """Takes a dump as the truth of now."""
        afresh, changes = self._diff is None, Changes()
        records, gone = self._compare(chunks)
        for at in range(0, len(records), RECORD_SIZE):
            self._take(records[at : at + RECORD_SIZE], changes)
        if afresh:
            dumped = {records[at : at + COOKIE_SIZE] for at in range(44, len(records), RECORD_SIZE)}
            cookies = [cookie for cookie in self.rows if cookie not in dumped]
        else:
            cookies = [gone[at : at + COOKIE_SIZE] for at in range(0, len(gone), COOKIE_SIZE)]
        changes.gone = [self.rows.pop(cookie) for cookie in cookies]
        self._index(changes)
        return changes

    def of_ports(self, wanted: Set[bytes]) -> Iterator[SocketRow]:
        """Rows of these local and remote ports (four bytes in network order). The first question makes an index, which
        each dump brings up to date from then on."""
        known = self._by_ports
        if known is None:
            known = self._by_ports = {}
            for row in self.rows.values():
                _put(known, row)
        for ports in known.keys() & wanted:
            rows = known[ports]
            if isinstance(rows, dict):
                yield from rows
            else:
                yield rows

    def update_in_full(
        self, chunks: Iterable[bytes], each: Callable[[SocketRow, bytes, int, int, bool], None]
    ) -> Changes:
        """The same, reading every message: for a dump with attributes behind the records, a receive buffer at a time.

        `each(row, buffer, start, end, fresh)` is called for every message; `fresh` where it is new or changed state.
        """
        changes = Changes()
        seen: set[bytes] = set()

        def read() -> Iterator[bytes]:
            for chunk in chunks:
                for start, end in message_spans(chunk):
                    raw = chunk[start + HEADER_SIZE : start + SMALLEST]
                    row, fresh = self._take(raw, changes)
                    seen.add(raw[44:52])
                    each(row, chunk, start, end, fresh)
                yield chunk

        self._compare(read())
        changes.gone = [row for cookie, row in self.rows.items() if cookie not in seen]
        for row in changes.gone:
            del self.rows[row.raw[44:52]]
        self._index(changes)
        return changes

    def _index(self, changes: Changes) -> None:
        changes.settle()
        self.gone = changes.gone
        known = self._by_ports
        if known is None:
            return
        moved = [(row, before[4:8]) for row, before in changes.changed if before[4:8] != row.raw[4:8]]
        for row, ports in (*moved, *((row, row.raw[4:8]) for row in changes.gone)):
            rows = known[ports]
            if isinstance(rows, dict):
                del rows[row]
            if not isinstance(rows, dict) or not rows:
                del known[ports]
        for row in (*changes.new, *(row for row, _ in moved)):
            _put(known, row)

    def _compare(self, chunks: Iterable[Chunk]) -> tuple[bytes, bytes]:
        diff, self._diff = self._diff or self._new_diff(), None  # of no more use where the source fails on the way
        cookies = diff.take(chunks)
        self._diff = diff
        return cookies

    def _take(self, raw: bytes, changes: Changes) -> tuple[SocketRow, bool]:
        """Notes one record; returns its row, and whether that is new or in another state."""
        cookie = raw[44:52]
        row = self.rows.get(cookie)
        if row is None:
            row = self.rows[cookie] = self.make(raw)
            changes.new.append(row)
            return row, True
        before, fresh = row.raw, False
        if before != raw:
            row.raw = raw
            if before[:52] != raw[:52] or before[56:] != raw[56:]:
                fresh = before[1] != raw[1]
                changes.changed.append((row, before))
        row.read_at = row.moment.now
        return row, fresh


def _put(known: dict[bytes, SocketRow | dict[SocketRow, None]], row: SocketRow) -> None:
    others = known.setdefault(row.raw[4:8], row)
    if isinstance(others, dict):
        others[row] = None
    elif others is not row:
        known[row.raw[4:8]] = {others: None, row: None}
