"""What became of the packets that one point has and the other has not: lost, injected, duplicated, or not captured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.model import Side, TcpFlags
from capture.points.compared import SeenPacket
from capture.points.ranges import bytes_covered
from capture.points.streams import Stream, Streams, unmatched
from capture.points.windows import PATIENCE_NS, Window, upstream_of, window_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from capture.points.match_captures import Matched

    I64 = npt.NDArray[np.int64]

_SYN, _FIN, _RST = int(TcpFlags.SYN), int(TcpFlags.FIN), int(TcpFlags.RST)
SIDES = (Side.ORIGINATOR, Side.RESPONDER)
_LETTERS = ("F", "S", "R", "P", "A", "U", "E", "C", "N")


class Fate(Struct):
    """The packets of one connection that only one point has."""

    lost: list[SeenPacket]
    injected: list[SeenPacket]
    duplicated: list[SeenPacket]
    missed: list[SeenPacket]


def fates(matched: Matched, drops: tuple[bool, bool]) -> dict[int, Fate]:
    """By pair: what only one point has. `drops`: the capture itself (a's, b's) says that it dropped packets."""
    judges = {name: _Judge(matched, name, drops[name == "a"]) for name in ("a", "b")}
    found: dict[int, Fate] = {}
    for name, judge in judges.items():
        for pair, rows in judge.by_pair():
            fate = found.setdefault(pair, Fate([], [], [], []))
            judge.judge(pair, rows, fate, judges["b" if name == "a" else "a"])
    return {pair: fate for pair, fate in found.items() if any((fate.lost, fate.injected, fate.duplicated, fate.missed))}


class _Judge:
    """The unmatched rows of one point."""

    def __init__(self, matched: Matched, name: str, other_drops: bool) -> None:
        self.matched, self.name, self.other_drops = matched, name, other_drops
        self.rows = matched.rows(name)
        self.streams = Streams(matched, name)
        left = unmatched(matched, name)
        self.missing = dict(zip(left.tolist(), self._not_covered(left).tolist(), strict=True))
        self.left = left[np.fromiter(self.missing.values(), np.int64, len(left)) != 0] if len(left) else left
        self.upstream = dict(zip(self.left.tolist(), upstream_of(matched, name, self.left).tolist(), strict=True))
        self.window: Window = window_of(matched, "b" if name == "a" else "a")
        self._ttl: dict[tuple[int, int], int | None] = {}

    def _not_covered(self, left: I64) -> I64:
        """Bytes of each row that the other point's unmatched rows have not got; -1 for rows without payload."""
        other = "b" if self.name == "a" else "a"
        theirs = unmatched(self.matched, other)
        groups, begins = self._ranges(self.name, left)
        by_groups, by_begins = self._ranges(other, theirs)
        size = self.rows["payload"][left].astype(np.int64)
        by_size = self.matched.rows(other)["payload"][theirs].astype(np.int64)
        covered = bytes_covered(groups, begins, size, by_groups, by_begins, by_size)
        return np.where(size > 0, size - covered, -1)

    def _ranges(self, name: str, rows: I64) -> tuple[I64, I64]:
        """Group (connection, sender, timestamp) and first number of each row's bytes."""
        m, table = self.matched, self.matched.rows(name)
        side, pair = m.side(name)[rows].astype(np.int64), m.pair(name)[rows]
        seq = table["seq"][rows].astype(np.int64) + ((table["flags"][rows] & _SYN) != 0)
        if name == "b" and len(rows):
            seq = seq - m.shift[pair, side]
        groups = (pair * 2 + side).astype(np.uint64) << np.uint64(32) | table["tsval"][rows]
        return groups.astype(np.int64), seq

    def by_pair(self) -> Iterator[tuple[int, I64]]:
        pairs = self.matched.pair(self.name)[self.left]
        order = np.argsort(pairs, kind="stable")
        cuts = np.flatnonzero(np.diff(pairs[order])) + 1
        for rows in np.split(self.left[order], cuts) if len(order) else ():
            yield int(self.matched.pair(self.name)[rows[0]]), rows

    def judge(self, pair: int, rows: I64, fate: Fate, other: _Judge) -> None:
        """Say what became of some rows of a connection."""
        here, there = self.streams.of(pair), other.streams.of(pair)
        at = {row: place for place, row in enumerate(here.rows.tolist())}
        for row in rows.tolist():
            place = at[row]
            if self.upstream[row]:
                if self._was_recorded(here, place):
                    missed = self._passed(here, there, place)
                    (fate.missed if missed else fate.lost).append(self.seen_packet(row))
            elif self._was_recording(int(here.time[place])):
                self._appeared(pair, row, here, there, place, fate)

    def seen_packet(self, row: int) -> SeenPacket:
        """A row as it is told."""
        r = self.rows[row]
        missing = self.missing[row]
        size = int(r["payload"])
        return SeenPacket(
            SIDES[int(self.matched.side(self.name)[row])],
            self.name,
            int(r["number"]),
            letters(int(r["flags"])),
            int(r["time"]),
            size,
            missing if 0 < missing < size else 0,
        )

    def _was_recording(self, time: int) -> bool:
        w = self.window
        return w.first <= time <= w.last or (time < w.first and not w.begun) or (time > w.last and not w.stopped)

    def _was_recorded(self, here: Stream, place: int) -> bool:
        """Whether the other point would have a packet that did arrive there."""
        w, time = self.window, int(here.time[place])
        if not self._was_recording(time):
            return False
        if time < w.first:  # before its first packet: what carries something is missed by somebody
            return bool(here.end[place] != here.seq[place] or here.flags[place] & _RST)
        if time > w.last and w.busy:
            since = here.silent_from(int(here.side[place]))
            return since is not None and w.other_last - since >= PATIENCE_NS
        return True

    def _passed(self, here: Stream, there: Stream, place: int) -> bool:
        """Whether it did arrive, and was not captured: it was acknowledged there before a copy came."""
        sender, begin, end = int(here.side[place]), int(here.seq[place]), int(here.end[place])
        if here.flags[place] & _RST or begin == end:
            return self.other_drops
        acked = there.acked_at(sender, end, int(here.time[place]))
        if acked is None:
            return False
        covered = there.covered_at(sender, begin, end)
        return covered is None or acked < covered

    def _appeared(self, pair: int, row: int, here: Stream, there: Stream, place: int, fate: Fate) -> None:
        """A packet that only the point further from its sender has."""
        if self._is_copy(here, place):
            fate.duplicated.append(self.seen_packet(row))
        elif 0 < self.missing[row] < int(self.rows["payload"][row]):
            fate.missed.append(self.seen_packet(row))  # some of its bytes were sent
        elif self._was_missed(pair, row, here, there, place):
            fate.missed.append(self.seen_packet(row))
        else:
            fate.injected.append(self.seen_packet(row))

    def _is_copy(self, here: Stream, place: int) -> bool:
        """The same packet, down to its identification, is here another time, and that one was sent."""
        rows = self.rows[here.rows]
        own = rows[place]
        like = here.same.copy()
        for name in ("seq", "ack", "flags", "payload", "tsval", "ip_id", "ttl", "side"):
            like &= rows[name] == own[name]
        return bool(like.any())

    def _was_missed(self, pair: int, row: int, here: Stream, there: Stream, place: int) -> bool:
        """Whether its sender did send it, and the point nearer to the sender did not capture it."""
        sender, begin, end = int(here.side[place]), int(here.seq[place]), int(here.end[place])
        if self._is_foreign(pair, sender, row):
            return False
        if here.flags[place] & _RST or begin == end:
            return self.other_drops
        if there.holds(sender, begin, end):
            return self.other_drops or self._same_content(here, place)
        return there.reached(sender, end)

    def _same_content(self, here: Stream, place: int) -> bool:
        """Whether the same bytes of that sender came by here in a packet that was sent."""
        rows = self.rows[here.rows]
        own = rows[place]
        like = here.same & (here.side == here.side[place]) & (rows["seq"] == own["seq"])
        like &= (rows["payload"] == own["payload"]) & (rows["head"] == own["head"])
        return bool(like.any())

    def _is_foreign(self, pair: int, sender: int, row: int) -> bool:
        """Whether its TTL is none that the sender's packets have here."""
        stream = self.streams.of(pair)
        sent = stream.rows[stream.same & (stream.side == sender)]
        known = self.rows["ttl"][sent]
        return bool(len(known)) and int(self.rows["ttl"][row]) not in known.tolist()


def letters(flags: int) -> str:
    """TCP flags as Wireshark's short form has them: SA, PA, R."""
    return "".join(letter for bit, letter in enumerate(_LETTERS) if flags >> bit & 1) or "-"
