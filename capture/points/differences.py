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
DEAD_NS, CHANCE = 1_000_000_000, 1e-3  # over so long, and as unlikely: a way is dead, whatever the capture lacks
EXPLAINED_RESETS = 0.01  # resets are few: so many packets that the capture lacks make it doubtful that it lacks none
_SYN, _FIN, _RST = int(TcpFlags.SYN), int(TcpFlags.FIN), int(TcpFlags.RST)
_Doubtful = tuple[int, SeenPacket, str]  # pair, packet, what it was called
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
    left = {name: unmatched(matched, name) for name in ("a", "b")}
    wanted = np.zeros(len(matched.pairs.a), np.bool_)
    for name, rows in left.items():
        wanted[matched.pair(name)[rows]] = True
    judges = {name: _Judge(matched, name, drops[name == "a"], left, wanted) for name in ("a", "b")}
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

    def __init__(
        self, matched: Matched, name: str, other_drops: bool, unmatched: dict[str, I64], pairs: npt.NDArray[np.bool_]
    ) -> None:
        """`unmatched`: rows of each point; `pairs`: which of them have some."""
        self.matched, self.name, self.other_drops = matched, name, other_drops
        self.rows = matched.rows(name)
        self.streams = Streams(matched, name, pairs)
        left = unmatched[name]
        theirs = unmatched["b" if name == "a" else "a"]
        self.missing = dict(zip(left.tolist(), self._not_covered(left, theirs).tolist(), strict=True))
        self.left = left[np.fromiter(self.missing.values(), np.int64, len(left)) != 0] if len(left) else left
        self.upstream = dict(zip(self.left.tolist(), upstream_of(matched, name, self.left).tolist(), strict=True))
        self.window: Window = window_of(matched, "b" if name == "a" else "a")
        self._unseen = self._senders_unseen()
        self._doubtful: list[_Doubtful] = []

    def _senders_unseen(self) -> set[int]:
        """Sides of which the other capture has no packet at all: it may be a mirror of one direction."""
        other = "b" if self.name == "a" else "a"
        paired = self.matched.pair(other) != NOWHERE
        seen = np.unique(self.matched.side(other)[paired]).tolist()
        return {0, 1} - set(seen) if paired.any() else set()

    def _not_covered(self, left: I64, theirs: I64) -> I64:
        """Bytes of each row that the other point's unmatched rows have not got; -1 for rows without payload."""
        other = "b" if self.name == "a" else "a"
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
                    kind, doubtful = self._gone(here, there, place)
                    self._say(pair, fate, kind, row, doubtful=doubtful)
                elif int(here.time[place]) >= self.window.first and self._came_later(here, there, place):
                    self._say(pair, fate, "lost", row, doubtful=False)  # at its end, too
            elif self._was_recording(int(here.time[place]) - self.window.way, int(here.time[place])):
                self._appeared(pair, row, here, there, place, fate)

    def doubt(self, found: dict[int, Fate]) -> None:
        """Where the other capture lacks packets that did come by there, it may lack those too of which nothing tells:
        acknowledgements and resets, which nobody acknowledges. They are neither lost nor injected with certainty.
        """
        share = self._missed_share(found)
        if not share:
            return
        known = self.matched.pair(self.name) != NOWHERE
        full = np.count_nonzero((self.rows["payload"] > 0) & known)
        resets = [one for one in self._doubtful if "R" in one[1].flags]
        numbered = [one for one in self._doubtful if one not in resets and _has_numbers(one[1])]
        acks = [one for one in self._doubtful if one not in resets and not _has_numbers(one[1])]
        numbered = self._without_dead_ways(numbered, share)
        for doubtful, explained in (
            (acks, share * (int(np.count_nonzero(known)) - int(full)) >= EXPLAINED * len(acks)),
            (numbered, share * int(full) >= EXPLAINED * len(numbered)),
            (resets, share >= EXPLAINED_RESETS or share * self._resets(known) >= EXPLAINED * len(resets)),
        ):
            if explained:
                for pair, packet, kind in doubtful:
                    getattr(found[pair], kind).remove(packet)
                    found[pair].undecided.append(packet)

    def _resets(self, known: npt.NDArray[np.bool_]) -> int:
        return int(np.count_nonzero((self.rows["flags"] & _RST != 0) & known))

    def _without_dead_ways(self, doubtful: list[_Doubtful], share: float) -> list[_Doubtful]:
        """Without those of a way on which gaps would have had to take so many, over so long, that it was dead."""
        ways: dict[tuple[int, str], list[int]] = {}
        for pair, packet, _ in doubtful:
            ways.setdefault((pair, packet.sender), []).append(packet.time)
        dead = {w for w, at in ways.items() if max(at) - min(at) >= DEAD_NS and share ** len(at) < CHANCE}
        return [one for one in doubtful if (one[0], one[1].sender) not in dead]

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
        if kind in ("lost", "injected") and int(self.matched.side(self.name)[row]) in self._unseen:
            kind, doubtful = "undecided", False
        getattr(fate, kind).append(packet)
        if doubtful:
            self._doubtful.append((pair, packet, kind))

    def seen_packet(self, row: int) -> SeenPacket:
        """A row as it is reported."""
        r = self.rows[row]
        missing = self.missing.get(row, 0)
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

    def _gone(self, here: Stream, there: Stream, place: int) -> tuple[str, bool]:
        """What became of a packet that should have come by there, and whether gaps of that capture would explain it.

        It passed where it was acknowledged before a copy came, by what either point shows; it was lost where its peer
        acknowledged it only after a later copy had come.
        """
        if _is_bare(here, place):
            return "lost", True
        sender, end, sent = int(here.side[place]), int(here.end[place]), int(here.time[place])
        came, acked = _arrival(here, there, place)
        if not acked and here.acked_at(sender, end) is not None:  # by packets that may be another's
            return ("lost" if there.still_lacks(sender, end, sent) else "undecided"), False
        proofs = [when for when in acked if when >= sent and (came is None or when < came)]
        if proofs and not any(when < sent for when in acked):
            return ("undecided" if self._sent_again(here, place, proofs[0]) else "missed"), False
        return "lost", not self._came_later(here, there, place)

    def _came_later(self, here: Stream, there: Stream, place: int) -> bool:
        """Whether its peer acknowledged what it carries only after that had come in a later copy."""
        if _is_bare(here, place):
            return False
        came, acked = _arrival(here, there, place)
        return came is not None and bool(acked) and int(here.time[place]) <= came <= acked[0]

    def _sent_again(self, here: Stream, place: int, before: int) -> bool:
        """Whether one more copy is not there either: the acknowledgement may be for that one."""
        copies = here.other_copies(place)
        return any(row in self.upstream for row in here.rows[copies[here.time[copies] < before]].tolist())

    def _appeared(self, pair: int, row: int, here: Stream, there: Stream, place: int, fate: Fate) -> None:
        """A packet that only the point further from its sender has."""
        if self._is_copy(here, place):
            fate.duplicated.append(self.seen_packet(row))
        elif copies := self._copies_of_parts(here, there, place, self.missing[row]):
            fate.duplicated.extend(self.seen_packet(copy) for copy in copies)
        elif self._partly_sent(row) or self._was_missed(here, there, place):
            fate.missed.append(self.seen_packet(row))
        else:
            foreign = _is_foreign(here, place)
            forged = not _is_bare(here, place) and there.holds(*_content(here, place))
            self._say(pair, fate, "injected", row, doubtful=not (foreign or forged))

    def _partly_sent(self, row: int) -> bool:
        return bool(0 < self.missing[row] < self.rows["payload"][row])

    def _copies_of_parts(self, here: Stream, there: Stream, place: int, missing: int) -> list[int]:
        """Rows that came again after a joined segment that holds them, all of which was sent: one of those was taken
        for what was sent, as it has the same bounds; or, where no byte of it is left that was sent, each of them.
        """
        tsval = self.rows["tsval"][here.rows]
        sender, begin, end = _content(here, place)
        if missing <= 0 or not tsval[place] or there.covered_at(sender, begin, end) is None:
            return []
        inside = (here.side == sender) & (tsval == tsval[place]) & here.same & (here.end > here.seq)
        inside[: place + 1] = False
        inside &= (here.seq >= begin) & (here.end <= end)
        if missing == end - begin:
            inside &= here.end - here.seq < end - begin
            if here.covered_at(sender, begin, end, of=inside) is None:
                return []
        copies: list[int] = here.rows[inside].tolist()
        return copies

    def _is_copy(self, here: Stream, place: int) -> bool:
        """The same packet, down to its identification, is here another time, and that one was sent."""
        like = here.same & (here.seq == here.seq[place]) & (here.end == here.end[place])
        if not like.any():
            return here.repeats(place, self.rows["tsval"][here.rows])
        rows = self.rows[here.rows[like]]
        own = self.rows[int(here.rows[place])]
        found = np.ones(len(rows), np.bool_)
        for name in ("seq", "ack", "flags", "payload", "tsval", "ip_id", "ttl", "side"):
            found &= rows[name] == own[name]
        return bool(found.any())

    def _was_missed(self, here: Stream, there: Stream, place: int) -> bool:
        """Whether its sender did send it, and the point nearer to the sender did not capture it."""
        sender, begin, end = int(here.side[place]), int(here.seq[place]), int(here.end[place])
        if _is_foreign(here, place):
            return False
        if _is_bare(here, place):
            return False
        if there.holds(sender, begin, end):
            return self.other_drops or self._same_content(here, there, place)
        return there.reached(sender, end)

    def _same_content(self, here: Stream, there: Stream, place: int) -> bool:
        """Whether the same bytes of that sender came by here in a packet that was sent, or were sent there."""
        own = self.rows[here.rows[place]]
        seq, side = here.seq[place], here.side[place]
        for stream, rows in ((here, self.rows), (there, self.matched.rows("b" if self.name == "a" else "a"))):
            sent = (stream.side == side) & (((stream.seq - seq) & 0xFFFFFFFF) == 0)
            sent &= stream.same if stream is here else True
            at = rows[stream.rows[sent]]
            if bool(((at["payload"] == own["payload"]) & (at["head"] == own["head"])).any()):
                return True
        return False


