"""Zeek's history and conn_state for all connections: one run of its rules for each distinct sequence of segments.

In a connection without irregularities only the first segment of each kind tells anything; in the others also repeated
payload, SYNs, FINs and RSTs, and windows of zero. What these tell fits into a few bits each; a connection is then a
short string of such events, and connections with the same string share one run.

As with Zeek's -C, checksums are not judged: a card often fills them in after the capture.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from capture import kernels
from capture.flows.analysis import Analysed
from capture.flows.rows import Neighbours
from capture.flows.table import FlowPackets
from capture.flows.zeekstate import ZeekConnection, ZeekEvent
from capture.model import TcpFlags
from capture.wire.columns import I64, U8, U16, Bool

SYN, ACK, FIN, RST = int(TcpFlags.SYN), int(TcpFlags.ACK), int(TcpFlags.FIN), int(TcpFlags.RST)
CONTROL = SYN | FIN | RST
U64 = npt.NDArray[np.uint64]
TELLING = CONTROL | int(ZeekEvent.AGAIN | ZeekEvent.ZERO_WINDOW | ZeekEvent.DIFFERING)
EARLIEST, DIFFERING = 1, 2
LONGEST = 15  # kinds that a short signature holds, 4 bits each
EVENT_OF_KIND = (
    0,
    ACK,
    ACK | ZeekEvent.PAYLOAD,
    SYN,
    SYN | ACK,
    FIN | ACK,
    RST | ACK,
    0,
)


class Histories:
    """Histories of one capture; what was told once is remembered."""

    def __init__(self) -> None:
        self._known: dict[tuple[int | bytes, bool, bool], tuple[str, str]] = {}

    def tell(
        self, packets: FlowPackets, first: I64, near: Neighbours, flipped: Bool, analysed: Analysed, empty: Bool
    ) -> tuple[list[str], list[str]]:
        """(history, conn_state) of each connection. `empty`: connections without payload (n,)."""
        n = len(first) - 1
        if not n:
            return [], []
        told = _told(packets, first, near)
        irregular = ~analysed.in_order | told.irregular
        signature = told.signature
        short = (signature << np.uint64(2)) | (flipped.astype(np.uint64) << np.uint64(1)) | empty.astype(np.uint64)
        distinct, inverse = np.unique(short, return_inverse=True)
        known = [self._told(value >> 2, bool(value & 2), bool(value & 1)) for value in distinct.tolist()]
        history, state = (np.array(words, object)[inverse] for words in zip(*known, strict=True))
        if irregular.any():
            events = _events(packets, analysed.repeats, np.flatnonzero(told.rows & DIFFERING))
            events[((told.rows & EARLIEST) == 0) & ((events & TELLING) == 0)] = 0
            rows = np.flatnonzero((events != 0) & irregular[near.connection])
            connections = np.flatnonzero(irregular)
            pairs = self._tell_irregular(events[rows], np.searchsorted(rows, first), connections, flipped, empty)
            history[connections], state[connections] = zip(*pairs, strict=True)
        return history.tolist(), state.tolist()

    def _tell_irregular(
        self, events: U16, begin: I64, connections: I64, flipped: Bool, empty: Bool
    ) -> list[tuple[str, str]]:
        """Tell connections whose events need more than a short signature; `begin` says where each one's are."""
        raw, bounds = events.tobytes(), (begin * events.itemsize).tolist()
        flags = zip(connections.tolist(), flipped[connections].tolist(), empty[connections].tolist(), strict=True)
        return [self._told(raw[bounds[i] : bounds[i + 1]], flip, no_payload) for i, flip, no_payload in flags]

    def _told(self, signature: int | bytes, flipped: bool, empty: bool) -> tuple[str, str]:
        key = (signature, flipped, empty)
        told = self._known.get(key)
        if told is None:
            connection = ZeekConnection(flipped=flipped)
            for event in _unfolded(signature):
                connection.take(event)
            told = self._known[key] = (connection.history, connection.conn_state(empty=empty))
        return told


def _unfolded(signature: int | bytes) -> list[int]:
    if isinstance(signature, bytes):
        events: list[int] = np.frombuffer(signature, np.uint16).tolist()
        return events
    events = []
    while signature:
        events.append(EVENT_OF_KIND[signature & 7] | (ZeekEvent.RESPONDER if signature & 8 else 0))
        signature >>= 4
    return events


class _Told(Struct, frozen=True):
    """What the plain rules say of n connections."""

    signature: U64  # (n,) the kinds of its segments, each kind of each side once, in order of its first: 4 bits each
    irregular: Bool  # (n,) … which do not tell all of it
    rows: U8  # (packets,) EARLIEST of its kind; DIFFERING from the last SYN, FIN or RST of its side


