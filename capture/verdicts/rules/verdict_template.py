"""A verdict without numbers: made once for each distinct signature, shared by all connections that have it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from capture.model import Closer, Ending, Resetter
from capture.verdicts.events.ending import End, end_of
from capture.verdicts.events.event_codes import Kind, Trait
from capture.verdicts.events.history_facts import HistoryFacts
from capture.verdicts.events.states import walk
from capture.verdicts.rules.calls import next_calls
from capture.verdicts.rules.missing_details import as_far_as_captured
from capture.verdicts.rules.opening_rules import flags_not_captured, half_open, never_answered
from capture.verdicts.rules.reset_rules import by_reset
from capture.verdicts.rules.silence_rules import by_fin, by_timeout, overflow, overflowed, still_open

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.model import NextCalls
    from capture.verdicts.events.states import Pair
    from capture.verdicts.rules.diagnosis import Diagnosis

CLOSERS = (Closer.ORIGINATOR, Closer.RESPONDER, Closer.BOTH)
RESETTERS = (Resetter.ORIGINATOR, Resetter.RESPONDER)


class Template(Struct, frozen=True, dict=True):
    """What the events of a signature say; event indexes become packet numbers when a connection is shown."""

    history: HistoryFacts
    end: End
    diagnosis: Diagnosis
    ended_by: Ending
    closed_first: Closer | None
    reset_by: Resetter | None
    calls: tuple[NextCalls, NextCalls]

    @cached_property
    def states(self) -> list[Pair]:
        """Both sides' states after each event."""
        return walk(self.history.events, self.history.midstream, _closes(self.history, self.end))[1]


def make(words: Sequence[int]) -> Template:
    """The template of a signature: its context word, then its event codes."""
    history = HistoryFacts.of_codes(words[0], words[1:])
    end = end_of(history)
    diagnosis = as_far_as_captured(history, end, _diagnose(history, end))
    return Template(
        history,
        end,
        diagnosis,
        end.ending,
        _closed_first(history, end),
        _reset_by(history, end),
        next_calls(history, end),
    )


def _diagnose(history: HistoryFacts, end: End) -> Diagnosis:
    if history.unread is not None:
        return flags_not_captured(history.unread)
    if not history.answered:
        return never_answered(history, end)
    if end.ending is Ending.RST:
        diagnosis = _beside_ignored_resets(history, by_reset(history, end))
        return overflow(history) if diagnosis.harmless and overflowed(history) else diagnosis
    if history.third_packet is None:
        return half_open(history, end)
    if end.ending is Ending.FIN:
        return by_fin(history, end)
    if end.ending is Ending.TIMEOUT:
        return by_timeout(history, end)
    return still_open(history, end)


def _beside_ignored_resets(history: HistoryFacts, diagnosis: Diagnosis) -> Diagnosis:
    """Who forged one RST, in vain, may have forged the next as well, and better."""
    forged = any(history.events[i].traits & (Trait.FOREIGN | Trait.ODD_ID) for i in history.ignored_resets)
    if not forged or "middlebox_reset" in (diagnosis.cause, *diagnosis.alternatives):
        return diagnosis
    return replace(diagnosis, alternatives=(*diagnosis.alternatives, "middlebox_reset"))


def _closes(history: HistoryFacts, end: End) -> dict[int, tuple[bool, bool]]:
    """Where sides cease to exist: both at a RST, only its receiver where something in the middle sent it."""
    if end.at is None or end.ending not in (Ending.RST, Ending.TIMEOUT) or end.by is None:
        return {}
    if end.ending is Ending.TIMEOUT:
        return {end.at: (end.by == 0, end.by == 1)} if history.events[end.at].kind is Kind.RST else {}
    if end.forged:
        return {end.at: (end.by == 1, end.by == 0)}
    return {end.at: (True, True)}


def _closed_first(history: HistoryFacts, end: End) -> Closer | None:
    if history.only_a_refusal:
        return None
    first = history.first_closer
    if first is not None and _order_unknown(history, first):
        return None
    if first is not None and history.answered:
        fin = min(i for i in history.fins if i is not None)
        if end.ending is not Ending.RST or end.at is None or fin < end.at:
            return CLOSERS[first]
    if end.ending is Ending.RST and end.by is not None and not end.forged and history.answered:
        return CLOSERS[end.by]
    return None


def _order_unknown(history: HistoryFacts, closer: int) -> bool:
    """Of one direction: whether the other side's FIN was in the data that this FIN acknowledges.

    A FIN is the last that a side sends: where its peer acknowledged more later, or nothing at all, it came later.
    """
    heard = history.heard_of
    if heard is None or closer != 1 - heard or history.fins[heard] is not None:
        return False
    fin = history.fins[closer] or 0
    heard_events = [i for i, event in enumerate(history.events) if event.side == heard]
    answered = any(event.kind is Kind.RST and event.has(Trait.BARE) for event in history.events[fin:])
    # such a RST answers what the other side still said
    return bool(heard_events) and heard_events[-1] < fin and not answered


def _reset_by(history: HistoryFacts, end: End) -> Resetter | None:
    if end.by is None or end.at is None or history.events[end.at].kind is not Kind.RST:
        return None
    return Resetter.MIDDLEBOX if end.forged else RESETTERS[end.by]
