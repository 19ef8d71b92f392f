"""Zeek's view of one connection: endpoint states, `history` and `conn_state`, by its published rules.

The machine is fed one segment after another; a connection without irregularities needs only the first segment of each
kind, because every later one leaves the states and the history as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum

from capture.model import TcpFlags

MASK = 0xFFFFFFFF
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


UNSEEN = (State.INACTIVE, State.PARTIAL)


@dataclass(slots=True)
class Endpoint:
    """One side: its state and what it has in the history."""

    state: State = State.INACTIVE
    before: State = State.INACTIVE
    start: int = 0  # sequence number of the SYN, seen or inferred
    letters: set[str] = field(default_factory=set)
    repeated: dict[str, int] = field(default_factory=dict)  # letter -> relative number of the last such segment
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

    def segment(self, side: int, flags: int, length: int, seq: int, window: int, *, again: bool = False) -> None:
        """Take one segment; `window` as on the wire; `again`: its payload had all been seen before."""
        own, peer = self.ends[side], self.ends[1 - side]
        _start(own, flags, seq)
        self._letter(side, own, flags, length, (seq - own.start) & MASK)
        if window == 0 and not flags & RST and peer.state is not State.CLOSED and own.state is not State.RESET:
            self.count(side, "w")
        if again and own.state is not State.RESET:
            self.count(side, "t")
        transition(own, peer, is_originator=side == 0, flags=flags, length=length)

    def bad_checksum(self, side: int) -> None:
        """A segment that is dropped for its checksum."""
        self.count(side, "c")

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

    def _letter(self, side: int, own: Endpoint, flags: int, length: int, relative: int) -> None:
        letter = letter_of(flags, length)
        if letter is None:
            return
        new = letter not in own.letters
        own.letters.add(letter)
        if letter in "shfr":
            at = relative + length if letter == "f" else relative
            new = new or own.repeated[letter] != at
            own.repeated[letter] = at
        if new:
            self._write(side, letter)


def _start(own: Endpoint, flags: int, seq: int) -> None:
    """Where the sequence numbers of a side begin: at its SYN, or as if one had come before its first segment."""
    if own.state is State.INACTIVE:
        own.start = seq if flags & SYN else (seq - 1) & MASK
    elif flags & SYN:
        again = own.state in (State.SYN_SENT, State.SYN_ACK_SENT) and seq != own.start
        spoofed = own.state is State.RESET and own.before is State.INACTIVE
        if again or spoofed or own.state in (State.ESTABLISHED, State.PARTIAL):
            own.start = seq


def letter_of(flags: int, length: int) -> str | None:
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
    if length:
        return "d"
    return "a" if flags & ACK else None


def transition(own: Endpoint, peer: Endpoint, *, is_originator: bool, flags: int, length: int) -> None:
    """What one segment does to the two states."""
    state = own.state
    if state is State.INACTIVE:
        _first_segment(own, peer, is_originator=is_originator, flags=flags, length=length)
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


def _first_segment(own: Endpoint, peer: Endpoint, *, is_originator: bool, flags: int, length: int) -> None:
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
    if not is_originator and length == 0 and peer.state is State.SYN_SENT:
        return  # an ACK before the SYN,ACK
    if flags & ACK and peer.state is State.ESTABLISHED:
        own.enter(State.ESTABLISHED)
    else:
        own.enter(State.PARTIAL)
