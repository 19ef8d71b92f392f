"""Event codes: what one packet says, in 16 bits, so that a connection is a short string of them.

Bits 0-3 the kind, bits 4-11 and 14 attributes, bits 12-13 the class of the silence before, bit 15 the sender.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from functools import cache
from typing import NamedTuple

KIND_MASK = 0x000F
GAP_SHIFT = 12
GAP_MASK = 0x3000
SIDE_BIT = 0x8000
TRAITS = 0x4FF0

PAUSE, IDLE, LONG_IDLE = 1, 2, 3
"""Classes of a silence: from 0.2, 2 and 30 s on (engine/event_folding.c, GAPS)."""


class Kind(IntEnum):
    """What a packet is, once its flags, payload and analysis tags are read together."""

    SYN = 1
    SYN_ACK = 2
    ACK = 3  # pure, and worth a word: others are left out
    DATA = 4
    FIN = 5
    RST = 6
    PROBE = 7  # a keep-alive, or a zero-window probe: the peer's last window tells
    ICMP = 8  # an ICMP error that quotes a packet of `side`
    UNREAD = 9  # the capture cut its flags off: what it said is unknown


class Trait(IntFlag):
    """Attributes of an event. Some bits mean different things for different kinds."""

    REPEAT = 0x010  # sent before, and lost, or sent again without news
    LOST = 0x020  # never acknowledged by what was captured
    ACKS_FIN = 0x040  # its ACK covers the peer's FIN
    ZERO = 0x080  # its sender's window is closed
    WITH_DATA = 0x100  # a FIN with payload
    SMALL = 0x100  # of data: so little of a size that it may be no request (a TLS alert, QUIT, an HTTP/2 frame)
    GOODBYE = 0x200  # of data, and of a FIN with data: its sender leaves, waits for no answer, and this is none
    PARTING = 0x800  # the same: why its sender is about to close, an answer of a sort
    HANDSHAKE = 0x4000  # the same: of the TLS handshake
    STRAY = 0x200  # a pure ACK that repeats the one before it, unasked: a challenge ACK looks like this
    BIG = 0x400  # of a repeat: of full size, larger than anything acknowledged in this direction
    SIZED = 0x400  # of new data that was lost: it may be a request: TLS data, or half as large as its side's first data
    # of a RST:
    BARE = 0x010  # no ACK flag: the answer of a host without such a socket
    ANSWER = 0x020  # RST,ACK, window 0, no timestamp: the answer to a SYN
    ODD_ID = 0x040  # its IP-ID is far from the line of its claimed sender's packets
    CUT = 0x080  # the shape is unknown: the capture cut the header
    FOREIGN = 0x100  # its TTL is not its claimed sender's
    UNACCEPTABLE = 0x200  # its receiver would not honour its sequence number
    AFTERLIFE = 0x400  # its claimed sender goes on after it
    TAKES = 0x800  # its ACK covers all that its receiver had said


ICMP_SHIFT = 4
ICMP_MASK = 0x00F0


class IcmpClass(IntEnum):
    """What an ICMP error means to the connection it quotes."""

    NET = 1
    HOST = 2
    PORT = 3
    PROHIBITED = 4  # administratively prohibited: EHOSTUNREACH by IPv4, EACCES by IPv6
    PROHIBITED_V6 = 5
    MTU = 6  # the packet is larger than the path carries


class Event(NamedTuple):
    """A decoded event: `side` 0 is the originator, `gap` the class of silence before it, `traits` its attributes."""

    side: int
    kind: Kind
    traits: int
    gap: int

    def has(self, trait: Trait) -> bool:
        """Whether an attribute is set."""
        return bool(self.traits & int(trait))  # int: a flag's own operators cost ten times as much


@cache
def decoded(code: int) -> Event:
    """An event from its 16 bits; remembered, since the same few codes make all signatures."""
    return Event(
        1 if code & SIDE_BIT else 0,
        Kind(code & KIND_MASK),
        code & TRAITS,
        (code & GAP_MASK) >> GAP_SHIFT,
    )


class Context(IntFlag):
    """What is known of a connection beside its own events: the first word of its signature."""

    MIDSTREAM = 0x0001  # no SYN of either side was captured
    ONE_SIDED = 0x0002  # packets of one direction only
    TIMESTAMPS = 0x0004  # the RST's claimed sender used the timestamp option before
    UPLOAD = 0x0008  # the originator sent much more than it got
    QUIET_END = 0x0010  # captured for a second or more after its last packet, or it is the capture's last
    BUSY_LISTENER = 0x0020  # other SYNs to the same listener went unanswered, or its handshakes were repeated
    LONG_ANSWER = 0x0200  # the responder sent more than an initial window: a client may leave in the middle of it
    CROWD_OF_SYNS = 0x0040  # one of many handshakes to this listener without a third packet
    NO_TTL = 0x0400  # a RST whose TTL is not known: of a printed capture
    NO_TIME = 0x0800  # the printed capture says no times
    RESPONDER_ONLY = 0x2000  # with ONE_SIDED: its packets; of the other side only what its ACKs tell is known
    AT_CLIENT = 0x4000  # with a RST: captured at the originator, by the handshake's timing and its initial TTL
    AT_SERVER = 0x8000
    GAPS = 0x1000  # the capture lacks packets that went by, of this connection or of others
    ANSWER_WHOLE = 0x10000  # the responder's last HTTP/1 answer, by its own header
    ANSWER_CUT_SHORT = 0x20000
    ONLY_CLIENT = 0x80000  # nobody else was captured at the listener of one that had to repeat its first data
    LEFT_AT_ONCE = 0x100000  # the originator's FIN came right after its last words, or with them
    LAST_OF_ALL = 0x40000  # its last packet is the capture's last: how long it stayed so is not known
    KNOWN_HOST = 0x0100  # the resetting host's usual TTL is known from other packets, and it matches
