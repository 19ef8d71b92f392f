"""ICMP errors to the connections whose segments they quote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from capture.engine.library import QUOTED_BY_V4, QUOTED_BY_V6, QUOTED_REPORTER_6, QUOTED_SEQ
from capture.wire.column_types import AddressTable, QuotedTcp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.wire.column_types import I64, U16


def quotations(rows: Any, addresses: AddressTable) -> list[QuotedTcp]:
    """The engine's quoted headers, in order."""
    return [_quotation(row, addresses) for row in rows]


def _quotation(row: Any, addresses: AddressTable) -> QuotedTcp:
    family, known = int(row["family"]), int(row["has_seq"])
    source, target = family & 15, family >> 4 or family & 15
    ipv6 = bool(known & QUOTED_BY_V6) if known & (QUOTED_BY_V6 | QUOTED_BY_V4) else source == 6
    its = 6 if known & QUOTED_REPORTER_6 or (ipv6 and not known & QUOTED_BY_V4) else 4
    reporter, src, dst = (
        row[name].tobytes()[: 16 if size == 6 else 4]
        for name, size in (("reporter", its), ("src", source), ("dst", target))
    )
    return QuotedTcp(
        number=int(row["number"]),
        time=int(row["time"]),
        reporter=addresses.text(addresses.key(reporter)),
        icmp_type=int(row["type"]),
        icmp_code=int(row["code"]),
        ipv6=ipv6,
        src=addresses.key(src),
        dst=addresses.key(dst),
        sport=int(row["sport"]),
        dport=int(row["dport"]),
        seq=int(row["seq"]) if known & QUOTED_SEQ else None,
        mtu=int(row["mtu"]) or None,
    )


def attached(quoted: Sequence[QuotedTcp], address: I64, port: U16, first_time: I64) -> dict[int, list[QuotedTcp]]:
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
        earlier = [c for c in connections if int(first_time[c]) <= quote.time]
        found.setdefault((earlier or connections[:1])[-1], []).append(quote)
    return found


def _ends(quote: QuotedTcp) -> tuple[int, int]:
    a, b = quote.src << 16 | quote.sport, quote.dst << 16 | quote.dport
    return (a, b) if a <= b else (b, a)
