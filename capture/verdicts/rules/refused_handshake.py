"""A TLS handshake that one side ended with an alert: it refused what the other had shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.model import Ending
from capture.verdicts.rules.diagnosis import LIKELY, Diagnosis, proofs

if TYPE_CHECKING:
    from capture.verdicts.events.ending import End
    from capture.verdicts.events.history_facts import HistoryFacts


def refused_handshake(history: HistoryFacts, end: End) -> Diagnosis | None:
    """A fatal alert (RFC 8446 6.2) is what a side said last, before anything was asked: no request, and no answer."""
    for side in (0, 1):
        alert = history.refusing_alert(side)
        if alert is None or (end.at is not None and alert > end.at):
            continue
        reset = end.ending is Ending.RST
        evidence = proofs(
            (alert, "tls_alert"), *((fin, "fin") for fin in history.fins), (end.at if reset else None, "reset")
        )
        cause, others = ("aborted", ("normal_close",)) if reset else ("normal_close", ("aborted",))
        return Diagnosis(
            cause, LIKELY, "refused_handshake", side, others, evidence, variant="handshake_refused" if reset else ""
        )
    return None
