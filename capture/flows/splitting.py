"""Where one conversation (5-tuple) holds several connections: port reuse by a SYN, and RSTs that stand alone.

A bare SYN starts a new connection where its ISN is new, or where the connection before it was closed. It does not
where it repeats the SYN before it, opens from the other side at once (simultaneous open), belongs to a SYN,ACK or
an ACK that the capture shows before it, or where the connection demonstrably went on (a stray SYN, RFC 5961 §4).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from capture import kernels
from capture.model import TcpFlags
from capture.wire.arrays import distinct
from capture.wire.columns import I32, I64, U8, U16, U32, Bool

LOOK_BACK, LOOK_AHEAD = 4096, 256  # rows looked at around a doubtful SYN: a bound on work
LONE_RST_NS = 5_000_000_000  # RSTs with nothing else around them and this far apart are separate events
NEAR = 1 << 20  # sequence numbers this close belong to the same stream
SYN, ACK, FIN, RST = int(TcpFlags.SYN), int(TcpFlags.ACK), int(TcpFlags.FIN), int(TcpFlags.RST)


def connection_starts(key: I32, flags: U16, seq: U32, fetch: Callable[[str, slice], np.ndarray]) -> Bool:
    """Whether a connection starts at each row. Rows sorted by conversation, in file order; shapes (n,).

    `key` is conversation << 1 | direction; `fetch` gives rows of another column (time, ack, payload), rarely needed.
    """
    if not len(key):
        return np.ones(0, np.bool_)
    starts, doubtful = _starts(key, flags, seq)
    if not len(doubtful):
        return starts
    conversation = key >> 1
    lows = np.searchsorted(conversation, doubtful).tolist()
    highs = np.searchsorted(conversation, doubtful, "right").tolist()
    for low, high in zip(lows, highs, strict=True):
        starts[low + 1 : high] = False
        part = slice(low, high)
        rows = Slice(key[part] & 1, flags[part], seq[part], fetch("ack", part), fetch("time", part))
        for row in rows.starts(fetch("payload", part)):
            starts[low + row] = True
    return starts


def _starts(key: I32, flags: U16, seq: U32) -> tuple[Bool, I32]:
    """Where connections start by plain rules, and the conversations that need a closer look, in order."""
    n, conversations = len(key), int(key[-1] >> 1) + 1
    starts: Bool = np.ones(n, np.bool_)
    if kernels.KERNELS is not None:
        doubt = np.empty(conversations, np.bool_)
        kernels.KERNELS.conversation_starts(n, conversations, (key, flags, seq), (starts,), (doubt,))
        return starts, np.flatnonzero(doubt).astype(np.int32)
    conversation = key >> 1
    np.not_equal(conversation[1:], conversation[:-1], out=starts[1:])
    first_rows = np.flatnonzero(starts)
    doubtful = _reuse(key, flags, seq, starts)
    doubtful.update(_lone_rst_conversations(conversation, flags, first_rows))
    return starts, np.array(sorted(doubtful), np.int32)


def _reuse(key: I32, flags: U16, seq: U32, starts: Bool) -> set[int]:
    """Mark plain port reuse in `starts`; the conversations that need a closer look are returned."""
    is_syn = (flags & (SYN | ACK | FIN | RST)) == SYN
    inner = np.flatnonzero(is_syn & ~starts)
    if not len(inner):
        return set()
    syn = np.flatnonzero(is_syn)
    before = syn[np.maximum(np.searchsorted(syn, inner) - 1, 0)]
    closing = np.cumsum((flags & (FIN | RST)) != 0, dtype=np.int32)
    other_than_rst = np.cumsum((flags & RST) == 0, dtype=np.int32)
    same_end = (before < inner) & (key[before] == key[inner])
    same_isn = seq[before] == seq[inner]
    closed_between = closing[inner] != closing[before]
    only_rst_between = other_than_rst[inner] == other_than_rst[before] + 1
    repeated = same_end & same_isn & (~closed_between | only_rst_between)
    reused = same_end & ~same_isn & (closed_between | (before == inner - 1))
    starts[inner[reused]] = True
    conversations: list[int] = (key[inner[~(repeated | reused)]] >> 1).tolist()
    return set(conversations)


def _lone_rst_conversations(conversation: I32, flags: U16, first_rows: I64) -> list[int]:
    """Conversations that begin with a RST and go on."""
    begins = first_rows[(flags[first_rows] & RST) != 0]
    if not len(begins):
        return []
    ends = np.append(first_rows, len(conversation))[np.searchsorted(first_rows, begins) + 1]
    begins = begins[ends - begins > 1]
    found: list[int] = distinct(conversation[begins]).tolist()
    return found


class Slice:
    """The rows of one conversation, walked by its control segments."""

    def __init__(self, side: I32, flags: U16, seq: U32, ack: U32, time: I64) -> None:
        self.side: U8 | I32 = side
        self.flags, self.seq, self.ack, self.time = flags, seq, ack, time

    def starts(self, payload: I32) -> list[int]:
        """Rows (from 0) at which a connection starts, the first row left out."""
        found: list[int] = []
        start = 0
        candidates = (self.flags & (SYN | ACK | FIN | RST) == SYN) | self._late_after_rst()
        for row in np.flatnonzero(candidates).tolist():
            if row > start and self._starts_at(start, row, payload):
                found.append(row)
                start = row
        return found

    def _late_after_rst(self) -> Bool:
        late = np.zeros(len(self.flags), np.bool_)
        late[1:] = ((self.flags[:-1] & RST) != 0) & (np.diff(self.time) >= LONE_RST_NS)
        return late

    def _starts_at(self, start: int, row: int, payload: I32) -> bool:
        start = max(start, row - LOOK_BACK)
        flags = self.flags[start:row]
        bare_syn = self.flags[row] & (SYN | ACK | FIN | RST) == SYN
        if not bare_syn:
            return bool(((flags & RST) != 0).all())
        own = self.side[start:row] == self.side[row]
        syns = flags & (SYN | ACK) == SYN
        isn = int(self.seq[row])
        if self._answered_before(start, row):
            return False
        established = bool(((flags & SYN == 0) & ((payload[start:row] > 0) | (flags & FIN != 0))).any()) or bool(
            (flags & (SYN | ACK) == SYN | ACK).any()
        )
        closed = bool((flags & (FIN | RST) != 0).any())
        earlier = np.flatnonzero(syns & own)
        if len(earlier):
            if int(self.seq[start + int(earlier[-1])]) == isn:
                return closed and established and self._answered(row)
            return closed or not self._goes_on(start, row)
        if (syns & ~own).any():
            return established or closed
        if bool(((flags & RST) != 0).all()):
            return int(self.time[row]) - int(self.time[row - 1]) >= LONE_RST_NS
        return closed or not self._goes_on(start, row)

    def _answered_before(self, start: int, row: int) -> bool:
        """The SYN,ACK or a segment of the new stream was captured before the SYN itself."""
        own = self.side[start:row] == self.side[row]
        after = np.uint32((int(self.seq[row]) + 1) & 0xFFFFFFFF)
        answers = ~own & (self.flags[start:row] & (SYN | ACK) == SYN | ACK) & (self.ack[start:row] == after)
        if answers.any():
            syns = own & (self.flags[start:row] & (SYN | ACK) == SYN) & (self.seq[start:row] == self.seq[row])
            return not syns.any()
        first = np.flatnonzero(own & (self.flags[start:row] & RST == 0))
        return bool(len(first)) and int(self.seq[start + int(first[0])]) == int(after)

    def _answered(self, row: int) -> bool:
        after = np.uint32((int(self.seq[row]) + 1) & 0xFFFFFFFF)
        later = slice(row + 1, row + LOOK_AHEAD)
        hit = (self.side[later] != self.side[row]) & (self.ack[later] == after)
        return bool((hit & (self.flags[later] & SYN != 0)).any())

    def _goes_on(self, start: int, row: int) -> bool:
        """After an unanswered SYN its sender went on in the old stream: the SYN was a stray (challenge ACK)."""
        if self._answered(row):
            return False
        own = np.flatnonzero((self.side[start:row] == self.side[row]) & (self.flags[start:row] & (SYN | RST) == 0))
        if not len(own):
            return False
        last = int(self.seq[start + int(own[-1])])
        isn = int(self.seq[row])
        ahead = slice(row + 1, row + LOOK_AHEAD)
        later = np.flatnonzero((self.side[ahead] == self.side[row]) & (self.flags[ahead] & (SYN | RST) == 0))
        if not len(later):
            return False
        then = int(self.seq[row + 1 + int(later[0])])
        return _distance(then, last) < NEAR and _distance(then, isn) > _distance(then, last)


def _distance(a: int, b: int) -> int:
    ahead = (a - b) & 0xFFFFFFFF
    return min(ahead, (1 << 32) - ahead)
