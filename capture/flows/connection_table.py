"""Connections as columns: what the engine knows of each, and what verdicts and reports read.

Rows are connections in order of first packet. Pairs have shape (n, 2): column 0 the originator, column 1 the responder.
Packets are not held: whoever asks for those of some connections reads them again (capture.reread).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, IntFlag
from functools import cached_property
from typing import Any, overload

import numpy as np
from msgspec import Struct
from msgspec.structs import force_setattr

from capture.engine.library import distinct_runs
from capture.wire.column_types import I8, I32, I64, U8, U16, U32, AddressTable, Bool, QuotedTcp, ScopeTable
from capture.wire.numpy_sets import either

QUEUES_NS = 100_000_000  # by so much packets stand out of order that came by several queues


class Tag(IntFlag):
    """What analysis says of one packet, in Wireshark's sense of the words."""

    RETRANSMISSION = 0x0001
    FAST_RETRANSMISSION = 0x0002
    SPURIOUS_RETRANSMISSION = 0x0004
    OUT_OF_ORDER = 0x0008
    DUPLICATE_ACK = 0x0010
    ZERO_WINDOW = 0x0020
    WINDOW_FULL = 0x0040
    KEEP_ALIVE = 0x0080
    KEEP_ALIVE_ACK = 0x0100
    LOST_SEGMENT = 0x0200
    ZERO_WINDOW_PROBE = 0x0400
    RST_UNACCEPTABLE = 0x2000  # a RST whose sequence number its receiver would not honour (RFC 9293 §3.10.7.4)
    SECOND_COPY = 0x4000  # the same packet captured again (mirror, "any"): counted as a packet, not as a retransmission


class Answer(IntEnum):
    """Whether the last HTTP/1 answer was whole when its sender said no more (engine/http_messages.c)."""

    UNKNOWN = 0  # no HTTP/1, or its header does not say where it ends
    WHOLE = 1
    CUT_SHORT = 2


class Packets(Struct, frozen=True):
    """Packets of one connection, in file order. Every array has shape (m,)."""

    number: I64
    time: I64  # epoch nanoseconds
    side: U8  # 0 sent by the originator, 1 by the responder
    seq: U32
    ack: U32
    flags: U16
    window: U16  # unscaled
    payload: I64
    ttl: U8
    ip_id: U16
    marks: U16  # wire.column_types.PacketMark
    tags: U16  # Tag
    offset: I64  # of the record in its file
    left_out: int = 0  # packets in the middle that are not here: there are too many

    def __len__(self) -> int:
        return len(self.number)


class Spans:
    """Nanoseconds of events in four bytes each, and apart those that need more. Asked for by row, or several."""

    LONG = 0xFFFFFFFF

    def __init__(self, short: U32, rows: I64, values: I64, starts: tuple[I64, I64] | None = None) -> None:
        """`rows` have `values` instead. `starts`: where each connection's rows begin, and what is added to them."""
        self._short, self._rows, self._values, self._starts = short, rows, values, starts

    def __len__(self) -> int:
        return len(self._short)

    def __getitem__(self, rows: Any) -> Any:
        """The values of some rows, int64; or of one."""
        at = np.atleast_1d(np.asarray(rows, np.int64))
        connections = None if self._starts is None else np.searchsorted(self._starts[0], at, side="right") - 1
        found = self.of(at, connections)
        return found if np.ndim(rows) else int(found[0])

    def of(self, rows: I64, connections: I64 | None) -> I64:
        """The values of rows whose connections are known: one for each row."""
        short = self._short[rows]
        found = short.astype(np.int64)
        if self._starts is not None:
            found += self._starts[1][connections]
        long = short == self.LONG
        if long.any():
            found[long] = self._values[np.searchsorted(self._rows, rows[long])]
        return found


class Histories(Struct, frozen=True):
    """The distinct series of event codes: those of series k are code[first[k]:first[k + 1]]."""

    of: I32  # (n,) the series of each connection, numbered in order of first sight
    code: U16
    first: I64  # (distinct + 1,)


class Events(Struct, frozen=True, dict=True):
    """Kept events of all connections: those of connection i are rows first[i]:first[i + 1] of the others, (m,)."""

    code: U16  # verdicts.codes
    number: I64  # of the packet
    time: I64 | Spans  # epoch nanoseconds
    gap: I64 | Spans  # ns since the connection's packet before; 0 for its first
    alone_ttl: U8  # TTL of a RST whose claimed sender sent nothing else; 0 of others
    first: I64  # (n + 1,)

    @cached_property
    def histories(self) -> Histories:
        """The codes once more, each series once: what is asked of codes alone need not be asked of every connection."""
        of, speaker = distinct_runs(self.code, self.first)
        begin, lengths = self.first[speaker], self.first[speaker + 1] - self.first[speaker]
        first = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        rows = np.repeat(begin - first[:-1], lengths) + np.arange(first[-1])
        return Histories(of, self.code[rows], first)


