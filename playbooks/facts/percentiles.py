"""Percentiles of measured times."""

from __future__ import annotations

import math
from collections.abc import Sequence

from playbooks.facts.log_facts import Times


def percentiles(seconds: Sequence[float]) -> Times | None:
    """p50, p90, p99 and the longest, by nearest rank; None of nothing."""
    if not seconds:
        return None
    ordered = sorted(seconds)

    def at(share: float) -> float:
        return ordered[min(len(ordered), max(1, math.ceil(share * len(ordered)))) - 1]

    return Times(len(ordered), at(0.5), at(0.9), at(0.99), ordered[-1], at(0.1))
