"""How often a screen may paint by itself: over a slow line what nobody asked for stays within a kilobyte a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BYTES_A_SECOND = 800.0  # what moves the cursor around pictures comes on top


class LineBudget:
    """What was painted is paid off by time; while some is owed, the next picture waits. Answers to keys cost nothing:
    they are waited for."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds, from any beginning."""
        self._clock = clock
        self._paid_at = 0.0
        self.answers = 0
        """Keys and clicks that were answered so far."""

    def spend(self, number: int) -> None:
        """So many bytes were sent, and nobody had pressed a key for them."""
        self._paid_at = max(self._paid_at, self._clock()) + number / BYTES_A_SECOND

    def wait_s(self) -> float:
        """Seconds until all is paid; 0 where the next picture may be sent now."""
        return max(0.0, self._paid_at - self._clock())
