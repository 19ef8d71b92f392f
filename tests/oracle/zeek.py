"""Zeek's history and conn_state, by its published rules (TCP_Endpoint, TCPSessionAdapter, base/protocols/conn)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.oracle.packets import ACK, FIN, RST, SYN, End, Packet

_WRITTEN_AT = {10**power for power in range(7)}


@dataclass
class Endpoint:
    """One side: its state, the one before, what stands in the history of it, where its last SYN, FIN, RST were."""

    state: str = "inactive"
    before: str = "inactive"
    letters: set[str] = field(default_factory=set)
    counted: dict[str, int] = field(default_factory=dict)
    places: dict[object, int] = field(default_factory=dict)

    def enter(self, state: str) -> None:
        if state != self.state:
            self.before, self.state = self.state, state


@dataclass
class Zeek:
    """A connection as Zeek follows it; `history` is upper case for the originator."""

    originator: End
    ends: dict[bool, Endpoint] = field(default_factory=lambda: {True: Endpoint(), False: Endpoint()})
    history: str = ""
    payload: int = 0

    def take(self, packet: Packet, repeated: bool) -> None:
        """The next packet; `repeated`: its payload had all been seen before."""
        is_originator = packet.source == self.originator
        own, peer = self.ends[is_originator], self.ends[not is_originator]
        self._letter(packet, own, is_originator)
        if own.state != "reset":
            if packet.window == 0 and not packet.flags & RST and peer.state != "closed":
                self._count("w", own, is_originator)
            if repeated:
                self._count("t", own, is_originator)
        move(own, peer, packet, is_originator)
        self.payload += packet.payload

    def _letter(self, packet: Packet, own: Endpoint, is_originator: bool) -> None:
        letter = letter_of(packet)
        elsewhere = _elsewhere(packet, own)
        if letter is None:
            return
        # A SYN elsewhere starts the numbers anew, unless its side had closed: only then does it stand out.
        stands_out = letter in "fr" or (letter in "sh" and own.state in ("closed", "reset"))
        if letter not in own.letters or (elsewhere and stands_out):
            own.letters.add(letter)
            self._write(letter, is_originator)

    def _count(self, letter: str, own: Endpoint, is_originator: bool) -> None:
        """Letters that are written at their 1st, 10th, 100th … occurrence."""
        own.counted[letter] = own.counted.get(letter, 0) + 1
        if own.counted[letter] in _WRITTEN_AT:
            self._write(letter, is_originator)

    def _write(self, letter: str, is_originator: bool) -> None:
        self.history += letter.upper() if is_originator else letter

    @property
    def conn_state(self) -> str:
        """Zeek's conn_state."""
        originator, responder = self.ends[True].state, self.ends[False].state
        unseen = ("inactive", "partial")
        if responder == "reset":
            if originator in ("syn_sent", "syn_ack_sent") or (originator == "reset" and not self.payload):
                return "REJ"
            return "RSTRH" if originator in unseen else "RSTR"
        if originator == "reset":
            if responder not in unseen:
                return "RSTO"
            return "RSTOS0" if re.match(r"\^?S[^HAFGIQ]*R", self.history) else "OTH"
        if originator == "closed":
            return "SF" if responder == "closed" else "SH" if responder in unseen else "S2"
        if responder == "closed":
            return "SHR" if originator in unseen else "S3"
        if (originator, responder) == ("syn_sent", "inactive"):
            return "S0"
        return "S1" if originator == responder == "established" else "OTH"


def _elsewhere(packet: Packet, own: Endpoint) -> bool:
    """Is this SYN, SYN,ACK, FIN or RST not where the last one of its side was?"""
    control = packet.flags & (SYN | FIN | RST)
    if control not in (SYN, FIN, RST):
        return False
    kind = (control, bool(packet.flags & ACK) if control == SYN else None)
    place = (packet.seq + (packet.payload if control == FIN else 0)) % 2**32
    last, own.places[kind] = own.places.get(kind), place
    return last is not None and last != place


def letter_of(packet: Packet) -> str | None:
    """The history's letter, in lower case."""
    control = packet.flags & (SYN | FIN | RST)
    if control & FIN and control & RST:
        return "i"
    if control in (SYN | FIN, SYN | RST):
        return "q"
    if control == SYN:
        return "h" if packet.flags & ACK else "s"
    if control:
        return "f" if control == FIN else "r"
    if packet.payload:
        return "d"
    return "a" if packet.flags & ACK else None


def move(own: Endpoint, peer: Endpoint, packet: Packet, is_originator: bool) -> None:
    """What one segment does to the two states."""
    syn, ack, fin, rst = (bool(packet.flags & bit) for bit in (SYN, ACK, FIN, RST))
    if own.state == "inactive":
        _first(own, peer, packet, is_originator)
    elif own.state in ("syn_sent", "syn_ack_sent"):
        if fin:
            own.enter("closed")
        if rst:
            own.enter("reset")
    elif own.state in ("established", "partial"):
        if syn and not ack and own.state == "partial" and peer.state == "inactive":
            own.enter("syn_sent")
        if fin and not rst:
            own.enter("closed")
            if peer.state == "reset" and peer.before == "closed":
                peer.enter("closed")
        if rst:
            own.enter("reset")
    elif own.state == "closed" and rst and peer.state != "closed":
        own.enter("reset")


def _first(own: Endpoint, peer: Endpoint, packet: Packet, is_originator: bool) -> None:
    """The first segments of a side."""
    if packet.flags & SYN:
        if is_originator:
            own.enter("syn_ack_sent" if packet.flags & ACK else "syn_sent")
        else:
            if peer.state == "syn_sent":
                peer.enter("established")
            own.enter("established")
    if packet.flags & FIN:
        own.enter("closed")
    if packet.flags & RST:
        own.enter("reset")
    if own.state != "inactive":
        return
    if not is_originator and not packet.payload and peer.state == "syn_sent":
        return  # an ACK before the SYN,ACK
    own.enter("established" if packet.flags & ACK and peer.state == "established" else "partial")
