"""A capture to connections, with all that the other files say of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from tests.oracle import analysis, measures, strangers
from tests.oracle.connections import ends_of, originators, other_end, split
from tests.oracle.measures import Pair
from tests.oracle.packets import ACK, FIN, RST, SYN, End, Packet, packets_of
from tests.oracle.zeek import Zeek

COUNTED = (
    *("fast_retransmission", "spurious_retransmission", "out_of_order", "duplicate_ack", "zero_window"),
    *("window_full", "keep_alive", "lost_segment"),
)


@dataclass
class Connection:
    """One connection; pairs are (originator, responder)."""

    packets: list[Packet]
    ends: tuple[End, End]
    packet_count: Pair
    bytes: Pair
    unique_bytes: Pair
    missing: tuple[bool, bool]
    counts: tuple[Counter[str], Counter[str]]
    conn_state: str
    history: str
    complete_handshake: bool
    rtt: int | None
    longest_gap: int | None
    refused: set[int]  # numbers of RSTs that took no effect
    repeated: set[int]  # numbers of packets whose payload had all been seen before


def connections_of(path: str, again: Collection[int] = ()) -> list[Connection]:
    """The connections of a capture, in order of first packet. `again`: numbers of packets captured a second time."""
    return connections_in(packets_of(path), set(again))


def connections_in(packets: list[Packet], again: set[int]) -> list[Connection]:
    """The connections that packets make."""
    found = split(packets)
    return [connection(each, opener, again) for each, opener in zip(found, originators(found), strict=True)]


def connection(packets: list[Packet], originator: End, again: set[int]) -> Connection:
    """All about the packets of one connection."""
    first = packets[0]
    ends = (originator, other_end(ends_of(packets), originator))
    judged = strangers.judge(packets)
    analysis.analyse(packets, judged.strangers, again)
    passed_over = judged.strangers | again
    sent = [[p for p in packets if p.source == end and p.number not in passed_over] for end in ends]
    if ends[0] == ends[1]:  # to itself: all of it is the originator's
        sent[1] = []
    counted, payload = measures.packets_and_bytes(packets, ends)
    complete, rtt = measures.handshake([p for p in packets if p.number not in again], originator)
    repeated = measures.repeated(sent[0]) | measures.repeated(sent[1])
    repeated |= {packet.number for packet in packets if packet.number in again and packet.payload}
    zeek = Zeek(originator, history="" if first.source == originator else "^")
    for packet in packets:
        zeek.take(packet, packet.number in repeated)
    return Connection(
        packets=packets,
        ends=ends,
        packet_count=counted,
        bytes=payload,
        unique_bytes=(measures.unique_bytes(sent[0]), measures.unique_bytes(sent[1])),
        missing=_missing(packets, sent),
        counts=(counts(packets, ends[0]), counts(packets, ends[1])),
        conn_state=zeek.conn_state,
        history=zeek.history,
        complete_handshake=complete,
        rtt=rtt,
        longest_gap=measures.longest_gap(packets),
        refused=judged.refused,
        repeated=repeated,
    )


def _missing(packets: list[Packet], sent: list[list[Packet]]) -> tuple[bool, bool]:
    """Of each side; nothing is missed of a connection that nobody accepted."""
    accepted = any(
        each.flags & (SYN | ACK) == SYN | ACK or (not each.flags & SYN and (each.payload or each.flags & FIN))
        for each in packets
    )
    return (measures.missing(*sent), measures.missing(*sent[::-1])) if accepted else (False, False)


def counts(packets: list[Packet], source: End) -> Counter[str]:
    """The counts of one direction, in Wireshark's sense of the words."""
    found: Counter[str] = Counter()
    for packet in packets:
        if packet.source != source:
            continue
        for name, bit in (("syn", SYN), ("fin", FIN), ("rst", RST)):
            found[name] += bool(packet.flags & bit)
        found.update(tag for tag in packet.tags if tag in COUNTED)
        # Wireshark's filter tcp.analysis.retransmission matches the fast and the spurious ones too.
        found["retransmission"] += bool(packet.tags & analysis.REPETITIONS)
    return found
