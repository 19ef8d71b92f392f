"""How a connection ended, before why: the first event that ended it for one side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from capture.model import Ending
from capture.verdicts.events.event_codes import ICMP_MASK, ICMP_SHIFT, IcmpClass, Kind, Trait

if TYPE_CHECKING:
    from capture.verdicts.events.history_facts import HistoryFacts

BOTH = 2


class End(Struct, frozen=True):
    """`at`: the event that ended it; `by`: the side that reset, or that gave up waiting (0 originator, 1 responder)."""

    ending: Ending
    at: int | None = None
    by: int | None = None
    forged: bool = False  # the RST was not sent by `by`, whose address it bears


def end_of(history: HistoryFacts) -> End:
    """How the connection ended."""
    if history.unread is not None:
        return End(Ending.OPEN)
    return _before_an_answer(history) if not history.answered else _after_an_answer(history)


def _before_an_answer(history: HistoryFacts) -> End:
    reset = history.reset
    if reset is not None:
        return End(Ending.RST, reset, history.events[reset].side)
    if history.icmp:
        return End(Ending.ICMP, history.icmp[-1], history.events[history.icmp[-1]].side)
    syn = history.first(Kind.SYN)
    if syn is None or history.just_begun:
        return End(Ending.OPEN)
    return End(Ending.TIMEOUT, history.last(Kind.SYN), history.events[syn].side)


def _after_an_answer(history: HistoryFacts) -> End:
    reset = history.reset
    silence = history.silence
    fin_by_both = history.fins[0] is not None and history.fins[1] is not None
    if silence is not None and not _after_the_close(history, silence[1], fin_by_both):
        side, run = silence
        if reset is None or reset > run[-1]:
            own = reset is not None and history.events[reset].side == side and not _answers(history, run, reset)
            if reset is None or own:
                return End(Ending.TIMEOUT, reset if own else run[-1], side)
    if reset is not None:
        return _by_reset(history, reset)
    if history.both_acked is not None:
        return End(Ending.FIN, history.both_acked)
    if fin_by_both or (history.heard_of is not None and history.fins[1 - history.heard_of] is not None):
        return End(Ending.FIN, max(i for i in history.fins if i is not None))
    if history.third_packet is None and len(history.indexes(Kind.SYN_ACK)) > 1:
        return End(Ending.TIMEOUT, history.last(Kind.SYN_ACK), 1)
    return End(Ending.OPEN)


def _answers(history: HistoryFacts, run: list[int], reset: int) -> bool:
    """Nobody heard that it had closed, and what its peer said later met the bare RST of a socket that was gone."""
    side, spoken = history.events[reset].side, (Kind.DATA, Kind.FIN)
    later = [e for e in history.events[run[-1] + 1 : reset] if e.side != side and e.kind in spoken]
    closed = all(history.events[i].kind is Kind.FIN for i in run)
    return closed and history.events[reset].has(Trait.BARE) and any(not e.has(Trait.REPEAT) for e in later)


def _after_the_close(history: HistoryFacts, run: list[int], fin_by_both: bool) -> bool:
    """A last FIN, and goodbyes, to a peer that had closed: nothing timed out for anyone. What was meant did."""
    side = history.events[run[0]].side
    fin = history.fins[1 - side]
    closed = fin is not None and fin < run[-1] and history.fin_acked(1 - side) is not None
    if not fin_by_both or any(history.is_meant(i) and history.events[i].has(Trait.REPEAT) for i in run):
        return False
    return closed or all(history.events[i].kind is Kind.FIN for i in run)


def _by_reset(history: HistoryFacts, reset: int) -> End:
    event = history.events[reset]
    if (
        not event.has(Trait.BARE)
        and history.probes_before(event.side, reset)
        and not _peer_window_closed(history, reset)
    ):
        return End(Ending.TIMEOUT, reset, event.side)
    if all(fin is not None and fin < reset for fin in history.fins):
        return End(Ending.RST, reset, event.side)  # both had closed: whoever cleared it away, nothing was cut short
    forged = (
        event.has(Trait.FOREIGN)
        or event.has(Trait.ODD_ID)
        or (event.has(Trait.AFTERLIFE) and not _overtaken(history, reset))
    )
    return End(Ending.RST, reset, event.side, forged=forged)


def _peer_window_closed(history: HistoryFacts, reset: int) -> bool:
    return bool(history.stalled(1 - history.events[reset].side, reset))


def _overtaken(history: HistoryFacts, reset: int) -> bool:
    """The RST's sender only repeats SYNs after it: its port was used again, it is no sign of life."""
    side = history.events[reset].side
    later = [e for e in history.events[reset + 1 :] if e.side == side and e.kind is not Kind.RST]
    return bool(later) and all(e.kind in (Kind.SYN, Kind.SYN_ACK) for e in later)


def icmp_class(history: HistoryFacts, at: int) -> IcmpClass:
    """What the ICMP error at an index said."""
    return IcmpClass((history.events[at].traits & ICMP_MASK) >> ICMP_SHIFT)
