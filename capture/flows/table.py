"""Connections as columns: what grouping and analysis know, and what verdicts and reports read.

Packets are sorted by connection and, within one, by file order: those of connection i are rows first[i]:first[i + 1].
Pairs have shape (n, 2): column 0 the originator, column 1 the responder.
"""

from __future__ import annotations

from enum import IntFlag

from msgspec import Struct

from capture.wire.columns import I8, I32, I64, U8, U16, U32, AddressTable, Bool, QuotedTcp, ScopeTable


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
    ACKED_UNSEEN = 0x0800
    WINDOW_UPDATE = 0x1000
    RST_UNACCEPTABLE = 0x2000  # a RST whose sequence number its receiver would not honour (RFC 9293 §3.10.7.4)
    SECOND_SIGHT = (
        0x4000  # the same packet captured again (mirror, "any"): counted as a packet, not as a retransmission
    )


class FlowPackets(Struct, frozen=True):
    """The packets of all connections, sorted by connection. Every array has shape (packets,)."""

    number: U32
    time: I64  # epoch nanoseconds
    side: U8  # 0 sent by the originator, 1 by the responder
    seq: U32
    ack: U32
    flags: U16
    window: U16  # unscaled
    payload: I32
    ttl: U8
    ip_id: U16
    marks: U8  # wire.columns.Mark
    tags: U16  # Tag
    offset: I64
    content: U8  # wire.content.Content

    def part(self, low: int, high: int) -> FlowPackets:
        """Views of some consecutive rows."""
        rows = slice(low, high)
        return FlowPackets(
            number=self.number[rows],
            time=self.time[rows],
            side=self.side[rows],
            seq=self.seq[rows],
            ack=self.ack[rows],
            flags=self.flags[rows],
            window=self.window[rows],
            payload=self.payload[rows],
            ttl=self.ttl[rows],
            ip_id=self.ip_id[rows],
            marks=self.marks[rows],
            tags=self.tags[rows],
            offset=self.offset[rows],
            content=self.content[rows],
        )


class Stretch(Struct, frozen=True):
    """Some consecutive connections, numbered from 0."""

    packets: FlowPackets
    first: I64  # (n + 1,) rows of `packets`
    address: I64  # (n, 2) address keys

    def __len__(self) -> int:
        return len(self.first) - 1


class FlowTable(Struct, frozen=True):
    """All connections of one capture, in order of first packet."""

    packets: FlowPackets
    first: I64  # (n + 1,) rows of FlowPackets
    addresses: AddressTable
    scopes: ScopeTable
    address: I64  # (n, 2) address keys
    port: U16  # (n, 2)
    scope: I32  # (n,)
    packet_count: I64  # (n, 2)
    bytes: I64  # (n, 2) payload seen
    unique_bytes: I64  # (n, 2) sequence span without SYN and FIN
    counts: dict[str, I64]  # model.COUNT_NAMES -> (n, 2)
    conn_state: list[str]  # Zeek's
    history: list[str]  # Zeek's
    complete_handshake: Bool  # (n,)
    wscale: I8  # (n, 2) -1 where no SYN of that side showed one
    rtt_ns: I64  # (n,) handshake; -1 unknown
    longest_gap_ns: I64  # (n,) -1 with a single packet
    quoted: dict[int, list[QuotedTcp]]  # connection -> ICMP errors that quote it

    def __len__(self) -> int:
        return len(self.first) - 1

    def stretch(self, start: int, stop: int) -> Stretch:
        """The connections start … stop - 1."""
        low, high = int(self.first[start]), int(self.first[stop])
        return Stretch(self.packets.part(low, high), self.first[start : stop + 1] - low, self.address[start:stop])
