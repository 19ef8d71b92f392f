"""Packets to events, for all connections at once.

The plain middle of a transfer says nothing about an end, so it is folded: pure ACKs without news are left out, runs and
alternations of the same events are cut to their ends. What stays is the row of each kept event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from capture import kernels
from capture.flows.stretches import worked
from capture.flows.table import FlowPackets, Stretch, Tag
from capture.model import TcpFlags
from capture.verdicts.codes import GAP_CLASSES_NS, GAP_SHIFT, SIDE_BIT, Kind, Mark
from capture.verdicts.resets import reset_marks
from capture.verdicts.ttl import HostTtls
from capture.wire.columns import Mark as PacketMark
from capture.wire.content import Content

if TYPE_CHECKING:
    from capture.flows.table import FlowTable
    from capture.wire.columns import I64, Bool

U16 = npt.NDArray[np.uint16]
U32 = npt.NDArray[np.uint32]

HEAD = 6  # events of plain data kept at the start of a connection
NEAR = 4  # and before each event that is not plain
STRAY_NS = 5_000_000  # sooner, a second ACK is loss, reordering or offload at work
REMARK = 100  # bytes: a TLS close_notify has 24 to 53, SMTP's goodbye some more
SHORTEST_REQUEST = 16  # bytes, of HTTP: what is shorter, and was not captured, may be a goodbye
FRAME = 42  # bytes of TLS data that may be no request: an HTTP/2 frame of up to 13 bytes and its record
BIG_SEGMENT = 1000  # bytes of payload: what a path-MTU black hole swallows

# Plain ints: numpy takes them in a column's own width, where a flag would widen the column to 64 bits.
ACK, SYN = int(TcpFlags.ACK), int(TcpFlags.SYN)
SPURIOUS = int(Tag.SPURIOUS_RETRANSMISSION)
REPEATS = int(Tag.RETRANSMISSION | Tag.FAST_RETRANSMISSION | Tag.SPURIOUS_RETRANSMISSION)
PROBES = int(Tag.KEEP_ALIVE | Tag.ZERO_WINDOW_PROBE)
SECOND = int(Tag.SECOND_SIGHT)
ZERO = int(Tag.ZERO_WINDOW)
NOT_STRAY = int(Tag.SECOND_SIGHT | Tag.KEEP_ALIVE | Tag.KEEP_ALIVE_ACK)
SPECIAL = np.zeros(16, np.bool_)
SPECIAL[[Kind.SYN, Kind.SYN_ACK, Kind.RST]] = True
CONTENT_MARKS = (
    (Content.GOODBYE, Mark.GOODBYE),
    (Content.PARTING, Mark.PARTING),
    (Content.HANDSHAKE, Mark.HANDSHAKE),
)
OPENING = int(TcpFlags.SYN | TcpFlags.FIN)
DATA, FIN, RST, PURE = int(Kind.DATA), int(Kind.FIN), int(Kind.RST), int(Kind.ACK)


class Events(Struct, frozen=True):
    """Kept events of all connections: those of connection i are first[i]:first[i + 1]."""

    code: U16
    row: I64  # of FlowPackets
    first: I64  # (n + 1,)


def _kinds() -> U16:
    """Kind by TCP flags (512 entries); data is told from pure ACKs by its payload later."""
    table = np.full(512, Kind.ACK, np.uint16)
    for flags in range(512):
        if flags & TcpFlags.RST:
            table[flags] = Kind.RST
        elif flags & TcpFlags.SYN:
            table[flags] = Kind.SYN_ACK if flags & TcpFlags.ACK else Kind.SYN
        elif flags & TcpFlags.FIN:
            table[flags] = Kind.FIN
    return table


_KIND_BY_FLAGS = _kinds()


def build(flows: FlowTable) -> Events:
    """The kept events of every connection. Packets seen twice (mirror, "any") count once."""
    if not len(flows):
        return Events(np.zeros(0, np.uint16), np.zeros(0, np.int64), np.zeros(1, np.int64))
    hosts = HostTtls(flows)

    def work(start: int, stop: int) -> Events:
        stretch, rows = _seen_once(flows.stretch(start, stop))
        kept = _Builder(stretch, hosts).events()
        return kept if rows is None else Events(kept.code, rows[kept.row], kept.first)

    parts = worked(flows.first, work)
    begins = np.cumsum([0, *(len(part.first) - 1 for part in parts[:-1])])
    return Events(
        np.concatenate([part.code for part in parts]),
        np.concatenate([part.row + flows.first[begin] for part, begin in zip(parts, begins, strict=True)]),
        np.cumsum(np.concatenate([np.zeros(1, np.int64), *(np.diff(part.first) for part in parts)])),
    )


def _seen_once(flows: Stretch) -> tuple[Stretch, I64 | None]:
    """The packets without second sights, which carry no news, and their rows; None where that is all of them."""
    again = (flows.packets.tags & SECOND) != 0
    if not again.any():
        return flows, None
    rows = np.flatnonzero(~again)
    packets = FlowPackets(**{name: getattr(flows.packets, name)[rows] for name in FlowPackets.__struct_fields__})
    return Stretch(packets, np.searchsorted(rows, flows.first), flows.address), rows


class _Builder:
    """Columns shared by the steps; each step sets bits in `code`."""

    def __init__(self, flows: Stretch, hosts: HostTtls) -> None:
        self.flows, self.hosts = flows, hosts
        self.p = flows.packets
        self.n = len(flows)

    def events(self) -> Events:
        if kernels.KERNELS is not None:
            keep = self._in_one_loop(kernels.KERNELS)
            marked = (self.code & 0xF) == RST
        else:
            keep = self._in_columns()
            marked = self.rst
        for rows, mark in reset_marks(self.flows, self.hosts, self.lane, marked):
            self._mark(rows, mark)
        rows = np.flatnonzero(keep)
        code = self.code[rows]
        code |= self.p.side[rows].astype(np.uint16) * np.uint16(SIDE_BIT)
        return self._folded(rows, code)

    def _in_one_loop(self, compiled: kernels.Kernels) -> Bool:
        p, n = self.p, len(self.p.flags)
        self.code, self.lane = np.empty(n, np.uint16), np.empty(n, np.int32)
        keep: Bool = np.empty(n, np.bool_)
        room = np.empty(n, np.uint8)
        given = (p.side, p.flags, p.seq, p.ack, p.payload, p.window, p.time, p.tags, p.marks, p.ip_id, p.content)
        compiled.events(self.n, n, (self.flows.first,), given, (), (self.code, keep, self.lane, room), (), ())
        return keep

    def _in_columns(self) -> Bool:
        """The same, all rows at once in each step."""
        counts = np.diff(self.flows.first)
        self.conn = np.repeat(np.arange(self.n, dtype=np.int32), counts)
        self.lane = (self.conn << 1) | self.p.side  # connection and direction in one number
        self.code = _KIND_BY_FLAGS[self.p.flags & 0x1FF]
        self.pure = (self.code == PURE) & (self.p.payload == 0)
        self.data = (self.code == PURE) & ~self.pure
        self.code[self.data] = Kind.DATA
        self.fin = self.code == FIN
        self.rst = self.code == RST
        keep = ~self.pure
        self._probes(keep)
        self._lost(keep)
        self._fins(keep)
        self._handshake_acks(keep)
        self._zero_windows(keep)
        keep &= (self.p.tags & SECOND) == 0
        self._thin_out(keep)
        return np.asarray(keep)

    def _mark(self, rows: I64, mark: Mark) -> None:
        self.code[rows] |= np.uint16(mark)

    def _probes(self, keep: Bool) -> None:
        """Keep-alives, window probes, and the packet right after each (its answer, or none)."""
        probes = np.flatnonzero(((self.p.tags & PROBES) != 0) & (self.pure | self.data))
        if not len(probes):
            return
        self.code[probes] = Kind.PROBE
        self.data[probes] = False
        keep[probes] = True
        after = probes + 1
        after = after[after < len(self.conn)]
        answers = after[(self.conn[after] == self.conn[after - 1]) & (self.p.side[after] != self.p.side[after - 1])]
        keep[answers] = True

    def _lost(self, keep: Bool) -> None:
        """Data and FINs beyond the peer's last ACK; where the peer was never seen, nothing is called lost."""
        acks = np.flatnonzero(((self.p.flags & ACK) != 0) & ~self.rst)
        last = np.full(2 * self.n, -1, np.int64)
        last[self.lane[acks]] = acks  # of equal lanes the last assignment stays
        seen = last >= 0
        last_ack = (
            np.where(seen, self.p.ack[last], 0).astype(np.uint32) if len(acks) else np.zeros(2 * self.n, np.uint32)
        )
        # whole columns at once: cheaper than picking the rows with data first
        end = self.p.seq + self.p.payload.astype(np.uint32) + self.fin
        beyond = (end - last_ack[self.lane ^ 1]).view(np.int32) > 0
        lost = np.flatnonzero(beyond & (self.data | self.fin))
        lost = lost[seen[self.lane[lost] ^ 1]]
        self._mark(lost, Mark.LOST)
        repeated = lost[(self.p.tags[lost] & REPEATS) != 0]
        self._mark(repeated, Mark.REPEAT)
        unseen = self.p.content[lost] == int(Content.UNKNOWN)
        self._mark(lost[self.data[lost] & unseen & (self.p.payload[lost] <= REMARK)], Mark.SMALL)
        self._sized(lost)
        if len(repeated):
            self._big(repeated, ~beyond)
        fin_repeats = np.flatnonzero(self.fin & ((self.p.tags & REPEATS) != 0))
        self._mark(fin_repeats, Mark.REPEAT)
        self._in_vain(keep, seen)
        self._contents()

    def _in_vain(self, keep: Bool, seen: Bool) -> None:
        """Data and FINs repeated without news: after their side's last, the peer's last data, or before its first word.

        Where the peer was never seen, those after the last news were lost.
        """
        repeated = ((self.p.tags & REPEATS) != 0) & (self.data | self.fin)
        if not repeated.any():
            return
        news = ~self.rst & ((self.p.tags & SECOND) == 0)
        speaks = (self.p.payload > 0) | ((self.p.flags & OPENING) != 0)
        fresh = news & speaks & ((self.p.tags & (REPEATS | PROBES)) == 0)
        acks = np.flatnonzero(news & ((self.p.flags & ACK) != 0))
        acks = acks[np.argsort(self.lane[acks], kind="stable")]
        further = np.ones(len(acks), np.bool_)
        further[1:] = (self.lane[acks[1:]] != self.lane[acks[:-1]]) | (
            (self.p.ack[acks[1:]] - self.p.ack[acks[:-1]]).astype(np.int32) > 0
        )
        fresh[acks[further]] = True
        said = self._last_of_lane(
            np.flatnonzero(news & (self.p.payload > 0) & ((self.p.tags & (REPEATS | PROBES)) == 0))
        )
        last = self._last_of_lane(np.flatnonzero(fresh))
        spoke = np.flatnonzero((self.p.flags & SYN) == 0)[::-1]
        first_word = np.full(2 * self.n, len(self.conn), np.int64)
        first_word[self.lane[spoke]] = spoke
        rows = np.flatnonzero(repeated)
        lane = self.lane[rows]
        vain = rows > last[lane]
        known = ((self.p.tags[rows] & SPURIOUS) != 0) & (rows > said[lane ^ 1])
        early = self.data[rows] & (rows < first_word[lane ^ 1])
        found = rows[vain | known | early]
        self._mark(found, Mark.REPEAT)
        keep[found] = True
        self._mark(rows[vain & ~seen[lane ^ 1]], Mark.LOST)

    def _last_of_lane(self, rows: I64) -> I64:
        """The last of these rows in each direction, -1 without one. Shape (2n,)."""
        last = np.full(2 * self.n, -1, np.int64)
        last[self.lane[rows]] = rows  # of equal lanes the last assignment stays
        return last

    def _contents(self) -> None:
        """What payloads begin with, where that decides what an end cost."""
        speaks = self.data | (self.fin & (self.p.payload > 0))
        for kind, mark in CONTENT_MARKS:
            self._mark(np.flatnonzero(speaks & (self.p.content == int(kind))), mark)
        last = self._last_of_lane(np.flatnonzero(self.data))
        last = last[last >= 0]
        content, size = self.p.content[last], self.p.payload[last]
        brief = (content == int(Content.TLS_DATA)) & (size <= FRAME)
        brief |= (content == int(Content.UNKNOWN)) & (size < SHORTEST_REQUEST)
        self._mark(last[brief], Mark.SMALL)

    def _data_of(self, lanes_of: I64) -> I64:
        """Rows with data in the directions of the given rows."""
        affected = np.zeros(2 * self.n, np.bool_)
        affected[self.lane[lanes_of]] = True
        return np.flatnonzero(affected[self.lane] & (self.data | self.fin))

    def _sized(self, lost: I64) -> None:
        """New data without an ACK that is as large as a request of its side."""
        new = lost[self.data[lost] & ((self.p.tags[lost] & REPEATS) == 0)]
        if not len(new):
            return
        first = np.zeros(2 * self.n, np.int32)
        rows = self._data_of(new)[::-1]
        first[self.lane[rows]] = self.p.payload[rows]
        ample = 2 * self.p.payload[new] >= first[self.lane[new]]
        self._mark(new[ample | (self.p.content[new] == int(Content.TLS_DATA))], Mark.SIZED)

    def _big(self, repeated: I64, acked: Bool) -> None:
        """Repeats of full size in a direction where only smaller segments were acknowledged."""
        largest = np.zeros(2 * self.n, np.int32)
        rows = self._data_of(repeated)
        rows = rows[acked[rows]]
        np.maximum.at(largest, self.lane[rows], self.p.payload[rows])
        size = self.p.payload[repeated]
        big = repeated[(size >= BIG_SEGMENT) & (size > largest[self.lane[repeated]])]
        self._mark(big, Mark.BIG)

    def _fins(self, keep: Bool) -> None:
        """Which packets acknowledge the peer's FIN: the order at the far end is in ACK numbers, not in the capture."""
        fins = np.flatnonzero(self.fin)
        if not len(fins):
            return
        self._mark(fins[self.p.payload[fins] > 0], Mark.WITH_DATA)
        fins = fins[::-1]  # the first of each direction is written last, and stays
        end = np.zeros(2 * self.n, np.uint32)
        first_fin = np.full(self.n, len(self.conn), np.int32)
        has = np.zeros(2 * self.n, np.bool_)
        end[self.lane[fins]] = self.p.seq[fins] + self.p.payload[fins].astype(np.uint32) + 1
        has[self.lane[fins]] = True
        first_fin[self.conn[fins]] = fins
        rows = np.flatnonzero(np.arange(len(self.conn), dtype=np.int32) > first_fin[self.conn])
        peer = self.lane[rows] ^ 1
        covers = (
            has[peer]
            & ((self.p.flags[rows] & ACK) != 0)
            & ((self.p.ack[rows] - end[peer]).astype(np.int32) >= 0)
            & ~self.rst[rows]
        )
        rows = rows[covers]
        self._mark(rows, Mark.ACKS_FIN)
        keep[rows] = True

    def _handshake_acks(self, keep: Bool) -> None:
        """Keep the ACK right after a SYN,ACK, an ACK in answer to a SYN or to a RST, and stray ACKs."""
        opening = np.flatnonzero(SPECIAL[self.code[:-1] & 0xF])
        answers = opening + 1
        answers = answers[self.pure[answers] & ((self.lane[answers] ^ 1) == self.lane[opening])]
        keep[answers] = True
        p = self.p
        again = np.flatnonzero(self.pure[1:] & self.pure[:-1] & (self.lane[1:] == self.lane[:-1])) + 1
        again = again[(p.seq[again] == p.seq[again - 1]) & (p.ack[again] == p.ack[again - 1])]
        before = again - 1
        stray = again[
            (p.window[again] == p.window[before])
            & ((p.marks[again] & int(PacketMark.SACK)) == 0)
            & ((p.tags[again] & NOT_STRAY) == 0)
            & (p.time[again] - p.time[before] >= STRAY_NS)
            & ((p.ip_id[again] != p.ip_id[before]) | ((p.marks[again] & int(PacketMark.IPV6)) != 0))
        ]
        self._mark(stray, Mark.STRAY)
        keep[stray] = True

    def _thin_out(self, keep: Bool) -> None:
        """Drop most of a bulk transfer at once: plain data right before plain data of its side, or one plain ACK apart.

        The folding would do it too; this spares it most of the packets.
        """
        plain = self.code == DATA
        dull = self.pure & ~keep
        keep[:-1] &= ~(plain[1:] & plain[:-1] & (self.lane[1:] == self.lane[:-1]))
        keep[:-2] &= ~(plain[2:] & plain[:-2] & dull[1:-1] & (self.lane[2:] == self.lane[:-2]))

    def _zero_windows(self, keep: Bool) -> None:
        rows = np.flatnonzero(((self.p.tags & ZERO) != 0) & (self.pure | self.data | self.fin))
        if not len(rows):
            return
        self._mark(rows, Mark.ZERO)
        keep[rows] = True
        # and the packet that opens the window again
        stalls = np.zeros(2 * self.n, np.bool_)
        stalls[self.lane[rows]] = True
        own = np.flatnonzero(stalls[self.lane] & ~self.rst)
        own = own[np.argsort(self.lane[own], kind="stable")]
        closed = (self.code[own] & int(Mark.ZERO)) != 0
        opens = closed[:-1] & ~closed[1:] & (self.lane[own[1:]] == self.lane[own[:-1]])
        keep[own[1:][opens]] = True

    def _folded(self, rows: I64, code: U16) -> Events:
        """Cut runs and alternations to their ends, drop the plain middle, add the silences."""
        conn = self.lane[rows] >> 1
        for folds in ((_fold_runs,), (_fold_alternations, _fold_plain), (_fold_alternations,)):
            keep = np.ones(len(rows), np.bool_)
            for fold in folds:
                fold(code, conn, keep)
            if not keep.all():
                rows, code, conn = rows[keep], code[keep], conn[keep]
        self._add_gaps(rows, code)
        first = np.zeros(self.n + 1, np.int64)
        np.cumsum(np.bincount(conn, minlength=self.n), out=first[1:])
        return Events(code, rows, first)

    def _add_gaps(self, rows: I64, code: U16) -> None:
        """The class of the silence before FINs, RSTs and the data that matters, as bits."""
        kind = code & 0xF
        told = (kind == FIN) | (kind == RST)
        told |= (kind == DATA) & ((code & int(Mark.GOODBYE | Mark.PARTING)) != 0)
        told |= self._last_turns(rows, kind, code)
        told |= (kind == DATA) & ((code & int(Mark.LOST | Mark.ACKS_FIN)) != 0) & ((code & int(Mark.REPEAT)) == 0)
        where = np.flatnonzero(told & (rows > 0))
        there = rows[where]
        same = self.lane[there] >> 1 == self.lane[there - 1] >> 1
        where, there = where[same], there[same]
        gap = self.p.time[there] - self.p.time[there - 1]
        classes = np.searchsorted(np.array(GAP_CLASSES_NS), gap, side="right").astype(np.uint16)
        code[where] |= classes << np.uint16(GAP_SHIFT)

    def _last_turns(self, rows: I64, kind: npt.NDArray[Any], code: U16) -> Bool:
        """Of each side of a connection with a RST, the event with which it last took the word to say something."""
        turn = np.zeros(len(rows), np.bool_)
        lane = self.lane[rows]
        reset = np.zeros(self.n, np.bool_)
        reset[lane[kind == RST] >> 1] = True
        said = (kind == DATA) & ((code & int(Mark.REPEAT | Mark.GOODBYE)) == 0) & reset[lane >> 1]
        at = np.flatnonzero(said)
        if not len(at):
            return turn
        first = np.ones(len(at), np.bool_)
        first[1:] = lane[at[1:]] != lane[at[:-1]]
        at = at[first]
        last = np.full(2 * self.n, -1, np.int64)
        last[lane[at]] = at  # of equal lanes the last assignment stays
        turn[last[last >= 0]] = True
        return turn