def _is_foreign(stream: Stream, place: int) -> bool:
    """Whether its TTL is none that the sender's packets have here."""
    known = stream.ttl[stream.same & (stream.side == stream.side[place])]
    return bool(len(known)) and not bool((known == stream.ttl[place]).any())


def _arrival(here: Stream, there: Stream, place: int) -> tuple[int | None, list[int]]:
    """When all that a packet carries had come by there, in whatever copy, and when either point saw it acknowledged."""
    sender, end = int(here.side[place]), int(here.end[place])
    acked = there.acked_at(sender, end), here.acked_at(sender, end, by_known=True)
    return there.covered_at(sender, int(here.seq[place]), end), [when for when in acked if when is not None]


def _is_bare(stream: Stream, place: int) -> bool:
    """Whether nothing acknowledges a packet: it has no number of its own, or is a RST."""
    return bool(stream.flags[place] & _RST) or bool(stream.seq[place] == stream.end[place])


def _has_numbers(packet: SeenPacket) -> bool:
    """Whether a packet is acknowledged by its peer: payload, SYN or FIN."""
    return bool(packet.payload) or "S" in packet.flags or "F" in packet.flags


def _content(stream: Stream, place: int) -> tuple[int, int, int]:
    return int(stream.side[place]), int(stream.seq[place]), int(stream.end[place])


def letters(flags: int) -> str:
    """TCP flags as Wireshark's short form has them: SA, PA, R."""
    return "".join(letter for bit, letter in enumerate(_LETTERS) if flags >> bit & 1) or "-"
