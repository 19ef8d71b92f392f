"""How a connection ended, before why: the first event that ended it for one side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from capture.model import Ending
from capture.verdicts.events.event_codes import ICMP_MASK, ICMP_SHIFT, IcmpClass, Kind, Mark

if TYPE_CHECKING:
    from capture.verdicts.events.history_facts import Story

BOTH = 2


class End(Struct, frozen=True):
    """`at`: the event that ended it; `by`: the side that reset, or that gave up waiting (0 originator, 1 responder)."""

    ending: Ending
    at: int | None = None
    by: int | None = None
    forged: bool = False  # the RST was not sent by `by`, whose address it bears
    gave_up: bool = False  # by a RST of its own, or by falling silent


def end_of(story: Story) -> End:
    """The ending of a story."""
    return _before_an_answer(story) if not story.answered else _after_an_answer(story)


def _before_an_answer(story: Story) -> End:
    reset = story.reset
    if reset is not None:
        return End(Ending.RST, reset, story.events[reset].side)
    if story.icmp:
        return End(Ending.ICMP, story.icmp[-1], story.events[story.icmp[-1]].side)
    syn = story.first(Kind.SYN)
    if syn is None or story.just_begun:
        return End(Ending.OPEN)
    return End(Ending.TIMEOUT, story.last(Kind.SYN), story.events[syn].side)


def _after_an_answer(story: Story) -> End:
    reset = story.reset
    silence = story.silence
    fin_by_both = story.fins[0] is not None and story.fins[1] is not None
    if silence is not None and not _after_the_close(story, silence[1], fin_by_both):
        side, run = silence
        if reset is None or reset > run[-1]:
            own = reset is not None and story.events[reset].side == side
            if reset is None or own:
                return End(Ending.TIMEOUT, reset if own else run[-1], side, gave_up=True)
    if reset is not None:
        return _by_reset(story, reset)
    if story.both_acked is not None:
        return End(Ending.FIN, story.both_acked)
    if fin_by_both or (story.heard_of is not None and story.fins[1 - story.heard_of] is not None):
        return End(Ending.FIN, max(i for i in story.fins if i is not None))
    if story.third_packet is None and len(story.indexes(Kind.SYN_ACK)) > 1:
        return End(Ending.TIMEOUT, story.last(Kind.SYN_ACK), 1)
    return End(Ending.OPEN)


def _after_the_close(story: Story, run: list[int], fin_by_both: bool) -> bool:
    """A last FIN (and data that nobody waited for) to a peer that had closed: nothing timed out for anyone."""
    side = story.events[run[0]].side
    fin = story.fins[1 - side]
    closed = fin is not None and fin < run[-1] and story.fin_acked(1 - side) is not None
    return fin_by_both and (closed or all(story.events[i].kind is Kind.FIN for i in run))


def _by_reset(story: Story, reset: int) -> End:
    event = story.events[reset]
    if not event.has(Mark.BARE) and story.probes_before(event.side, reset) and not _peer_window_closed(story, reset):
        return End(Ending.TIMEOUT, reset, event.side, gave_up=True)
    if all(fin is not None and fin < reset for fin in story.fins):
        return End(Ending.RST, reset, event.side)  # both had closed: whoever cleared it away, nothing was cut short
    forged = (
        event.has(Mark.FOREIGN)
        or event.has(Mark.ODD_ID)
        or (event.has(Mark.AFTERLIFE) and not _overtaken(story, reset))
    )
    return End(Ending.RST, reset, event.side, forged=forged)


def _peer_window_closed(story: Story, reset: int) -> bool:
    return bool(story.stalled(1 - story.events[reset].side, reset))


def _overtaken(story: Story, reset: int) -> bool:
    """The RST's sender only repeats SYNs after it: its port was used again, it is no sign of life."""
    side = story.events[reset].side
    later = [e for e in story.events[reset + 1 :] if e.side == side and e.kind is not Kind.RST]
    return bool(later) and all(e.kind in (Kind.SYN, Kind.SYN_ACK) for e in later)


def icmp_class(story: Story, at: int) -> IcmpClass:
    """What the ICMP error at an index said."""
    return IcmpClass((story.events[at].marks & ICMP_MASK) >> ICMP_SHIFT)
