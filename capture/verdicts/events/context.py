"""What is known of a connection beside its own events, as bits: from its packets, its listener, its capture."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from capture.flows.connection_table import Answer
from capture.model import TcpFlags
from capture.verdicts.events.event_codes import GAP_MASK, SIDE_BIT, Context, Kind, Trait
from capture.verdicts.events.vantage import Place, is_initial
from capture.wire.column_types import PacketMark
from capture.wire.numpy_sets import among, distinct, either, numbered

if TYPE_CHECKING:
    import numpy.typing as npt

    from capture.flows.connection_table import Events, FlowTable
    from capture.wire.column_types import I64, U16, U32, Bool

QUIET_NS = 1_000_000_000  # captured on for so long after a connection's last packet: its silence means something
AT_ONCE_NS = 5_000_000  # between a side's last words and its FIN: no time-out is that short
UPLOAD_LEAST = 4096  # bytes
INITIAL_WINDOW = 14_600  # bytes, ten segments (RFC 6928)
THIRD = np.zeros(16, np.bool_)
THIRD[[Kind.ACK, Kind.DATA, Kind.FIN, Kind.RST, Kind.PROBE]] = True
BITS = np.left_shift(1, np.arange(16)).astype(np.uint16)
LOST_AGAIN = int(Trait.LOST | Trait.REPEAT)
NOTHING = Context(0)
ANSWER = Context.ANSWER_WHOLE | Context.ANSWER_CUT_SHORT
PLAIN = (
    ANSWER
    | Context.ONLY_CLIENT
    | Context.LEFT_AT_ONCE
    | Context.MIDSTREAM
    | Context.ONE_SIDED
    | Context.RESPONDER_ONLY
    | Context.UPLOAD
    | Context.LONG_ANSWER
)
CROWD = 8  # half-open handshakes at one listener


def context_of(
    flows: FlowTable, events: Events, listeners: I64, until: int | None = None, missing: Context = NOTHING
) -> U32:
    """The context word of each connection, shape (n,); `listeners` are those of `listeners_of`.

    `until` is when the capture ended (epoch ns), where packets of other protocols came after the last TCP packet;
    `missing` what a printed capture leaves out.
    """
    n = len(flows)
    word = np.zeros(n, np.uint32)
    if not n:
        return word
    facts = _Facts(flows, events, listeners, until)
    for bit, where in (
        (Context.MIDSTREAM, ~facts.syn & ~facts.syn_ack),
        (Context.ONE_SIDED, (flows.packet_count[:, 0] == 0) | (flows.packet_count[:, 1] == 0)),
        (Context.RESPONDER_ONLY, flows.packet_count[:, 0] == 0),
        (Context.TIMESTAMPS, facts.timestamps()),
        (Context.UPLOAD, facts.uploads()),
        (Context.LONG_ANSWER, flows.bytes[:, 1] > INITIAL_WINDOW),
        (Context.QUIET_END, facts.quiet()),
        (Context.LAST_OF_ALL, facts.last_of_all()),
        (Context.BUSY_LISTENER, facts.busy()),
        (Context.ONLY_CLIENT, facts.only_client()),
        (Context.LEFT_AT_ONCE, facts.left_at_once()),
        (Context.CROWD_OF_SYNS, facts.crowd()),
        (Context.KNOWN_HOST, facts.known_host() | facts.own_refusal()),
        (Context.AT_CLIENT, facts.captured_at(Place.CLIENT)),
        (Context.AT_SERVER, facts.captured_at(Place.SERVER)),
        (Context.ANSWER_WHOLE, flows.answer == Answer.WHOLE),
        (Context.ANSWER_CUT_SHORT, flows.answer == Answer.CUT_SHORT),
    ):
        word |= np.multiply(where, np.uint32(bit))
    # a fact that changes no verdict only makes more signatures
    reset = facts.with_kind(Kind.RST)
    plain = ~reset & facts.syn_ack & facts.both_fins()
    silent = reset & (flows.bytes[:, 0] == 0)  # or a greeting
    word[~plain & ~silent] &= np.uint32(~int(Context.LONG_ANSWER) & 0xFFFFFFFF)
    word[plain] &= np.uint32(PLAIN)
    word |= np.uint32(missing & (Context.NO_TIME | Context.GAPS))
    word[reset] |= np.uint32(missing & Context.NO_TTL)
    return word


def listeners_of(flows: FlowTable) -> I64:
    """A number for each responder address and port, per connection: 0 … less than the number of connections."""
    return numbered(flows.address[:, 1] * 65536 + flows.port[:, 1])


class _Facts:
    def __init__(self, flows: FlowTable, events: Events, listeners: I64, until: int | None) -> None:
        self.flows, self.events, self.until = flows, events, until
        self.n = len(flows)
        histories = events.histories  # of each distinct history, not of each connection
        self.code, self.history = histories.code, histories.of.astype(np.intp)
        self.some = np.diff(histories.first) > 0  # histories that have events, and where each one's begin
        self.begin = histories.first[:-1][self.some]
        self.kind = np.bitwise_and(self.code, 0xF, dtype=np.uint8, casting="unsafe")
        self.syn = self.with_kind(Kind.SYN)
        self.syn_ack = self.with_kind(Kind.SYN_ACK)
        self.listener = listeners

    def with_kind(self, kind: Kind) -> Bool:
        """Connections that have an event of a kind."""
        has: Bool = (self._kinds & np.uint16(1 << kind)) != 0
        return has

    def _of_events(self, reduce: np.ufunc, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What the events of each connection come to; 0 without any. Shape (n,)."""
        found = np.zeros(len(self.some), values.dtype)
        if len(self.begin):
            found[self.some] = reduce.reduceat(values, self.begin)
        return found[self.history]

    def _any(self, events: Bool) -> Bool:
        """Connections that have any of these events."""
        return self._of_events(np.logical_or, events)

    @cached_property
    def _kinds(self) -> U16:
        """Which kinds of events each connection has, as bits."""
        return self._of_events(np.bitwise_or, BITS[self.kind])

    def both_fins(self) -> Bool:
        """Connections with a FIN of each side."""
        of_originator, of_responder = self._by_side(Kind.FIN)
        return of_originator & of_responder

    def _by_side(self, kind: Kind) -> tuple[Bool, Bool]:
        """Connections that have an event of a kind by the originator, and by the responder."""
        events = self.kind == int(kind)
        return self._any(events & (self.code < SIDE_BIT)), self._any(events & (self.code >= SIDE_BIT))

    def timestamps(self) -> Bool:
        """The side that reset had used the timestamp option on another packet."""
        of_originator, of_responder = self._by_side(Kind.RST)
        has = np.zeros(self.n, np.bool_)
        opening = self.flows.opening
        for packet in (0, 1):
            used = (opening.marks[:, packet] & int(PacketMark.TIMESTAMP)) != 0
            used &= (opening.flags[:, packet] & int(TcpFlags.RST)) == 0
            has |= used & np.where(opening.side[:, packet] == 0, of_originator, of_responder)
        return has

    def uploads(self) -> Bool:
        """The originator sent several segments, and more than it got."""
        sent, got = self.flows.bytes[:, 0], self.flows.bytes[:, 1]
        where: Bool = (sent >= UPLOAD_LEAST) & (sent > 2 * got)
        return where

    def quiet(self) -> Bool:
        """The capture went on after the last packet, or that is the capture's last, and no fresh SYN."""
        where: Bool = (self._silence >= QUIET_NS) | self.last_of_all()
        return where

    def last_of_all(self) -> Bool:
        """The capture's last packet is its own, and no fresh SYN."""
        where: Bool = (self._silence == self._silence.min()) & (self._silence < QUIET_NS) & ~self._single_syn
        return where

    @cached_property
    def _silence(self) -> I64:
        """From each connection's last packet to the end of the capture, ns."""
        return max(self.flows.ends_at, self.until or self.flows.ends_at) - self.flows.last_time

    @cached_property
    def _single_syn(self) -> Bool:
        """One SYN and nothing else."""
        single: Bool = self.syn & (self.flows.packet_count[:, 0] + self.flows.packet_count[:, 1] == 1)
        return single

    @cached_property
    def _fresh_syn(self) -> Bool:
        """One SYN less than a second before the end of the capture: too early for an answer, or its repetition."""
        fresh: Bool = self._single_syn & (self._silence < QUIET_NS)
        return fresh

    def _lonely_syn(self) -> Bool:
        """A SYN without any answer of the responder."""
        lonely: Bool = self.syn & (self.flows.packet_count[:, 1] == 0)
        return lonely

    def _repeated_accepts(self) -> Bool:
        return self._of_events(np.add, (self.kind == int(Kind.SYN_ACK)).astype(np.int64)) > 1

    def busy(self) -> Bool:
        """Listeners that took some connections and not others: SYNs, handshakes or first data went unanswered there."""
        ignored = self._ignored()
        waiting = self.syn_ack & (self.flows.bytes[:, 1] == 0) & ~ignored
        missed = (self._lonely_syn() & ~self._fresh_syn) | self._acked_yet_repeated()
        return self._where_both(missed, self.syn_ack) | self._where_both(ignored, waiting)

    def only_client(self) -> Bool:
        """The originator repeated data, and no other connection to its listener was captured: nobody else fills its
        queue."""
        repeats = (self.kind == int(Kind.DATA)) & ((self.code & int(Trait.REPEAT)) != 0) & (self.code < SIDE_BIT)
        where: Bool = self._any(repeats)
        if where.any():
            where &= np.bincount(self.listener, minlength=self.n)[self.listener] == 1
        return where

    def left_at_once(self) -> Bool:
        """The originator's FIN came right after what it had said last, and the responder's only after a silence: the
        one had not waited for an answer to that, however long the other took."""
        code, kind = self.code, self.kind
        own = code < SIDE_BIT
        late = (kind == int(Kind.FIN)) & ~own & ((code & GAP_MASK) != 0)
        fin = (kind == int(Kind.FIN)) & own & ((code & int(Trait.REPEAT)) == 0)
        at_once = fin & ((code & int(Trait.WITH_DATA)) != 0)
        after = np.zeros(len(code), np.bool_)
        after[1:] = fin[1:] & (kind[:-1] == int(Kind.DATA)) & own[:-1]
        slow = self._any(late)
        where, asked = self._any(at_once) & slow, self._any(after) & slow
        for connection in np.flatnonzero(asked & ~where).tolist():
            where[connection] = self._soon(connection)
        return where

    def _soon(self, connection: int) -> bool:
        events = self.events
        rows = np.arange(events.first[connection], events.first[connection + 1])
        first_fin = rows[(events.code[rows] & 0xF == int(Kind.FIN)) & (events.code[rows] < SIDE_BIT)][0]
        return int(events.time[first_fin] - events.time[first_fin - 1]) < AT_ONCE_NS

    def _where_both(self, some: Bool, others: Bool) -> Bool:
        """All connections to the listeners that have some of both."""
        where = np.zeros(self.n, np.bool_)
        if some.any():
            has_other = np.zeros(self.n, np.bool_)
            where[self.listener[some]] = has_other[self.listener[others]] = True
            where = (where & has_other)[self.listener]
        return where

    def _ignored(self) -> Bool:
        """The handshake was done, and the originator's data repeated in vain: the responder never said more."""
        code = self.code
        in_vain = (self.kind == int(Kind.DATA)) & ((code & LOST_AGAIN) == LOST_AGAIN) & (code < SIDE_BIT)
        where: Bool = self._any(in_vain) & self.syn_ack & (self.flows.bytes[:, 1] == 0)
        return where

    def _acked_yet_repeated(self) -> Bool:
        lost = (self.kind == int(Kind.DATA)) & ((self.code & int(Trait.LOST)) != 0)
        return self._repeated_accepts() & self._any(lost)

    def crowd(self) -> Bool:
        """Many half-open handshakes at one listener; the SYNs that it no longer answered belong to them."""
        third = (self.code < SIDE_BIT) & THIRD[self.kind]
        both = self.flows.packet_count[:, 0] > 0  # one direction alone tells nothing
        half = self.syn_ack & ~self._any(third) & both
        if not half.any():
            return half
        count = np.bincount(self.listener[half], minlength=self.n)
        where: Bool = (half | self._lonely_syn()) & (count[self.listener] >= CROWD)
        return where

    def own_refusal(self) -> Bool:
        """The host itself refused: it is the originator's own, or the RST was captured where it was sent, behind a
        router that the SYN had passed."""
        opening, address = self.flows.opening, self.flows.address
        where: Bool = self.with_kind(Kind.RST) & ~self.syn_ack & (opening.side[:, 0] == 0) & (opening.side[:, 1] == 1)
        if where.any():
            routed = ~is_initial(opening.ttl[:, 0]) & (opening.ttl[:, 0] > 0)
            where &= (address[:, 0] == address[:, 1]) | (routed & is_initial(opening.ttl[:, 1]))
        return where

    def captured_at(self, place: Place) -> Bool:
        """Resets captured at one end: nothing lies between it and the capture."""
        opening, side = self.flows.opening, int(place is Place.SERVER)
        where: Bool = self.with_kind(Kind.RST) & (self.flows.place == place)
        if where.any():
            where &= either(is_initial(opening.ttl) & (opening.side == side))
        return where

    def known_host(self) -> Bool:
        """The responder of a refused SYN answers elsewhere in the capture (its RST's TTL was compared)."""
        where = self.with_kind(Kind.RST) & ~self.syn_ack
        if where.any():
            where &= among(self.flows.address[:, 1], distinct(self.flows.address[self.syn_ack, 1]))
        return where
