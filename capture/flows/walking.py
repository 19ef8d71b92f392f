"""The exact analysis of one connection, packet by packet, by the rules that Wireshark documents for tcp.analysis.

Used where the packets of a connection do not simply follow each other; the rest is analysed in bulk (analysis.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from capture.flows.table import Tag
from capture.model import TcpFlags

if TYPE_CHECKING:
    from collections.abc import Sequence

MASK = 0xFFFFFFFF
HALF = 0x80000000
SYN, ACK, FIN, RST = int(TcpFlags.SYN), int(TcpFlags.ACK), int(TcpFlags.FIN), int(TcpFlags.RST)
CONTROL = SYN | FIN | RST
FAST_RETRANSMISSION_NS = 20_000_000  # after the duplicate ACKs that ask for it
OUT_OF_ORDER_NS = 3_000_000  # without a handshake to measure the round trip by
RETRANSMISSION, FAST, SPURIOUS = (
    int(Tag.RETRANSMISSION),
    int(Tag.FAST_RETRANSMISSION),
    int(Tag.SPURIOUS_RETRANSMISSION),
)
OUT_OF_ORDER, DUPLICATE_ACK, ZERO_WINDOW = int(Tag.OUT_OF_ORDER), int(Tag.DUPLICATE_ACK), int(Tag.ZERO_WINDOW)
WINDOW_FULL, KEEP_ALIVE, KEEP_ALIVE_ACK = int(Tag.WINDOW_FULL), int(Tag.KEEP_ALIVE), int(Tag.KEEP_ALIVE_ACK)
LOST_SEGMENT, ZERO_WINDOW_PROBE = int(Tag.LOST_SEGMENT), int(Tag.ZERO_WINDOW_PROBE)
ACKED_UNSEEN, WINDOW_UPDATE = int(Tag.ACKED_UNSEEN), int(Tag.WINDOW_UPDATE)


class Stream(Struct):
    """What is known of one direction. Sequence numbers are absolute; `next` is None until a segment was seen."""

    next: int | None = None  # the highest sequence number seen, plus one
    next_time: int = 0
    contiguous: int | None = None  # highest number known to be without a hole: what an ACK may speak of
    ack: int = 0
    ack_time: int = 0
    window: int = 0
    duplicates: int = 0
    last: int = 0  # tags of its last segment
    scale: int = -1  # window shift, -1 unknown
    unscaled: bool = False  # its last window came with a SYN


class Walk:
    """One connection being walked; its packets come in pieces, in order.

    `scales` are the two sides' window shifts, -1 unknown.
    """

    def __init__(self, scales: tuple[int, int]) -> None:
        self._streams = (Stream(scale=scales[0]), Stream(scale=scales[1]))
        self._syn_time = self._round_trip = 0

    def tags(self, *columns: Sequence[int]) -> list[int]:
        """Tags of each packet of a piece: side, seq, ack, flags, window, payload, time (ns), skipped.

        Skipped packets (second sights, foreign ones) are passed over and get no tags.
        """
        streams, syn_time, round_trip = self._streams, self._syn_time, self._round_trip
        tags: list[int] = []
        for s, q, a, f, w, length, t, skip in zip(*columns, strict=True):
            if skip:
                tags.append(0)
                continue
            own, peer = streams[s], streams[1 - s]
            control = f & CONTROL
            next_ = own.next
            tag = 0
            if length == 1 and q == next_ and peer.window == 0:
                tag = ZERO_WINDOW_PROBE
            else:
                if w == 0 and not control:
                    tag = ZERO_WINDOW
                if next_ is not None:
                    if not f & RST and 0 < (q - next_) & MASK < HALF:
                        tag |= LOST_SEGMENT
                    if length <= 1 and not control and q == (next_ - 1) & MASK:
                        tag |= KEEP_ALIVE
                if length:
                    if not control and peer.scale >= 0:
                        shift = 0 if peer.unscaled else peer.scale
                        if (q + length) & MASK == (peer.ack + (peer.window << shift)) & MASK:
                            tag |= WINDOW_FULL
                elif not control and q == next_ and a == own.ack:
                    if w != own.window:
                        if w:
                            tag |= WINDOW_UPDATE
                    elif w:
                        if peer.last & KEEP_ALIVE:
                            tag |= KEEP_ALIVE_ACK
                        else:
                            own.duplicates = 1 if own.duplicates < 0 else own.duplicates + 1
                            tag |= DUPLICATE_ACK
            if a != own.ack:
                own.duplicates = 0
            if f & ACK and peer.contiguous is not None and 0 < (a - peer.contiguous) & MASK < HALF:
                if peer.next is not None and 0 < (peer.next - peer.contiguous) & MASK < HALF:
                    peer.contiguous = peer.next
                    tag |= ACKED_UNSEEN
                else:
                    if peer.duplicates == 0:
                        tag |= ACKED_UNSEEN
                    peer.duplicates = -1
            if (length or f & (SYN | FIN)) and not tag & KEEP_ALIVE:
                tag |= _repeated(own, peer, q, length, f, t, round_trip)
            after = q + length + (1 if f & (SYN | FIN) else 0) & MASK
            if not tag & ZERO_WINDOW_PROBE:
                if own.next is None or 0 < (after - own.next) & MASK < HALF:
                    own.next, own.next_time = after, t
                if own.contiguous is None or q == own.contiguous:
                    own.contiguous = own.next
            own.window, own.ack, own.ack_time, own.last = w, a, t, tag
            if f & SYN:
                own.unscaled = True
                if not f & ACK:
                    syn_time = t
            elif f & ACK:
                own.unscaled = False
                if syn_time and not round_trip:
                    round_trip = t - syn_time
            tags.append(tag)
        self._syn_time, self._round_trip = syn_time, round_trip
        return tags


def _repeated(own: Stream, peer: Stream, q: int, length: int, f: int, t: int, round_trip: int) -> int:
    """Which kind of repetition a segment with data, SYN or FIN is; 0 where it carries something new."""
    next_ = own.next
    behind = next_ is not None and (q - next_) & MASK >= HALF
    if length > 1 and next_ is not None and (next_ - 1) & MASK == q:
        behind = False  # new data after a window probe
    if length and peer.ack and ((q + length - peer.ack) & MASK >= HALF or (q + length) & MASK == peer.ack):
        return SPURIOUS
    if not behind or next_ is None:
        return 0
    if peer.duplicates >= 2 and peer.ack == q and 0 <= t - peer.ack_time < FAST_RETRANSMISSION_NS:
        return FAST
    if 0 <= t - own.next_time < (round_trip or OUT_OF_ORDER_NS):
        after = (q + length + (1 if f & (SYN | FIN) else 0)) & MASK
        if after != next_:
            return OUT_OF_ORDER
    return RETRANSMISSION
