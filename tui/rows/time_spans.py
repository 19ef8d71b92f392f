"""A capture's connections along its time: how many end where, how many live in a span, and the span as a filter."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.triage import Triage

DAY = 86_400.0
FINE_S = 3600.0
"""A capture shorter than this is brushed to the millisecond."""
_TIME_TERM = re.compile(r"(?:^|\s)(?:time|when|at):\S+", re.IGNORECASE)


class TimeSpans:
    """First and last times of all connections; seconds since the epoch."""

    def __init__(self, triages: Sequence[Triage]) -> None:
        none = np.zeros(0, np.int64)
        self._first = np.concatenate([none, *(t.decoded.flows.lowest_time for t in triages)]) / 1e9
        self._last = np.concatenate([none, *(t.decoded.flows.highest_time for t in triages)]) / 1e9
        self.start = float(self._first.min()) if len(self._first) else 0.0
        self.end = float(self._last.max()) if len(self._last) else 0.0

    def __bool__(self) -> bool:
        return self.end > self.start

    def bars(self, number: int) -> list[int]:
        """How many connections end in each of so many equal parts."""
        counts, _ = np.histogram(self._last, bins=max(1, number), range=(self.start, self.end))
        return [int(count) for count in counts]

    def living(self, low: float, high: float) -> int:
        """Connections with a packet before `high` and one at or after `low`: those that the filter keeps."""
        return int(((self._first < high) & (self._last >= low)).sum())

    def text(self, low: float, high: float) -> str:
        """The span as a value of `time:` (UTC), `high` not in it; with dates where the capture spans days."""
        dated = time.gmtime(self.start)[:3] != time.gmtime(self.end)[:3]
        unit = 0.001 if self.end - self.start < FINE_S else 1.0
        last = max(low, high - unit)  # the last unit that is written belongs to a span
        return f"{_moment(low, dated, unit)}..{_moment(last, dated, unit)}"


def _moment(at: float, dated: bool, unit: float) -> str:
    whole, part = divmod(round(at / unit) * unit, 1)
    text = time.strftime("%Y-%m-%dT%H:%M:%S" if dated else "%H:%M:%S", time.gmtime(whole))
    return f"{text}.{round(part * 1000):03}" if unit < 1 else text


def with_time(filter_text: str, span: str) -> str:
    """A filter with this span in place of the one that it had."""
    rest = " ".join(_TIME_TERM.sub(" ", filter_text).split())
    return f"{rest} time:{span}".strip()
