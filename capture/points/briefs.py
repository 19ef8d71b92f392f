"""Verdicts of many connections of one capture in brief: what a comparison asks of them, worded many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.model import Certainty, Ending
    from capture.triage import Triage


class Brief(Struct, frozen=True):
    """What one capture says of a connection."""

    cause: str
    certainty: Certainty
    ended_by: Ending
    sentence: str


class Briefs:
    """Those of a capture. A sentence made by itself takes ten times as long as one of many."""

    def __init__(self, triage: Triage) -> None:
        self._triage = triage
        self._prepared: dict[int, Brief] = {}

    def prepare(self, connections: Iterable[int]) -> None:
        """Make these at once; they are kept until others are prepared."""
        heard, verdicts = self._triage.kernel_events, self._triage.verdicts
        ids = np.array([one for one in connections if one not in heard], np.int64)
        self._prepared = {}
        for kind, places, wording in verdicts.worded(ids):
            template = verdicts.templates[kind]
            cause, sure = template.diagnosis.cause, template.diagnosis.certainty
            for one, sentence in zip(ids[places].tolist(), wording.sentences(len(places)), strict=True):
                self._prepared[one] = Brief(cause, sure, template.ended_by, sentence)

    def of(self, connection: int) -> Brief:
        """The verdict of a connection, with what the kernel said of it."""
        brief = self._prepared.get(connection)
        if brief is None:
            verdict = self._triage.verdict(connection)
            brief = Brief(verdict.cause, verdict.certainty, verdict.ended_by, verdict.sentence)
        return brief