def _fold_runs(code: U16, conn: npt.NDArray[np.int32], keep: Bool) -> None:
    """Of a run of the same event keep the first two and the last: two tells "again", three "and again"."""
    if len(code) < 4:
        return
    same = (code[1:] == code[:-1]) & (conn[1:] == conn[:-1])  # event k + 1 repeats event k
    plain = _plain(code)
    # inside: repeats the one before, which repeats the one before it, and is repeated by the next
    keep[2:-1] &= ~(same[1:-1] & same[:-2] & same[2:])
    keep[:-1] &= ~(same & plain[1:])  # of plain data the last is enough


def _fold_alternations(code: U16, conn: npt.NDArray[np.int32], keep: Bool) -> None:
    """Of a stretch A B A B A B keep both ends: the middle is removed where two steps back and ahead are the same."""
    if len(code) < 7:
        return
    two = (code[2:] == code[:-2]) & (conn[2:] == conn[:-2])  # event k + 2 equals event k
    # middle k: equal to k - 2 and k + 2, with k - 1 equal to k + 1 and k - 3
    keep[3:-3] &= ~(two[:-4] & two[1:-3] & two[2:-2] & two[3:-1] & two[4:])


def _plain(code: U16) -> Bool:
    plain: Bool = (code & 0x7FFF) == DATA
    return plain


def _fold_plain(code: U16, conn: npt.NDArray[np.int32], keep: Bool) -> None:
    """Drop plain data that is neither among the first events nor close before one that is not plain."""
    if not len(code):
        return
    important = ~_plain(code)
    important[:-1] |= conn[1:] != conn[:-1]
    important[-1] = True
    near = important.copy()
    for step in range(1, NEAR + 1):
        near[:-step] |= important[step:]
    starts = np.flatnonzero(np.r_[True, conn[1:] != conn[:-1]])
    position = np.arange(len(code)) - np.repeat(starts, np.diff(np.r_[starts, len(code)]))
    keep &= near | (position < HEAD)
