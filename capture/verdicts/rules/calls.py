"""Which error each application's next call gets, from its state when the connection ended for it.

Linux's tcp_reset: SYN-SENT gets ECONNREFUSED, CLOSE-WAIT EPIPE, anything else ECONNRESET; a read after the peer's FIN
is EOF whatever follows. A retransmission time-out gives ETIMEDOUT, or the ICMP error that was pending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.model import Ending, NextCalls, TcpState
from capture.verdicts.events.ending import icmp_class
from capture.verdicts.events.event_codes import PAUSE, IcmpClass, Kind, Trait
from capture.verdicts.events.silences import ENOUGH_REPEATS

if TYPE_CHECKING:
    from capture.verdicts.events.ending import End
    from capture.verdicts.events.history_facts import HistoryFacts
    from capture.verdicts.events.states import Pair

OK, EOF = "ok", "EOF"

GOT_FIN = frozenset({TcpState.CLOSE_WAIT, TcpState.LAST_ACK, TcpState.CLOSING, TcpState.TIME_WAIT})
SENT_FIN = frozenset(
    {TcpState.FIN_WAIT_1, TcpState.FIN_WAIT_2, TcpState.CLOSING, TcpState.TIME_WAIT, TcpState.LAST_ACK}
)
ICMP_ERRORS = {
    IcmpClass.NET: "ENETUNREACH",
    IcmpClass.HOST: "EHOSTUNREACH",
    IcmpClass.PORT: "ECONNREFUSED",
    IcmpClass.PROHIBITED: "EHOSTUNREACH",
    IcmpClass.PROHIBITED_V6: "EACCES",
}


def next_calls(history: HistoryFacts, end: End) -> tuple[NextCalls, NextCalls]:
    """The next calls of originator and responder."""
    if history.unread is not None:
        return NextCalls(), NextCalls()
    connects = _connect(history, end)
    if not history.answered:
        return NextCalls(connect=connects), NextCalls()
    at = end.at
    suffered = end.ending in (Ending.RST, Ending.TIMEOUT) and at is not None and history.third_packet is not None
    states = history.states_before(at) if suffered and at is not None else None
    return NextCalls(connects, *_read_write(history, end, 0, states)), NextCalls(
        None, *_read_write(history, end, 1, states)
    )


def _connect(history: HistoryFacts, end: End) -> str | None:
    if history.only_a_refusal:
        return "ECONNREFUSED"
    if history.third_packet is not None:
        return OK
    if history.answered:
        # the answers were lost on the way, and it goes on asking
        lost = history.first(Kind.SYN_ACK) is not None and bool(
            history.indexes(Kind.SYN, 0, after=history.first(Kind.SYN_ACK) or 0)
        )
        return "ETIMEDOUT" if end.ending is Ending.TIMEOUT and lost else None
    if end.ending is Ending.RST and end.at is not None:
        syn = history.first(Kind.SYN)
        refused = syn is not None and history.events[syn].side != history.events[end.at].side
        return "ECONNREFUSED" if refused else None
    if end.ending is Ending.ICMP and end.at is not None:
        return ICMP_ERRORS[icmp_class(history, end.at)]
    return "ETIMEDOUT" if end.ending is Ending.TIMEOUT else None


def _read_write(history: HistoryFacts, end: End, side: int, states: Pair | None) -> tuple[str | None, str | None]:
    """`states` of both sides when a RST or a time-out ended it for one of them."""
    if history.third_packet is None or history.only_a_refusal:
        return None, None  # the application never had the connection
    if states is not None and end.ending is Ending.RST:
        if side == end.by:
            return _resetter(history, end, states[side])
        return (None, None) if _begun_before(history, end) else _reset(states[side])
    if states is not None and (end.by == side or _hears_nothing(history, side)):
        return _timed_out(history, side, _gone_since(history, end, side, states))
    write: str | None = OK if end.ending is not Ending.TIMEOUT else None
    if history.fins[side] is not None:
        write = "EPIPE"
    return EOF if _received_fin(history, side) else None, write


def _received_fin(history: HistoryFacts, side: int) -> bool:
    """The peer's FIN was acknowledged, or nothing speaks against its arrival."""
    sent = history.indexes(Kind.FIN, 1 - side)
    if history.fin_acked(1 - side) is not None:
        return True
    lost = any(history.is_meant(i) for i in history.repeated_in_vain(1 - side))
    return len(sent) == 1 and not lost  # behind what did not arrive no read comes to it


