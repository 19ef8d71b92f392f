"""Endings over time, as lines of bars: when did the resets come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tui.charts import binned, sparkline
from tui.words import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.triage import Triage

SHOWN = (("rst", "RST"), ("timeout", "time-out"), ("icmp", "ICMP"), ("fin", "FIN"))
LABEL = 18


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
        last = flows.packets.time[flows.first[1:] - 1]
        starts.append(int(flows.packets.time.min()))
        endings = np.asarray(triage.verdicts.endings())
        for code, _ in SHOWN:
            ends.setdefault(code, []).extend(last[endings == code].tolist())
    if sum(map(len, ends.values())) < 3:
        return []
    start, end = min(starts), max(time for times in ends.values() for time in times)
    bins = max(10, width - LABEL)
    lines = []
    for code, name in SHOWN:
        times = ends.get(code)
        if times:
            line = sparkline(binned(times, start, end, bins), bins, ascii=ascii)
            lines.append(f"{name:<8} {len(times):>8,} {line}")
    if not any(ends.get(code) for code, _ in SHOWN[:3]):
        return []
    seconds = (end - start) / 1e9
    head = f"{'ended by':<17} {duration(seconds)} from left to right, {duration(seconds / bins)} a bar"
    return [head, *lines] if width >= 100 else lines[:3]
