"""Sequence numbers as on the wire, from those that are printed.

tcpdump prints them relative to a conversation's first packet with ACK (print-tcp.c), and none at all for segments
without data; Wireshark's begin at 0 in each direction. What has none is given what its sender's next byte would have.
"""

from __future__ import annotations

from hashlib import blake2b

from msgspec import Struct, field

from capture.wire.text.contents import of_length
from capture.wire.text.printed import ACK, FIN, PSH, RST, SYN, ApplicationRow, Printed, PrintedError

MOST = 200_000  # conversations whose numbers are remembered; the oldest gives way
PROBE_AFTER = 190_000_000  # nanoseconds of silence before an ACK that nothing asked for is a probe
ALONE = 4_000_000_000  # nanoseconds without other traffic, after which an ICMP error is about what was sent last
_MODULUS = 1 << 32
_HALF = 1 << 31
_UNKNOWN_WINDOW = 0xFFFF

End = tuple[str, str]  # address and port, as printed


class _Side(Struct):
    """What one side has shown."""

    base: int | None = None  # what its numbers are relative to
    following: int | None = None  # its next sequence number
    ack: int | None = None
    window: int | None = None
    wscale: int | None = None
    opened: bool = False  # its SYN was seen
    time: int = 0
    overhead: int | None = None  # bytes of its frames around the payload
    owes: bool = False  # the peer sent what asks for an ACK
    begins: int = 0  # connections that it began here


class _Conversation(Struct):
    sides: dict[End, _Side] = field(default_factory=dict)
    relative: bool | None = None  # tcpdump's numbers; None: not known yet
    timestamps: bool = False
    resets: int = 0


class _Sender(Struct):
    """What a host sent last, and when it last sent on another conversation."""

    ends: tuple[End, End]
    time: int
    elsewhere: int | None = None


class Numbers(Struct, frozen=True):
    """Sequence and acknowledgement number and window as on the wire."""

    seq: int
    ack: int
    window: int


