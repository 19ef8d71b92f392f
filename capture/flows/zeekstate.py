"""Zeek's view of one connection: endpoint states, `history` and `conn_state`, by its published rules.

The machine is fed one segment after another; a connection without irregularities needs only the first segment of each
kind, because every later one leaves the states and the history as they are.
"""

from __future__ import annotations

import re
from enum import IntEnum, IntFlag

from msgspec import Struct, field

from capture.model import TcpFlags

SYN, ACK, FIN, RST = int(TcpFlags.SYN), int(TcpFlags.ACK), int(TcpFlags.FIN), int(TcpFlags.RST)
ONLY_SYN_AND_RST = re.compile(r"\^?S[^HAFGIQ]*R")


class State(IntEnum):
    """Endpoint states, in Zeek's names."""

    INACTIVE = 0
    SYN_SENT = 1
    SYN_ACK_SENT = 2
    PARTIAL = 3
    ESTABLISHED = 4
    CLOSED = 5
    RESET = 6


class ZeekEvent(IntFlag):
    """One segment in a few bits: beside its SYN, FIN, RST and ACK, what the rules ask."""

    PAYLOAD = 0x08
    RESPONDER = 0x20
    AGAIN = 0x40  # its payload had all been seen before
    ZERO_WINDOW = 0x80
    DIFFERING = 0x100  # not where the last SYN, FIN or RST of its side was


PAYLOAD, RESPONDER, AGAIN = int(ZeekEvent.PAYLOAD), int(ZeekEvent.RESPONDER), int(ZeekEvent.AGAIN)
ZERO_WINDOW, DIFFERING = int(ZeekEvent.ZERO_WINDOW), int(ZeekEvent.DIFFERING)
UNSEEN = (State.INACTIVE, State.PARTIAL)


class Endpoint(Struct):
    """One side: its state and what it has in the history."""

    state: State = State.INACTIVE
    before: State = State.INACTIVE
    letters: set[str] = field(default_factory=set)
    counters: dict[str, int] = field(default_factory=dict)

    def enter(self, state: State) -> None:
        """Change state, remembering the one before."""
        if state is not self.state:
            self.before, self.state = self.state, state


class ZeekConnection:
    """The two endpoints and the history of one connection."""

    def __init__(self, *, flipped: bool) -> None:
        self.ends = (Endpoint(), Endpoint())
        self._history = ["^"] if flipped else []

    @property
    def history(self) -> str:
        """Zeek's history: upper case the originator's."""
        return "".join(self._history)

    def take(self, event: int) -> None:
        """Take one segment, given as TcpFlags and ZeekEvent bits."""
        side = 1 if event & RESPONDER else 0
        own, peer = self.ends[side], self.ends[1 - side]
        self._letter(side, own, event)
        is_reset = own.state is State.RESET
        if event & ZERO_WINDOW and not event & RST and peer.state is not State.CLOSED and not is_reset:
            self.count(side, "w")
        if event & AGAIN and not is_reset:
            self.count(side, "t")
        transition(own, peer, is_originator=side == 0, flags=event, payload=bool(event & PAYLOAD))

    def count(self, side: int, letter: str) -> None:
        """A letter that is written at its 1st, 10th, 100th … occurrence."""
        counters = self.ends[side].counters
        counters[letter] = counters.get(letter, 0) + 1
        if counters[letter] in (1, 10, 100, 1000, 10_000, 100_000, 1_000_000):
            self._write(side, letter)

    def conn_state(self, *, empty: bool) -> str:
        """Zeek's conn_state. `empty`: neither side sent payload."""
        originator, responder = self.ends[0].state, self.ends[1].state
        if responder is State.RESET:
            attempt = originator in (State.SYN_SENT, State.SYN_ACK_SENT)
            if attempt or (originator is State.RESET and empty):
                return "REJ"
            return "RSTRH" if originator in UNSEEN else "RSTR"
        if originator is State.RESET:
            if responder not in UNSEEN:
                return "RSTO"
            return "RSTOS0" if ONLY_SYN_AND_RST.match(self.history) else "OTH"
        if originator is State.CLOSED and responder is State.CLOSED:
            return "SF"
        if originator is State.CLOSED:
            return "SH" if responder in UNSEEN else "S2"
        if responder is State.CLOSED:
            return "SHR" if originator in UNSEEN else "S3"
        if originator is State.SYN_SENT and responder is State.INACTIVE:
            return "S0"
        return "S1" if originator is responder is State.ESTABLISHED else "OTH"

    def _write(self, side: int, letter: str) -> None:
        self._history.append(letter if side else letter.upper())

    def _letter(self, side: int, own: Endpoint, event: int) -> None:
        letter = letter_of(event, payload=bool(event & PAYLOAD))
        if letter is None:
            return
        # A SYN elsewhere starts the numbers anew, unless its side had closed: only then does it stand out.
        stands_out = letter in "fr" or (letter in "sh" and own.state in (State.CLOSED, State.RESET))
        if letter not in own.letters or (event & DIFFERING and stands_out):
            own.letters.add(letter)
            self._write(side, letter)


def letter_of(flags: int, *, payload: bool) -> str | None:
    """The history letter of a segment, in lower case; None for one that says nothing."""
    bits = flags & (SYN | FIN | RST)
    if bits == FIN | RST or bits == SYN | FIN | RST:
        return "i"
    if bits in (SYN | FIN, SYN | RST):
        return "q"
    if bits == SYN:
        return "h" if flags & ACK else "s"
    if bits == FIN:
        return "f"
    if bits == RST:
        return "r"
    if payload:
        return "d"
    return "a" if flags & ACK else None


def transition(own: Endpoint, peer: Endpoint, *, is_originator: bool, flags: int, payload: bool) -> None:
    """What one segment does to the two states."""
    state = own.state
    if state is State.INACTIVE:
        _first_segment(own, peer, is_originator=is_originator, flags=flags, payload=payload)
    elif state in (State.SYN_SENT, State.SYN_ACK_SENT):
        if flags & FIN:
            own.enter(State.CLOSED)
        if flags & RST:
            own.enter(State.RESET)
    elif state in (State.ESTABLISHED, State.PARTIAL):
        if flags & SYN and not flags & ACK and state is State.PARTIAL and peer.state is State.INACTIVE:
            own.enter(State.SYN_SENT)
        if flags & FIN and not flags & RST:
            own.enter(State.CLOSED)
            if peer.state is State.RESET and peer.before is State.CLOSED:
                peer.enter(State.CLOSED)
        if flags & RST:
            own.enter(State.RESET)
    elif state is State.CLOSED and flags & RST and peer.state is not State.CLOSED:
        own.enter(State.RESET)


def _first_segment(own: Endpoint, peer: Endpoint, *, is_originator: bool, flags: int, payload: bool) -> None:
    if flags & SYN:
        if is_originator:
            own.enter(State.SYN_ACK_SENT if flags & ACK else State.SYN_SENT)
        else:
            if peer.state is State.SYN_SENT:
                peer.enter(State.ESTABLISHED)
            own.enter(State.ESTABLISHED)
    if flags & FIN:
        own.enter(State.CLOSED)
    if flags & RST:
        own.enter(State.RESET)
    if own.state is not State.INACTIVE:
        return
    if not is_originator and not payload and peer.state is State.SYN_SENT:
        return  # an ACK before the SYN,ACK
    if flags & ACK and peer.state is State.ESTABLISHED:
        own.enter(State.ESTABLISHED)
    else:
        own.enter(State.PARTIAL)
