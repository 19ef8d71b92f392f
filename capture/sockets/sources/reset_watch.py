"""Decides when a place's resets are worth a tap: while the kernel counts many, and for a few looks after."""

from __future__ import annotations

import time
from collections.abc import Mapping

from capture.sockets.sources.rst_tap import RstTap, TappedResets
from capture.sockets.sources.source_protocol import SeesResets, Source

COUNTED = ("OutRsts", "EstabResets", "AttemptFails")
OPENED = ("ActiveOpens", "PassiveOpens")
QUIET_LOOKS = 5
"""The tap closes after so many looks without many resets."""
GLANCE_S, GLANCES = 0.3, 4
"""How long an exact look waits for the tap's first RSTs, and how often at most: they may come in bursts, and a document
of two looks has no third one to name them in."""


class ResetWatch:
    """The tap of one place, and when it was last read."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._tap: RstTap | None = None
        self._quiet = 0
        self._read_at = 0.0

    def look(self, counters: Mapping[str, int], elapsed_s: float | None, least: float, exact: bool) -> TappedResets:
        """What the tap took since the look before. `least`: resets a second from which on it is opened."""
        if not elapsed_s:
            return TappedResets()
        many = max(counters.get(name, 0) for name in COUNTED) >= least * elapsed_s
        if self._tap is not None:
            self._quiet = 0 if many else self._quiet + 1
            taken = self._take()
            if self._quiet >= QUIET_LOOKS:
                self.close()
            return taken
        if not many or not isinstance(self._source, SeesResets):
            return TappedResets()
        try:
            self._tap = self._source.tap_resets()
        except OSError as error:
            return TappedResets(refusal=error.strerror or str(error))
        self._quiet, self._read_at = 0, time.monotonic()
        if not exact:
            return TappedResets()
        taken, began = TappedResets(), self._read_at
        for _ in range(GLANCES):
            time.sleep(GLANCE_S)
            taken = self._take()
            if taken.resets:
                break
        taken.seconds, taken.lasting = self._read_at - began, bool(taken.resets)
        return taken

    def close(self) -> None:
        """Takes no more."""
        if self._tap is not None:
            self._tap.close()
            self._tap = None

    def _take(self) -> TappedResets:
        assert self._tap is not None
        now = time.monotonic()
        seconds, self._read_at = now - self._read_at, now
        resets, missed = self._tap.take()
        return TappedResets(seconds, resets, missed)