class Conversations:
    """What is remembered of each pair of ends, to work out what lines leave out."""

    def __init__(self) -> None:
        self._known: dict[tuple[End, End], _Conversation] = {}
        self._between: dict[tuple[str, str], dict[tuple[End, End], None]] = {}
        self._senders: dict[str, _Sender] = {}
        self._true = False  # Wireshark was set not to count from 0

    def numbers(self, printed: Printed, time: int, timed: bool) -> Numbers:
        """The numbers of the next segment."""
        source, destination = (printed.src, printed.sport), (printed.dst, printed.dport)
        known = self._conversation(source, destination)
        own = known.sides.setdefault(source, _Side())
        peer = known.sides.setdefault(destination, _Side()) if source != destination else own
        self._true = self._true or bool(printed.own_numbers and printed.flags & SYN and printed.seq)
        if printed.absolute or (printed.own_numbers and self._true):
            own.base = peer.base = 0
            seq, ack = printed.seq, printed.ack
        elif printed.own_numbers:
            seq, ack = _standing(printed, own, peer, (source, destination))
        else:
            seq, ack = _relative(printed, known, own, peer)
        if seq is None:
            seq = own.following if own.following is not None else own.base or 0
            if timed and _is_probe(printed, own, peer, ack, time):
                seq = (seq - 1) % _MODULUS
                peer.owes = True
        window = _window(printed, own, peer)
        self._sent(source, destination, time)
        _remember(printed, known, own, peer, seq, ack, time)
        return Numbers(seq, ack or 0, window)

    def segment_of(self, row: ApplicationRow) -> Printed | None:
        """The segment behind a row of the application's, where only one conversation can have sent it."""
        open_ones = [ends for ends in self._between.get(_pair(row.src, row.dst), ()) if self._known[ends].resets < 2]
        if len(open_ones) != 1 or row.src == row.dst:
            return None
        source, destination = open_ones[0] if open_ones[0][0][0] == row.src else open_ones[0][::-1]
        return self.segment_in(row, source, destination)

    def segment_in(self, row: ApplicationRow, source: End, destination: End) -> Printed | None:
        """The segment behind a row of the application's, if this conversation sent it."""
        known = self._known[_ordered(source, destination)]
        own, peer = known.sides.get(source, _Side()), known.sides.get(destination, _Side())
        plain = (74 if ":" in row.src else 54) + (12 if known.timestamps else 0)
        overhead = next((each for each in (own.overhead, peer.overhead) if each is not None), plain)
        length = row.frame_length - overhead
        if own.following is None or length <= 0:
            return None
        seq = (own.following - length) % _MODULUS if row.repeated else own.following
        return Printed(
            src=row.src,
            sport=source[1],
            dst=row.dst,
            dport=destination[1],
            flags=PSH | ACK,
            seq=(seq - (own.base or 0)) % _MODULUS,
            ack=((peer.following or 0) - (peer.base or 0)) % _MODULUS,
            window=None,
            length=length,
            timestamp=known.timestamps,
            own_numbers=True,
            content=of_length(row.content, length),
        )

    def knows(self, source: End, destination: End) -> bool:
        """Was this conversation seen?"""
        return _ordered(source, destination) in self._known

    def gaps(self, printed: Printed) -> list[tuple[End, End, int]]:
        """Bytes that this segment shows to be sent before it, and that were not seen: by whom, to whom, how many."""
        source, destination = (printed.src, printed.sport), (printed.dst, printed.dport)
        known = self._known.get(_ordered(source, destination))
        if known is None or not printed.own_numbers or printed.flags & SYN:
            return []
        found = []
        for sender, receiver, number in ((source, destination, printed.seq), (destination, source, printed.ack)):
            side = known.sides.get(sender)
            if side is None or side.following is None or side.base is None or number is None:
                continue
            gap = (number + side.base - side.following) % _MODULUS
            if 0 < gap < _HALF:
                found.append((sender, receiver, gap))
        return found

    def ends_of(self, error: PrintedError, time: int) -> tuple[End, End, int | None] | None:
        """Ends, and the number where known, of the packet that an ICMP error is about; None where it is not known."""
        if error.quoted is not None:
            quoted = error.quoted
            source, destination = (quoted.src, quoted.sport), (quoted.dst, quoted.dport)
            known = self._known.get(_ordered(source, destination))
            plain = quoted.own_numbers or quoted.flags & SYN or known is None
            return source, destination, quoted.seq if plain else None
        if error.host is None:
            return self._unanswered(error.to, time)
        found = []
        for ends in self._between.get(_pair(error.to, error.host), ()):
            source, destination = ends if ends[0][0] == error.to else ends[::-1]
            if error.port in (None, destination[1]) and self._known[ends].resets < 2:
                found.append((source, destination, None))
        return found[0] if len(found) == 1 else None

    def _unanswered(self, host: str, time: int) -> tuple[End, End, int | None] | None:
        """What a host sent last, where nothing answered it and the host sent nothing else for a while."""
        sent = self._senders.get(host)
        if sent is None or (sent.elsewhere is not None and time - sent.elsewhere < ALONE):
            return None
        source, destination = sent.ends
        known = self._known.get(_ordered(source, destination))
        if known is None or known.sides[source].time < known.sides[destination].time:
            return None
        return source, destination, None

    def _sent(self, source: End, destination: End, time: int) -> None:
        ends, before = (source, destination), self._senders.pop(source[0], None)
        if len(self._senders) >= MOST:
            self._senders.pop(next(iter(self._senders)))
        elsewhere = None
        if before is not None:
            elsewhere = before.elsewhere if before.ends == ends else before.time
        self._senders[source[0]] = _Sender(ends, time, elsewhere)

    def _conversation(self, source: End, destination: End) -> _Conversation:
        ends = _ordered(source, destination)
        known = self._known.get(ends)
        if known is None:
            if len(self._known) >= MOST:
                self._forget(next(iter(self._known)))
            known = self._known[ends] = _Conversation()
            self._between.setdefault(_pair(source[0], destination[0]), {})[ends] = None
        return known

    def _forget(self, ends: tuple[End, End]) -> None:
        del self._known[ends]
        pair = _pair(ends[0][0], ends[1][0])
        self._between[pair].pop(ends, None)
        if not self._between[pair]:
            del self._between[pair]


def _ordered(one: End, other: End) -> tuple[End, End]:
    return (one, other) if one <= other else (other, one)


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one <= other else (other, one)