def _reset(state: TcpState) -> tuple[str, str]:
    if state is TcpState.CLOSE_WAIT:
        return EOF, "EPIPE"
    if state in GOT_FIN:
        return EOF, "ECONNRESET"
    return "ECONNRESET", "ECONNRESET"


def _begun_before(history: HistoryFacts, end: End) -> bool:
    """The RST answers data in a connection of whose other side nothing else was captured: it may have closed before."""
    assert end.at is not None
    bare = history.events[end.at].has(Trait.BARE) and not end.forged
    return (
        bare
        and history.midstream
        and not any(e.side == end.by and e.kind is not Kind.RST for e in history.events[: end.at])
    )


def _hears_nothing(history: HistoryFacts, side: int) -> bool:
    """The side whose peer timed out repeats itself too, to the end."""
    if history.silence is None or history.silence[0] == side:
        return False
    return len(history.repeats_meanwhile(history.silence[0], history.silence[1])) >= ENOUGH_REPEATS


def _resetter(history: HistoryFacts, end: End, state: TcpState) -> tuple[str | None, str | None]:
    """The side whose address the RST bears: gone, unless something in the middle forged it."""
    assert end.at is not None
    if end.forged:
        return _impersonated(history, end.at)
    side = history.events[end.at].side
    if history.events[end.at].has(Trait.BARE):
        before = history.state_when_last_heard(side, end.at)
        if before not in SENT_FIN:
            state = before
            if _gave_up_before(history, end.at):
                return _timed_out(history, side, state)
    read = EOF if state in GOT_FIN else None
    return read, "EPIPE" if state in SENT_FIN else None


def _impersonated(history: HistoryFacts, rst: int) -> tuple[str | None, str | None]:
    """In whose name something on the way sent a RST: what came of it later, in the capture, tells."""
    side = history.events[rst].side
    answered = history.first(Kind.RST, 1 - side, after=rst)
    if answered is not None and not history.indexes(Kind.FIN, side, before=answered):
        return "ECONNRESET", "ECONNRESET"  # its next packet met the RST of a peer that had lost the connection
    if _answers_a_packet(history, rst):
        # a gateway that forgot the connection answers what comes from the other side in the same way
        return "ECONNRESET", "ECONNRESET"
    return None, None


def _gone_since(history: HistoryFacts, end: End, side: int, states: Pair) -> TcpState:
    """The state in which a side gave up: a bare RST long after that only tells that its socket is gone."""
    assert end.at is not None
    event = history.events[end.at]
    late = event.kind is Kind.RST and event.side == side and event.has(Trait.BARE)
    return history.state_when_last_heard(side, end.at) if late else states[side]


def _gave_up_before(history: HistoryFacts, rst: int) -> bool:
    """It had repeated data that nothing acknowledges, and its socket was gone at last."""
    side = history.events[rst].side
    return len(set(history.repeated_in_vain(side, before=rst)) & set(history.data(side))) >= ENOUGH_REPEATS - 1


def _answers_a_packet(history: HistoryFacts, rst: int) -> bool:
    event = history.events[rst]
    answers = rst > 0 and history.events[rst - 1].side != event.side and event.gap < PAUSE
    return answers and not event.has(Trait.AFTERLIFE)


def _timed_out(history: HistoryFacts, side: int, state: TcpState) -> tuple[str, str]:
    error = "ETIMEDOUT"
    told = [i for i in history.icmp if history.events[i].side == side]  # a router tells who sent what it quotes
    if told:
        error = ICMP_ERRORS[icmp_class(history, told[-1])]
    if state in GOT_FIN or history.fin_acked(1 - side) is not None:
        return EOF, error
    return error, error
