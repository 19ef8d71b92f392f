"""Endings over time, as lines of bars: when did the resets come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture.cells import left
from tui.text.charts import binned, sparkline
from tui.text.language import tr
from tui.text.quantities import duration, milliseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.triage import Triage

SHOWN = (("rst", "RST"), ("timeout", "time-out"), ("icmp", "ICMP"), ("fin", "FIN"))
LABEL = 18
LEAST_LATENCIES = 10


def timeline_lines(triages: Sequence[Triage], width: int, ascii: bool) -> list[str]:
    """One line for each way to end that occurred, the last two of them at most FIN; bars share the capture's span.

    A connection ends with its last packet. Empty where there is nothing to draw: fewer than 3 connections.
    """
    ends: dict[str, list[int]] = {}
    starts: list[int] = []
    for triage in triages:
        flows = triage.decoded.flows
        if not len(flows):
            continue
        last = flows.last_time
        starts.append(int(flows.lowest_time.min()))
        endings = np.asarray(triage.verdicts.endings())
        for code, _ in SHOWN:
            ends.setdefault(code, []).extend(last[endings == code].tolist())
    if sum(map(len, ends.values())) < 3:
        return []
    start, end = min(starts), max(time for times in ends.values() for time in times)
    bins = max(10, min(width - LABEL, sum(map(len, ends.values())) // 2))  # a bar of less than two says nothing
    lines = []
    for code, name in SHOWN:
        times = ends.get(code)
        if times:
            line = sparkline(binned(times, start, end, bins), bins, ascii=ascii)
            lines.append(f"{left(tr(name), 8)} {len(times):>8,} {line}")
    if not any(ends.get(code) for code, _ in SHOWN[:3]):
        return []
    seconds = (end - start) / 1e9
    head = (
        left(tr("ended by"), 17)
        + " "
        + tr("{span} from left to right, {bar} a bar", span=duration(seconds), bar=duration(seconds / bins))
    )
    return [head, *lines] if width >= 100 else lines[:3]


def latency_line(triages: Sequence[Triage], ascii: bool) -> str:
    """Handshake round trips in percentiles, and how they spread (each bar a factor of 2); empty with fewer than 10."""
    known = [triage.decoded.flows.rtt_ns for triage in triages]
    values = np.concatenate([column[column >= 0] for column in known]) if known else np.zeros(0)
    if len(values) < LEAST_LATENCIES:
        return ""
    named = zip(("p50", "p95", "p99", "max"), np.percentile(values, (50, 95, 99, 100)), strict=True)
    figures = "  ".join(f"{name} {milliseconds(value / 1e6)}" for name, value in named)
    scale = np.log2(np.maximum(values, 1000)).astype(int)
    low, high = int(scale.min()), int(scale.max())
    spread = sparkline(np.bincount(scale - low, minlength=high - low + 1).tolist(), high - low + 1, ascii=ascii)
    return f"{tr('handshake')}  {figures}  {spread.strip()}"