def _standing(printed: Printed, own: _Side, peer: _Side, ends: tuple[End, End]) -> tuple[int | None, int | None]:
    """Wireshark's numbers begin at 0: each direction of each connection is given a begin of its own."""
    if printed.anew and (own.base is None or own.opened) and not printed.flags & ACK:
        own.begins += 1
        own.base, peer.base = _begin(ends, own.begins), _begin(ends[::-1], own.begins)
        peer.opened, peer.following, own.following = False, None, None
    if own.base is None:
        own.base = _begin(ends, 0)
    if peer.base is None:
        peer.base = _begin(ends[::-1], 0)
    seq = None if printed.seq is None else (printed.seq + own.base) % _MODULUS
    ack = None if printed.ack is None else (printed.ack + peer.base) % _MODULUS
    return seq, ack


def _begin(ends: tuple[End, End], count: int) -> int:
    """A number to begin with that is the same each time, and another for each direction of each connection."""
    digest = blake2b(repr((ends, count)).encode("utf-8", "replace"), digest_size=4).digest()
    return int.from_bytes(digest, "big")


def _relative(printed: Printed, known: _Conversation, own: _Side, peer: _Side) -> tuple[int | None, int | None]:
    """tcpdump's numbers, as print-tcp.c makes them."""
    seq, ack, syn = printed.seq, printed.ack, bool(printed.flags & SYN)
    if not printed.flags & ACK or ack is None:
        return seq, ack
    if own.base is None or peer.base is None or syn:
        first = seq if seq is not None else own.following or 0
        own.base, peer.base = first, (ack - 1) % _MODULUS
        if syn:
            known.relative = None
        return seq, ack
    if known.relative is None and (ack > 1 or seq):
        known.relative = _looks_relative(seq, ack, own.base, peer.base)
    if known.relative is not False:
        ack = (ack + peer.base) % _MODULUS
        seq = None if seq is None else (seq + own.base) % _MODULUS
    return seq, ack


def _looks_relative(seq: int | None, ack: int, base: int, other: int) -> bool | None:
    """Are these numbers counted from the conversation's begin? With -S they are near to where it began instead.

    None where that is unknown: a begin of 0, which also means one that no line has said.
    """
    pairs = [(value, start) for value, start in ((seq, base), (ack, other)) if value is not None and start]
    if not pairs:
        return None
    return all(value < min((value - start) % _MODULUS, (start - value) % _MODULUS) for value, start in pairs)


def _is_probe(printed: Printed, own: _Side, peer: _Side, ack: int | None, time: int) -> bool:
    """Is this bare ACK one that nothing asked for: a keep-alive, or a probe of a closed window?

    Both carry the number before the next one (RFC 9293, 3.8.4), which tcpdump does not print. A sender says the same
    twice only where it was asked, by data, SYN, FIN or a probe; window updates say another window.
    """
    bare = printed.flags == ACK and not printed.length and not printed.sack
    same = ack == own.ack and printed.window == own.window
    heard = peer.following is not None and peer.time > 0 and peer.ack is not None
    return bare and same and heard and not own.owes and time - max(own.time, peer.time) >= PROBE_AFTER


def _window(printed: Printed, own: _Side, peer: _Side) -> int:
    """The window field as on the wire."""
    window = own.window if printed.window is None else printed.window
    if window is None:
        return _UNKNOWN_WINDOW
    in_bytes = printed.scaled or (printed.window is None and printed.own_numbers)
    if in_bytes and own.opened and own.wscale is not None and peer.wscale is not None:
        window >>= own.wscale
    return min(window, 0xFFFF)


def _remember(
    printed: Printed, known: _Conversation, own: _Side, peer: _Side, seq: int, ack: int | None, time: int
) -> None:
    syn, fin, reset = (bool(printed.flags & bit) for bit in (SYN, FIN, RST))
    if syn:
        own.opened, own.wscale = True, printed.wscale
        if not printed.flags & ACK:
            known.resets = 0
    if not reset:
        ends_at = (seq + printed.length + syn + fin) % _MODULUS
        if own.following is None or syn or (ends_at - own.following) % _MODULUS < _HALF:
            own.following = ends_at
        own.window = printed.window if printed.window is not None else own.window
        own.ack = ack
    if ack is not None and peer.following is None:
        peer.following = ack
    known.resets += 2 if reset else fin
    known.timestamps |= printed.timestamp
    own.time, own.owes = time, False
    if printed.length or syn or fin:
        peer.owes = True
    if printed.frame_length is not None and not syn and printed.frame_length >= printed.length:
        own.overhead = printed.frame_length - printed.length
