"""What a capture does not say leaves other readings open: without TTLs anyone may have sent a RST, without times nobody
knows who waited, and where packets are missing what nobody saw may have passed by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from capture.model import Ending
from capture.verdicts import catalogue
from capture.verdicts.events.event_codes import Context
from capture.verdicts.rules.diagnosis import CERTAIN, LIKELY, POSSIBLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.model import Notice
    from capture.verdicts.events.ending import End
    from capture.verdicts.events.history_facts import HistoryFacts
    from capture.verdicts.rules.diagnosis import Diagnosis

GAPS = (
    "packets_missing", "one_direction", "bad_record", "broken_lines", "fragments_missing", "part_left_out",
    "dropped_by_capture",
)  # fmt: skip
CODES = {"no_ttl": Context.NO_TTL, "no_time": Context.NO_TIME, **dict.fromkeys(GAPS, Context.GAPS)}
"""Codes of notices, and what of a connection is not known where they are."""
DETAILS = Context.NO_TTL | Context.NO_TIME | Context.GAPS


def missing_in(notices: Iterable[Notice]) -> Context:
    """What a capture does not say, by its notices."""
    found = Context(0)
    for notice in notices:
        found |= CODES.get(notice.code, Context(0))
    return found


def as_far_as_captured(history: HistoryFacts, end: End, diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis, no surer than what was captured allows."""
    missing = history.context & DETAILS
    absence = catalogue.causes()[diagnosis.cause].absence
    if history.heard_of is not None and history.answered:
        diagnosis = replace(diagnosis, certainty=POSSIBLE)  # ACK numbers tell what was sent, not what became of it
    if history.goodbye_by_length and diagnosis.certainty is not POSSIBLE:
        waved_away = diagnosis.harmless and end.ending is Ending.RST
        diagnosis = replace(diagnosis, certainty=POSSIBLE if waved_away else LIKELY)
    if not missing:
        return diagnosis
    others = diagnosis.alternatives
    if Context.NO_TTL in missing and end.ending is Ending.RST and not end.forged:
        elsewhere = "middlebox_reset" if history.answered else "refused_by_firewall"
        if elsewhere not in (diagnosis.cause, *others):
            others = (*others, elsewhere)
    certainty = LIKELY if diagnosis.certainty is CERTAIN else diagnosis.certainty
    if Context.GAPS in missing and absence:
        certainty = POSSIBLE  # what it says was not there may be what was not captured
    return replace(diagnosis, certainty=certainty, alternatives=others)
