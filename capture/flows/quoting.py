"""ICMP errors to the connections whose segments they quote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.wire.columns import I64, U16, QuotedTcp


def attached(quoted: Sequence[QuotedTcp], address: I64, port: U16, first: I64, time: I64) -> dict[int, list[QuotedTcp]]:
    """Connection -> errors that quote it. Of several with the same 4-tuple, the last that began before the error."""
    if not quoted or not len(address):
        return {}
    ends = address << 16 | port
    lower, upper = np.minimum(ends[:, 0], ends[:, 1]), np.maximum(ends[:, 0], ends[:, 1])
    by_ends: dict[tuple[int, int], list[int]] = {}
    wanted = {_ends(quote) for quote in quoted}
    candidates = np.isin(lower, np.array([pair[0] for pair in wanted]))
    for connection in np.flatnonzero(candidates).tolist():
        by_ends.setdefault((int(lower[connection]), int(upper[connection])), []).append(connection)
    found: dict[int, list[QuotedTcp]] = {}
    for quote in quoted:
        connections = by_ends.get(_ends(quote))
        if not connections:
            continue
        earlier = [c for c in connections if int(time[int(first[c])]) <= quote.time]
        found.setdefault((earlier or connections[:1])[-1], []).append(quote)
    return found


def _ends(quote: QuotedTcp) -> tuple[int, int]:
    a, b = quote.src << 16 | quote.sport, quote.dst << 16 | quote.dport
    return (a, b) if a <= b else (b, a)
