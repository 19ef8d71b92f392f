"""One connection at both points, row by row: what its numbers say of a packet that only one of them has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from capture.model import TcpFlags
from capture.points.compared import NOWHERE
from capture.points.windows import times_by_a

if TYPE_CHECKING:
    import numpy.typing as npt

    from capture.points.match_captures import Matched

    I64 = npt.NDArray[np.int64]
    Bool = npt.NDArray[np.bool_]

_SYN, _FIN, _ACK, _RST = (int(flag) for flag in (TcpFlags.SYN, TcpFlags.FIN, TcpFlags.ACK, TcpFlags.RST))


class Stream(Struct, frozen=True):
    """Rows of one connection at one point, in file order; numbers are a's, times by a's clock."""

    rows: I64
    side: npt.NDArray[np.int8]
    time: I64
    seq: I64
    end: I64  # after payload, SYN and FIN
    ack: I64
    flags: npt.NDArray[np.uint16]
    same: Bool  # the other point has it too
    ttl: npt.NDArray[np.uint8]

    def acked_at(self, sender: int, end: int, *, by_known: bool = False) -> int | None:
        """When a peer of the sender first acknowledged up to `end`; None where it did not. `by_known`: with a packet
        that the other point has too, so that nobody between them made it.
        """
        says = (self.side != sender) & ((self.flags & _ACK) != 0) & ((self.flags & _RST) == 0)
        if by_known:
            says &= self.same
        times = self.time[says & (_after(self.ack, end) >= 0)]
        return int(times[0]) if len(times) else None

    def still_lacks(self, sender: int, end: int, since: int) -> bool:
        """Whether the peer's last word after some time does not acknowledge up to `end`."""
        says = (self.side != sender) & ((self.flags & _ACK) != 0) & ((self.flags & _RST) == 0) & (self.time >= since)
        acks = self.ack[says]
        return bool(len(acks)) and bool((_after(acks, end) < 0).all())

    def repeats(self, place: int, tsval: npt.NDArray[np.uint32]) -> bool:
        """Whether other records with the same timestamp and hops hold all bytes of a record: cards that join segments
        leave no other trace of a copy. `tsval`: of all rows.
        """
        own = tsval[place]
        if not own or self.seq[place] == self.end[place]:
            return False
        like = (self.side == self.side[place]) & (tsval == own) & (self.ttl == self.ttl[place])
        like[place] = False
        begin, end = int(self.seq[place]), int(self.end[place])
        return bool((like & (_after(self.seq, begin) <= 0) & (_after(self.end, end) >= 0)).any())

    def other_copies(self, place: int) -> I64:
        """Places of the same sender's other segments with some of the same numbers, by their times."""
        begin, end = int(self.seq[place]), int(self.end[place])
        some = (self.side == self.side[place]) & (_after(self.seq, end) < 0) & (_after(self.end, begin) > 0)
        some[place] = False
        return np.flatnonzero(some)

    def covered_at(self, sender: int, begin: int, end: int, of: npt.NDArray[np.bool_] | None = None) -> int | None:
        """When all of these numbers of the sender had come by, in whatever pieces (`of`: of these rows alone); None
        where not all did."""
        holds = (self.side == sender) & (_after(self.seq, end) < 0) & (_after(self.end, begin) > 0)
        if of is not None:
            holds &= of
        at = np.flatnonzero(holds & ((self.flags & _RST) == 0))
        pieces = zip(_after(self.seq[at], begin).tolist(), _after(self.end[at], begin).tolist(), strict=True)
        gaps = [(0, end - begin)]
        for place, (first, last) in zip(at.tolist(), pieces, strict=True):
            cut = (
                (low, high) for gap in gaps for low, high in ((gap[0], min(gap[1], first)), (max(gap[0], last), gap[1]))
            )
            gaps = [gap for gap in cut if gap[0] < gap[1]]
            if not gaps:
                return int(self.time[place])
        return None

    def silent_from(self, sender: int) -> int | None:
        """When the sender's packets began to be seen here alone, up to the end; None where its last came by there."""
        sent = np.flatnonzero(self.side == sender)
        met = np.flatnonzero(self.same[sent])
        rest = sent[met[-1] + 1 :] if len(met) else sent
        return int(self.time[rest[0]]) if len(rest) else None

    def reached(self, sender: int, end: int) -> bool:
        """Whether the sender was seen to go on after `end`, or its peer acknowledged that."""
        says = (self.flags & _RST) == 0
        went_on = (self.side == sender) & says & (_after(self.seq, end) >= 0) & ((self.flags & _SYN) == 0)
        acked = (self.side != sender) & says & ((self.flags & _ACK) != 0) & (_after(self.ack, end) >= 0)
        return bool(went_on.any()) or (bool(acked.any()) and not self._is_behind(sender, end, int(self.time[acked][0])))

    def _is_behind(self, sender: int, end: int, since: int) -> bool:
        """Whether the sender still gives a number before `end` as its next one, after its peer acknowledged that."""
        bare = (self.side == sender) & (self.seq == self.end) & ((self.flags & _RST) == 0) & (self.time > since)
        numbers = self.seq[bare]
        return bool(len(numbers)) and bool((_after(numbers, end) < 0).all())

    def holds(self, sender: int, begin: int, end: int) -> bool:
        """Whether the sender sent any of these bytes here."""
        some = (self.side == sender) & (_after(self.seq, end) < 0) & (_after(self.end, begin) > 0)
        return bool(some.any())


def _after(numbers: I64, of: int) -> I64:
    """How far sequence numbers lie after one, mod 2**32."""
    far: I64 = ((numbers - of + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
    return far


class Streams:
    """Some paired connections of a point, each a stretch of the same columns."""

    def __init__(self, matched: Matched, name: str, wanted: Bool) -> None:
        """`wanted`: of each pair, whether it will be asked for."""
        of_point = matched.rows_of(name, wanted)
        pair = matched.pair(name)[of_point]
        order = np.argsort(pair, kind="stable")
        at, pair = of_point[order], pair[order]
        self._begin = np.searchsorted(pair, np.arange(len(wanted) + 1)).tolist()
        rows, side = matched.rows(name)[at], matched.side(name)[at]
        same = np.zeros(len(matched.rows(name)), np.bool_)
        same[matched.same_a if name == "a" else matched.same_b] = True
        shift = matched.shift if name == "b" else np.zeros_like(matched.shift)
        seq = rows["seq"].astype(np.int64) - shift[pair, side]
        flags = rows["flags"]
        size = rows["payload"].astype(np.int64) + ((flags & _SYN) != 0) + ((flags & _FIN) != 0)
        ack = rows["ack"].astype(np.int64) - shift[pair, 1 - side]
        time = times_by_a(matched, name)[at]
        self._columns: tuple[Any, ...] = (at, side, time, seq, seq + size, ack, flags, same[at], rows["ttl"])

    def of(self, pair: int) -> Stream:
        """The rows of one connection."""
        one = slice(self._begin[pair], self._begin[pair + 1])
        return Stream(*(column[one] for column in self._columns))


def unmatched(matched: Matched, name: str) -> I64:
    """Rows of a point that are in pairs, and that the other one does not have."""
    left = matched.pair(name) != NOWHERE
    left[matched.same_a if name == "a" else matched.same_b] = False
    return np.flatnonzero(left)
