"""Wireshark's analysis of one connection, by the rules of its User's Guide (TCP analysis) and of packet-tcp.c.

Tags are put on the packets. What was no part of the stream (`strangers`) and second copies are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle.packets import ACK, FIN, RST, SYN, End, Packet, ahead, before

OUT_OF_ORDER_NS = 3_000_000  # without a handshake to measure the round trip by
FAST_NS = 20_000_000  # after the duplicate ACKs that ask for it
REPETITIONS = {"retransmission", "fast_retransmission", "spurious_retransmission"}


@dataclass
class Side:
    """What one direction has shown so far."""

    next: int | None = None  # the highest number seen, plus one
    next_time: int = 0
    contiguous: int | None = None  # the highest number without a hole before it: what an ACK may speak of
    ack: int = 0
    ack_time: int = 0
    window: int = 0
    duplicates: int = 0
    was_keep_alive: bool = False
    last_was_syn: bool = False


@dataclass
class Opening:
    """When the last SYN was sent, and the round trip once its handshake was done (0: not known)."""

    syn_time: int = 0
    round_trip: int = 0


def analyse(connection: list[Packet], strangers: set[int], again: set[int]) -> None:
    """Tag the packets; `strangers` and `again` (second copies) are packet numbers."""
    sides = {end: Side() for packet in connection for end in (packet.source, packet.target)}
    scales, opening = window_scales(connection), Opening()
    for packet in connection:
        if packet.number in again:
            packet.tags.add("second_copy")
            continue
        if packet.number in strangers:
            continue
        own, peer = sides[packet.source], sides[packet.target]
        _tag(packet, own, peer, scales[packet.target], opening)
        _remember(packet, own, opening)


def window_scales(connection: list[Packet]) -> dict[End, int | None]:
    """The shift of each side's windows: what its first SYN with the option offered; 0 where either side's SYNs refused
    it (RFC 7323, 2.2); None where no SYN tells."""
    ends = {end for packet in connection for end in (packet.source, packet.target)}
    offered: dict[End, int | None] = dict.fromkeys(ends)
    for packet in reversed(connection):
        if packet.flags & SYN and packet.wscale >= 0:
            offered[packet.source] = min(packet.wscale, 14)
    refused = any(packet.flags & SYN and offered[packet.source] is None for packet in connection)
    return dict.fromkeys(ends, 0) if refused else offered


def _tag(packet: Packet, own: Side, peer: Side, scale: int | None, opening: Opening) -> None:
    tags = packet.tags
    at_next = own.next is not None and packet.seq == own.next
    if packet.payload == 1 and at_next and peer.window == 0:
        tags.add("zero_window_probe")
    else:
        _tag_windows(packet, own, peer, scale, at_next)
    if packet.ack != own.ack:
        own.duplicates = 0
    if packet.flags & ACK:
        _tag_acknowledged(packet, peer)
    if (packet.payload or packet.flags & (SYN | FIN)) and "keep_alive" not in tags:
        kind = _repetition(packet, own, peer, opening)
        if kind:
            tags.add(kind)


def _tag_windows(packet: Packet, own: Side, peer: Side, scale: int | None, at_next: bool) -> None:
    """Zero window, lost segment, keep-alive, window full, window update, duplicate ACK."""
    tags = packet.tags
    if packet.window == 0 and not packet.control:
        tags.add("zero_window")
    if own.next is not None:
        if not packet.flags & RST and before(own.next, packet.seq):
            tags.add("lost_segment")
        if packet.payload <= 1 and not packet.control and packet.seq == (own.next - 1) % 2**32:
            tags.add("keep_alive")
    if packet.payload:
        if not packet.control and scale is not None:
            window = peer.window << (0 if peer.last_was_syn else scale)
            if (packet.seq + packet.payload) % 2**32 == (peer.ack + window) % 2**32:
                tags.add("window_full")
    elif not packet.control and at_next and packet.ack == own.ack and packet.window:
        if packet.window != own.window:
            return
        if peer.was_keep_alive:
            tags.add("keep_alive_ack")
        else:
            own.duplicates += 1
            tags.add("duplicate_ack")


def _tag_acknowledged(packet: Packet, peer: Side) -> None:
    """An ACK of something that was not captured."""
    if peer.contiguous is None or not before(peer.contiguous, packet.ack):
        return
    if peer.next is not None and before(peer.contiguous, peer.next):
        peer.contiguous = peer.next
    else:
        peer.duplicates = 0


def _repetition(packet: Packet, own: Side, peer: Side, opening: Opening) -> str | None:
    """Which kind of repetition a segment with data, SYN or FIN is; None where it carries something new."""
    past = (packet.seq + packet.payload) % 2**32
    if packet.payload and peer.ack and not before(peer.ack, past):
        return "spurious_retransmission"
    if own.next is None or ahead(packet.seq, own.next) >= 0:
        return None
    if packet.payload > 1 and packet.seq == (own.next - 1) % 2**32:
        return None  # new data after a probe of one byte
    if peer.duplicates >= 2 and peer.ack == packet.seq and 0 <= packet.time - peer.ack_time < FAST_NS:
        return "fast_retransmission"
    soon = 0 <= packet.time - own.next_time < (opening.round_trip or OUT_OF_ORDER_NS)
    return "out_of_order" if soon and packet.after != own.next else "retransmission"


def _remember(packet: Packet, own: Side, opening: Opening) -> None:
    if "zero_window_probe" not in packet.tags:
        if own.next is None or before(own.next, packet.after):
            own.next, own.next_time = packet.after, packet.time
        if own.contiguous is None or packet.seq == own.contiguous:
            own.contiguous = own.next
    own.window, own.ack, own.ack_time = packet.window, packet.ack, packet.time
    own.was_keep_alive = "keep_alive" in packet.tags
    if packet.flags & SYN:
        own.last_was_syn = True
        if not packet.flags & ACK:
            opening.syn_time = packet.time
    elif packet.flags & ACK:
        own.last_was_syn = False
        if opening.syn_time and not opening.round_trip:
            opening.round_trip = packet.time - opening.syn_time
