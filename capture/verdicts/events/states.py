"""The endpoint state machine (RFC 9293 §3.3.2), driven by what the wire shows of both sides.

A side has received a FIN when it acknowledges it; where its next packets do not, the two crossed on the way, whatever
the order in the capture says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.model import TcpState
from capture.verdicts.events.event_codes import Kind, Trait

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.verdicts.events.event_codes import Event

Pair = tuple[TcpState, TcpState]
"""The states of originator and responder."""

ON_FIN_RECEIVED = {
    TcpState.SYN_SENT: TcpState.CLOSE_WAIT,  # its last ACK of the handshake was captured before the SYN,ACK
    TcpState.SYN_RECEIVED: TcpState.CLOSE_WAIT,
    TcpState.ESTABLISHED: TcpState.CLOSE_WAIT,
    TcpState.FIN_WAIT_1: TcpState.CLOSING,
    TcpState.FIN_WAIT_2: TcpState.TIME_WAIT,
}
OPENING = (TcpState.SYN_SENT, TcpState.SYN_RECEIVED)
UNOPENED = (TcpState.CLOSED, TcpState.LISTEN)
ON_FIN_ACKED = {
    TcpState.FIN_WAIT_1: TcpState.FIN_WAIT_2,
    TcpState.CLOSING: TcpState.TIME_WAIT,
    TcpState.LAST_ACK: TcpState.CLOSED,
}
ON_FIN_SENT = {
    TcpState.SYN_SENT: TcpState.FIN_WAIT_1,
    TcpState.SYN_RECEIVED: TcpState.FIN_WAIT_1,
    TcpState.ESTABLISHED: TcpState.FIN_WAIT_1,
    TcpState.CLOSE_WAIT: TcpState.LAST_ACK,
}


def walk(
    events: Sequence[Event], midstream: bool, closes: dict[int, tuple[bool, bool]]
) -> tuple[list[Pair], list[Pair]]:
    """Both sides' states before and after each event.

    `closes` says at which event a RST or a time-out closed which sides (originator, responder).
    """
    machine = _Machine(events, midstream)
    before: list[Pair] = []
    after: list[Pair] = []
    for index in range(len(events)):
        machine.deliver_before(index)
        before.append(machine.pair())
        machine.step(index)
        for side, closed in enumerate(closes.get(index, ())):
            if closed:
                machine.state[side] = TcpState.CLOSED
        after.append(machine.pair())
    return before, after


class _Machine:
    def __init__(self, events: Sequence[Event], midstream: bool) -> None:
        self.events = events
        start = (TcpState.ESTABLISHED, TcpState.ESTABLISHED) if midstream else (TcpState.CLOSED, TcpState.LISTEN)
        self.state: list[TcpState] = list(start)
        self.in_flight = [False, False]  # that side's FIN is on its way

    def pair(self) -> Pair:
        return self.state[0], self.state[1]

    def deliver_before(self, index: int) -> None:
        """A RST follows its sender's FIN: its receiver has both, unless that FIN was lost, and repeated."""
        event = self.events[index]
        if event.kind is Kind.RST and self.in_flight[event.side] and not self._lost(event.side, index):
            self._deliver(event.side)

    def _lost(self, sender: int, index: int) -> bool:
        """Its FIN was repeated, and what its peer said later did not acknowledge it."""
        repeats = [i for i in range(index) if self._repeats_fin(i, sender)]
        return bool(repeats) and any(e.side != sender for e in self.events[repeats[-1] : index])

    def _repeats_fin(self, index: int, sender: int) -> bool:
        event = self.events[index]
        return event.side == sender and event.kind is Kind.FIN and event.has(Trait.REPEAT)

    def step(self, index: int) -> None:
        event = self.events[index]
        side, peer = event.side, 1 - event.side
        state = self.state
        if event.kind is Kind.SYN:
            if state[side] in (TcpState.CLOSED, TcpState.LISTEN, TcpState.TIME_WAIT):
                state[side] = TcpState.SYN_SENT
            return
        if event.kind is Kind.SYN_ACK:
            if state[side] in (TcpState.CLOSED, TcpState.LISTEN, TcpState.SYN_SENT):
                state[side] = TcpState.SYN_RECEIVED
            return
        if event.kind in (Kind.RST, Kind.ICMP):
            return
        if any(state[i] in OPENING and state[1 - i] in UNOPENED for i in (0, 1)):
            state[:] = [TcpState.ESTABLISHED] * 2  # the other half of the handshake was not captured
        if state[side] is TcpState.SYN_SENT and state[peer] is TcpState.SYN_RECEIVED:
            state[side] = TcpState.ESTABLISHED
        if state[peer] is TcpState.SYN_RECEIVED and state[side] is not TcpState.SYN_SENT:
            state[peer] = TcpState.ESTABLISHED
        if event.has(Trait.ACKS_FIN):
            self._deliver(peer)
            state[peer] = ON_FIN_ACKED.get(state[peer], state[peer])
        if event.kind is Kind.FIN:
            state[side] = ON_FIN_SENT.get(state[side], state[side])
            if not event.has(Trait.REPEAT):
                self.in_flight[side] = True
                if not self._crosses(index):
                    self._deliver(side)

    def _deliver(self, sender: int) -> None:
        if self.in_flight[sender]:
            receiver = 1 - sender
            self.state[receiver] = ON_FIN_RECEIVED.get(self.state[receiver], self.state[receiver])
        self.in_flight[sender] = False

    def _crosses(self, index: int) -> bool:
        """Whether the peer's next packet does not acknowledge this FIN: it was sent before the FIN arrived."""
        sender = self.events[index].side
        for event in self.events[index + 1 :]:
            if event.side != sender and event.kind not in (Kind.RST, Kind.ICMP):
                return not event.has(Trait.ACKS_FIN)
        return False
