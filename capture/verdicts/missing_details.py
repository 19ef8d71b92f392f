"""What a printed capture does not say leaves other readings open: without TTLs anyone may have sent a RST, and without
times nobody knows who waited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from capture.model import Ending
from capture.verdicts.diagnosis import CERTAIN, LIKELY
from capture.verdicts.event_codes import Context

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.model import Notice
    from capture.verdicts.diagnosis import Diagnosis
    from capture.verdicts.ending import End
    from capture.verdicts.history_facts import Story

CODES = {"no_ttl": Context.NO_TTL, "no_time": Context.NO_TIME}
"""Codes of notices, and what of a connection is not known where they stand."""
UNSAID = Context.NO_TTL | Context.NO_TIME


def unsaid_in(notices: Iterable[Notice]) -> Context:
    """What a capture does not say, by its notices."""
    found = Context(0)
    for notice in notices:
        found |= CODES.get(notice.code, Context(0))
    return found


def as_far_as_told(story: Story, end: End, diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis, no surer than the lines allow."""
    unsaid = story.context & UNSAID
    if not unsaid:
        return diagnosis
    others = diagnosis.alternatives
    if Context.NO_TTL in unsaid and end.ending is Ending.RST and not end.forged:
        elsewhere = "middlebox_reset" if story.answered else "refused_by_firewall"
        if elsewhere not in (diagnosis.cause, *others):
            others = (*others, elsewhere)
    certainty = LIKELY if diagnosis.certainty is CERTAIN else diagnosis.certainty
    return replace(diagnosis, certainty=certainty, alternatives=others)
