"""What became of the packets that one point has and the other has not: lost, injected, duplicated, or not captured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct, field

from capture.model import Side, TcpFlags
from capture.points.compared import NOWHERE, SeenPacket
from capture.points.ranges import bytes_covered
from capture.points.streams import Stream, Streams, unmatched
from capture.points.windows import PATIENCE_NS, Window, upstream_of, window_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from capture.points.match_captures import Matched

    I64 = npt.NDArray[np.int64]

EXPLAINED = 0.05  # so much of what is missing, at least, is what gaps of the capture would make
EXPLAINED_RESETS = 0.01  # resets are few: so many packets that the capture lacks make it doubtful that it lacks none
_SYN, _FIN, _RST = int(TcpFlags.SYN), int(TcpFlags.FIN), int(TcpFlags.RST)
SIDES = (Side.ORIGINATOR, Side.RESPONDER)
_LETTERS = ("F", "S", "R", "P", "A", "U", "E", "C", "N")


class Fate(Struct):
    """The packets of one connection that only one point has."""

    lost: list[SeenPacket] = field(default_factory=list)
    injected: list[SeenPacket] = field(default_factory=list)
    duplicated: list[SeenPacket] = field(default_factory=list)
    missed: list[SeenPacket] = field(default_factory=list)
    undecided: list[SeenPacket] = field(default_factory=list)  # the other capture has gaps, and nothing tells

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return any((self.lost, self.injected, self.duplicated, self.missed, self.undecided))


def fates(matched: Matched, drops: tuple[bool, bool]) -> dict[int, Fate]:
    """By pair: what only one point has. `drops`: the capture itself (a's, b's) says that it dropped packets."""
    judges = {name: _Judge(matched, name, drops[name == "a"]) for name in ("a", "b")}
    found: dict[int, Fate] = {}
    for name, judge in judges.items():
        for pair, rows in judge.by_pair():
            fate = found.setdefault(pair, Fate())
            judge.judge(pair, rows, fate, judges["b" if name == "a" else "a"])
    for judge in judges.values():
        judge.doubt(found)
    return {pair: fate for pair, fate in found.items() if fate}


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
        self._doubtful: list[tuple[int, SeenPacket, str]] = []  # pair, packet, what it was called

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
                    self._say(pair, fate, "missed" if missed else "lost", row, doubtful=_is_bare(here, place))
            elif self._was_recording(int(here.time[place]) - self.window.way, int(here.time[place])):
                self._appeared(pair, row, here, there, place, fate)

    def doubt(self, found: dict[int, Fate]) -> None:
        """Where the other capture lacks packets that did come by there, it may lack those too of which nothing tells:
        acknowledgements and resets, which nobody acknowledges. They are neither lost nor injected with certainty.
        """
        share = self._missed_share(found)
        if not share:
            return
        bare = np.count_nonzero((self.rows["payload"] == 0) & (self.matched.pair(self.name) != NOWHERE))
        acks = [one for one in self._doubtful if "R" not in one[1].flags]
        for doubtful, explained in (
            (acks, share * int(bare) >= EXPLAINED * len(acks)),
            ([one for one in self._doubtful if "R" in one[1].flags], share >= EXPLAINED_RESETS),
        ):
            if explained:
                for pair, packet, kind in doubtful:
                    getattr(found[pair], kind).remove(packet)
                    found[pair].undecided.append(packet)

    def _missed_share(self, found: dict[int, Fate]) -> float:
        """Of the packets with payload that did come by the other point, how many its capture lacks. 1 where the capture
        says itself that it has gaps.
        """
        if self.other_drops:
            return 1.0
        mine = (packet for fate in found.values() for packet in fate.missed if packet.seen_at == self.name)
        missed = sum(1 for packet in mine if packet.payload and not packet.missing)
        carrying = (self.rows["payload"] > 0) & (self.matched.pair(self.name) != NOWHERE)
        return missed / max(1, int(np.count_nonzero(carrying)))

    def _say(self, pair: int, fate: Fate, kind: str, row: int, *, doubtful: bool) -> None:
        packet = self.seen_packet(row)
        getattr(fate, kind).append(packet)
        if doubtful:
            self._doubtful.append((pair, packet, kind))

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

    def _was_recording(self, since: int, until: int) -> bool:
        """All the time in which a packet may have come by there."""
        w = self.window
        return (since >= w.first or not w.begun) and (until <= w.last or not w.stopped)

    def _was_recorded(self, here: Stream, place: int) -> bool:
        """Whether the other point would have a packet that did arrive there."""
        w, time = self.window, int(here.time[place])
        if not self._was_recording(time, time + w.way):
            return False
        if time < w.first:  # before its first packet: what carries something is missed by somebody
            return bool(here.end[place] != here.seq[place] or here.flags[place] & _RST)
        if time + w.way > w.last and w.busy:
            since = here.silent_from(int(here.side[place]))
            return since is not None and w.other_last - since >= PATIENCE_NS
        return True

    def _passed(self, here: Stream, there: Stream, place: int) -> bool:
        """Whether it did arrive, and was not captured: it was acknowledged there before a copy came."""
        sender, begin, end = int(here.side[place]), int(here.seq[place]), int(here.end[place])
        if _is_bare(here, place):
            return False
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
            foreign = self._is_foreign(pair, int(here.side[place]), row)
            forged = not _is_bare(here, place) and there.holds(*_content(here, place))
            self._say(pair, fate, "injected", row, doubtful=not (foreign or forged))

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
        if _is_bare(here, place):
            return False
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


def _is_bare(stream: Stream, place: int) -> bool:
    """Whether nothing acknowledges a packet: it has no number of its own, or is a RST."""
    return bool(stream.flags[place] & _RST) or bool(stream.seq[place] == stream.end[place])


def _content(stream: Stream, place: int) -> tuple[int, int, int]:
    return int(stream.side[place]), int(stream.seq[place]), int(stream.end[place])


def letters(flags: int) -> str:
    """TCP flags as Wireshark's short form has them: SA, PA, R."""
    return "".join(letter for bit, letter in enumerate(_LETTERS) if flags >> bit & 1) or "-"
