"""Which error each application's next call gets, from its state when the connection ended for it.

Linux's tcp_reset: SYN-SENT gets ECONNREFUSED, CLOSE-WAIT EPIPE, anything else ECONNRESET; a read after the peer's FIN
is EOF whatever follows. A retransmission time-out gives ETIMEDOUT, or the ICMP error that was pending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.model import Ending, NextCalls, TcpState
from capture.verdicts.codes import PAUSE, IcmpClass, Kind, Mark
from capture.verdicts.ending import icmp_class

if TYPE_CHECKING:
    from capture.verdicts.ending import End
    from capture.verdicts.states import Pair
    from capture.verdicts.story import Story

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


def next_calls(story: Story, end: End) -> tuple[NextCalls, NextCalls]:
    """The next calls of originator and responder."""
    connects = _connect(story, end)
    if not story.answered:
        return NextCalls(connect=connects), NextCalls()
    at = end.at
    suffered = end.ending in (Ending.RST, Ending.TIMEOUT) and at is not None and story.third_packet is not None
    states = story.states_before(at) if suffered and at is not None else None
    return NextCalls(connects, *_read_write(story, end, 0, states)), NextCalls(
        None, *_read_write(story, end, 1, states)
    )


def _connect(story: Story, end: End) -> str | None:
    if story.third_packet is not None:
        return OK
    if story.answered:
        return None
    if end.ending is Ending.RST and end.at is not None:
        syn = story.first(Kind.SYN)
        refused = syn is not None and story.events[syn].side != story.events[end.at].side
        return "ECONNREFUSED" if refused else None
    if end.ending is Ending.ICMP and end.at is not None:
        return ICMP_ERRORS[icmp_class(story, end.at)]
    return "ETIMEDOUT" if end.ending is Ending.TIMEOUT else None


def _read_write(story: Story, end: End, side: int, states: Pair | None) -> tuple[str | None, str | None]:
    """`states` of both sides when a RST or a time-out ended it for one of them."""
    if story.third_packet is None:
        return None, None  # the application never had the connection
    if states is not None and end.ending is Ending.RST:
        return _reset(states[side]) if side != end.by else _resetter(story, end, states[side])
    if states is not None and end.by == side:
        return _timed_out(story, states[side])
    write: str | None = OK if end.ending is not Ending.TIMEOUT else None
    if story.fins[side] is not None:
        write = "EPIPE"
    return EOF if _received_fin(story, side) else None, write


def _received_fin(story: Story, side: int) -> bool:
    """The peer's FIN was acknowledged, or nothing speaks against its arrival."""
    sent = story.indexes(Kind.FIN, 1 - side)
    return bool(sent) and (story.fin_acked(1 - side) is not None or len(sent) == 1)


def _reset(state: TcpState) -> tuple[str, str]:
    if state is TcpState.CLOSE_WAIT:
        return EOF, "EPIPE"
    if state in GOT_FIN:
        return EOF, "ECONNRESET"
    return "ECONNRESET", "ECONNRESET"


def _resetter(story: Story, end: End, state: TcpState) -> tuple[str | None, str | None]:
    """The side whose address the RST bears: gone, unless something in the middle forged it."""
    if end.forged:
        assert end.at is not None
        if _answers_a_packet(story, end.at):
            # a gateway that forgot the connection answers what comes from the other side in the same way
            return "ECONNRESET", "ECONNRESET"
        return None, None
    read = EOF if state in GOT_FIN else None
    return read, "EPIPE" if state in SENT_FIN else None


def _answers_a_packet(story: Story, rst: int) -> bool:
    event = story.events[rst]
    answers = rst > 0 and story.events[rst - 1].side != event.side and event.gap < PAUSE
    return answers and not event.has(Mark.AFTERLIFE)


def _timed_out(story: Story, state: TcpState) -> tuple[str, str]:
    error = "ETIMEDOUT"
    if story.icmp:
        error = ICMP_ERRORS[icmp_class(story, story.icmp[-1])]
    if state in GOT_FIN:
        return EOF, error
    return error, error