class Opening(Struct, frozen=True):
    """The first two packets of each connection, nearly always one of each side. Shapes (n, 2).

    Of a connection with one packet that packet is there twice.
    """

    flags: U16
    side: U8
    ttl: U8  # 0 unknown
    marks: U8  # wire.column_types.PacketMark


class Numbering(Struct, frozen=True):
    """Sequence numbers of each side, and its first words. Shapes (n, 2), and (n,)."""

    first: U32  # of its first packet; 0 without one
    after: U32  # after the highest that it sent
    heard: Bool  # its last packet acknowledged something else than the connection's first one did
    opened: Bool  # its first packet had a SYN
    word_time: I64  # of its first payload, epoch ns; 0 without one
    word_size: U32  # bytes of that
    first_ack: U32  # what the connection's first packet acknowledged


class Words(Sequence[str]):
    """A text for each connection, of few distinct ones: the texts, and which one each has."""

    def __init__(self, texts: Sequence[str], of: I32) -> None:
        self.texts, self.of = texts, of

    def __len__(self) -> int:
        return len(self.of)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Words: ...
    def __getitem__(self, at: int | slice) -> str | Words:
        """The text of a connection, or those of some."""
        return Words(self.texts, self.of[at]) if isinstance(at, slice) else self.texts[self.of[at]]

    def __eq__(self, other: object) -> bool:
        """The same texts for the same connections."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


class FlowTable(Struct, frozen=True):
    """All connections of one capture, in order of first packet."""

    addresses: AddressTable
    scopes: ScopeTable
    address: I64  # (n, 2) address keys
    port: U16  # (n, 2)
    scope: I32  # (n,)
    packet_count: I64  # (n, 2)
    bytes: I64  # (n, 2) payload seen
    unique_bytes: I64  # (n, 2) sequence span without SYN and FIN
    counts: dict[str, I64]  # model.COUNT_NAMES -> (n, 2)
    missing: Bool  # (n, 2) something of that side was acknowledged and never captured
    copies: int  # packets that are second copies
    conn_state: Words  # Zeek's
    history: Words  # Zeek's
    complete_handshake: Bool  # (n,)
    wscale: I8  # (n, 2) -1 where no SYN of that side showed one
    rtt_ns: I64  # (n,) handshake; -1 unknown
    longest_gap_ns: I64  # (n,) -1 with a single packet
    first_number: I64  # (n,) of its first packet
    first_time: I64  # (n,) of its first packet in the file; epoch ns, as all times
    last_time: I64  # (n,) of its last packet in the file
    lowest_time: I64  # (n,) times may be out of order
    highest_time: I64  # (n,)
    first_fin: I64  # (n,) packet number << 1 | side; 0 without
    first_rst: I64  # (n,)
    answer: U8  # (n,) Answer: of the responder's last HTTP/1 message
    place: I8  # (n,) verdicts.vantage.Place by the handshake's timing
    opening: Opening
    numbers: Numbering
    events: Events
    quoted: dict[int, list[QuotedTcp]]  # connection -> ICMP errors that quote it
    seen_twice: int  # connections with second copies

    def __len__(self) -> int:
        return len(self.address)

    def forget_numbers(self) -> None:
        """Give back what only the judgement asks for, a fifth of all: there may be millions of connections."""
        force_setattr(self, "numbers", None)

    @property
    def ends_at(self) -> int:
        """The latest time of any connection; 0 without any."""
        return int(self.highest_time.max()) if len(self) else 0

    @property
    def one_direction(self) -> int:
        """Connections of which the capture has one direction only, though its acknowledgements show the other one."""
        sent = self.packet_count > 0
        moved = self.numbers.heard & sent
        return int(np.count_nonzero((sent[:, 0] != sent[:, 1]) & either(moved) & either(self.bytes > 0)))

    @property
    def times_run_back(self) -> tuple[int, int]:
        """Connections whose packets are not in order of time, as far as that shows; by how much at most, in ns."""
        back = np.maximum(self.first_time - self.lowest_time, self.highest_time - self.last_time)
        return int(np.count_nonzero(back > QUEUES_NS)), int(back.max(initial=0))

    @property
    def packets_missing(self) -> int:
        """Connections of which something was acknowledged that the capture lacks, or a SYN answered by no SYN,ACK."""
        spoke = (self.bytes[:, 1] > 0) | (self.counts["fin"][:, 1] > 0)
        unopened = self.numbers.opened[:, 0] & spoke & (self.counts["syn"][:, 1] == 0)
        return int(np.count_nonzero(either(self.missing) | unopened))