def _told(packets: FlowPackets, first: I64, near: Neighbours) -> _Told:
    n, rows = len(first) - 1, np.empty(len(packets.seq), np.uint8)
    signature, irregular = np.empty(n, np.uint64), np.empty(n, np.bool_)
    if kernels.KERNELS is not None:
        columns = (packets.side, packets.flags, packets.seq, packets.payload, packets.window)
        kernels.KERNELS.signatures(n, len(rows), (first,), columns, (), (rows,), (), (signature, irregular))
        return _Told(signature, irregular, rows)
    kinds, odd = _kinds(packets)
    signature, length, earliest = _signatures(kinds, packets.side, near, n)
    differing = _differing_control(packets, near)
    irregular = length > LONGEST
    irregular[near.connection[odd]] = True
    irregular[near.connection[differing]] = True
    rows = earliest.astype(np.uint8) * np.uint8(EARLIEST)
    rows[differing] |= np.uint8(DIFFERING)
    return _Told(signature, irregular, rows)


def _kinds(packets: FlowPackets) -> tuple[U8, I64]:
    """Each segment's kind, and the rows that need the whole connection looked at.

    0 nothing, 1 ACK, 2 data, 3 SYN, 4 SYN,ACK, 5 FIN, 6 RST, 7 several of them.
    """
    flags = packets.flags
    kinds = ((flags & ACK) != 0).astype(np.uint8)
    kinds[packets.payload > 0] = 2
    control = np.flatnonzero(flags & CONTROL)
    table = np.full(32, 7, np.uint8)
    table[[SYN, SYN | ACK, FIN, FIN | ACK, RST, RST | ACK]] = (3, 4, 5, 5, 6, 6)
    kinds[control] = table[flags[control] & (CONTROL | ACK)]
    several = control[kinds[control] == 7]
    closed = np.flatnonzero(packets.window == 0)
    closed = closed[(flags[closed] & RST) == 0]
    return kinds, np.concatenate((several, closed))


def _differing_control(packets: FlowPackets, near: Neighbours) -> I64:
    """SYNs, FINs and RSTs whose sequence number is not that of the last such segment of their side."""
    found = []
    for wanted in (SYN, FIN, RST):
        rows = np.flatnonzero((packets.flags & CONTROL) == wanted)
        if len(rows) < 2:
            continue
        key = (near.connection[rows].astype(np.int64) << 1) | packets.side[rows]
        if wanted == SYN:
            key = (key << 1) | ((packets.flags[rows] & ACK) != 0)
        order = np.argsort(key, kind="stable")
        rows, key = rows[order], key[order]
        position = packets.seq[rows]
        if wanted == FIN:
            position = position + packets.payload[rows].astype(np.uint32)
        again = (key[1:] == key[:-1]) & (position[1:] != position[:-1])
        found.append(rows[1:][again])
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _events(packets: FlowPackets, repeats: Bool, differing: I64) -> U16:
    events: U16 = (packets.flags & (CONTROL | ACK)).astype(np.uint16)
    events |= (packets.payload > 0).astype(np.uint16) * np.uint16(ZeekEvent.PAYLOAD)
    events |= packets.side.astype(np.uint16) * np.uint16(ZeekEvent.RESPONDER)
    events[repeats] |= np.uint16(ZeekEvent.AGAIN)
    events[packets.window == 0] |= np.uint16(ZeekEvent.ZERO_WINDOW)
    events[differing] |= np.uint16(ZeekEvent.DIFFERING)
    return events


def _signatures(kinds: U8, side: U8, near: Neighbours, connections: int) -> tuple[np.ndarray, I64, Bool]:
    """The kinds of each connection's segments, each kind of each side once, in order of its first: 4 bits each.

    Also how many that are, and whether each row is such a first one.
    """
    code = kinds | (side << 3)
    slot = (near.connection << 4) | code
    index = np.arange(len(slot), dtype=np.int32)
    earliest = np.empty(connections << 4, np.int32)
    earliest[slot[::-1]] = index[::-1]  # the last write wins: the first row
    is_first: Bool = earliest[slot] == index
    is_first &= kinds > 0
    rows = np.flatnonzero(is_first)
    owner = near.connection[rows]
    count = np.bincount(owner, minlength=connections)
    begin = np.cumsum(count) - count
    ordinal = np.arange(len(rows)) - begin[owner]
    parts = code[rows].astype(np.uint64) << (4 * ordinal).astype(np.uint64)
    signature = np.zeros(connections, np.uint64)
    told = count > 0
    if len(rows):
        signature[told] = np.bitwise_or.reduceat(parts, begin[told])
    return signature, count, is_first
