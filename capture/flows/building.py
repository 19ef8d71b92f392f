"""Collected packets to the table of connections."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from capture.flows import measures
from capture.flows.analysis import analyse
from capture.flows.collecting import Collected
from capture.flows.grouping import Grouped, grouped
from capture.flows.quoting import attached
from capture.flows.rows import neighbours, sides_key
from capture.flows.stretches import worked
from capture.flows.table import FlowTable, Tag
from capture.flows.zeek import Histories
from capture.model import COUNT_NAMES
from capture.wire.columns import I64, U16, AddressTable, Bool, QuotedTcp, ScopeTable

TAG_OF_COUNT = {
    # Wireshark's filter tcp.analysis.retransmission matches the fast and the spurious ones too
    "retransmission": Tag.RETRANSMISSION | Tag.FAST_RETRANSMISSION | Tag.SPURIOUS_RETRANSMISSION,
    "fast_retransmission": Tag.FAST_RETRANSMISSION,
    "spurious_retransmission": Tag.SPURIOUS_RETRANSMISSION,
    "out_of_order": Tag.OUT_OF_ORDER,
    "duplicate_ack": Tag.DUPLICATE_ACK,
    "zero_window": Tag.ZERO_WINDOW,
    "window_full": Tag.WINDOW_FULL,
    "keep_alive": Tag.KEEP_ALIVE,
    "lost_segment": Tag.LOST_SEGMENT,
}


class _Analysed(Struct, frozen=True):
    """What was found in a stretch of n connections."""

    tags: U16  # (packets,)
    packet_count: I64  # (n, 2)
    bytes: I64
    unique_bytes: I64
    counts: dict[str, I64]  # those that are not all zero
    complete: Bool  # (n,)
    rtt: I64
    gap: I64
    history: list[str]
    conn_state: list[str]


def flow_table(
    collected: Collected,
    addresses: AddressTable,
    scopes: ScopeTable,
    quoted: list[QuotedTcp],
    *,
    by_time: bool = False,
    check: Callable[[], None] = lambda: None,
) -> FlowTable:
    """All connections of what was collected; takes the columns out of `collected`.

    `check` is called between the steps, and may raise to stop.
    """
    check()
    found = grouped(collected, by_time=by_time, check=check)
    check()
    first = found.first
    histories = Histories()

    def work(start: int, stop: int) -> _Analysed:
        check()
        return _analyse_stretch(found, start, stop, histories)

    parts = worked(first, work)
    nothing = np.zeros((0, 2), np.int64)
    pairs = {
        name: np.concatenate([nothing, *(getattr(part, name) for part in parts)])
        for name in ("packet_count", "bytes", "unique_bytes")
    }
    return FlowTable(
        packets=replace(found.packets, tags=np.concatenate([found.packets.tags[:0], *(part.tags for part in parts)])),
        first=first,
        addresses=addresses,
        scopes=scopes,
        address=found.address,
        port=found.port,
        scope=found.scope,
        packet_count=pairs["packet_count"],
        bytes=pairs["bytes"],
        unique_bytes=pairs["unique_bytes"],
        counts={name: _counts(parts, name, pairs["bytes"].shape) for name in COUNT_NAMES},
        conn_state=[state for part in parts for state in part.conn_state],
        history=[history for part in parts for history in part.history],
        complete_handshake=np.concatenate([np.zeros(0, np.bool_), *(part.complete for part in parts)]),
        wscale=found.wscale,
        rtt_ns=np.concatenate([nothing[:, 0], *(part.rtt for part in parts)]),
        longest_gap_ns=np.concatenate([nothing[:, 0], *(part.gap for part in parts)]),
        quoted=attached(quoted, found.address, found.port, first, found.packets.time),
    )


def _counts(parts: Sequence[_Analysed], name: str, shape: tuple[int, ...]) -> I64:
    """One count of all connections; what never happened costs no memory. Shape (n, 2)."""
    if not any(name in part.counts for part in parts):
        return np.broadcast_to(np.int64(0), shape)
    return np.concatenate([part.counts.get(name, np.zeros_like(part.bytes)) for part in parts])


def _analyse_stretch(found: Grouped, start: int, stop: int, histories: Histories) -> _Analysed:
    low, high = int(found.first[start]), int(found.first[stop])
    packets = found.packets.part(low, high)
    first = found.first[start : stop + 1] - low
    connections, here = stop - start, slice(start, stop)
    near = neighbours(packets.side, first)
    key = sides_key(near.connection, packets)
    totals = measures.totals(packets, first, key)
    complete, rtt = measures.handshakes(packets, first)
    analysed = analyse(packets, first, near, found.wscale[here], totals.payload)
    counts = totals.flags
    tagged = np.flatnonzero(analysed.tags)
    tags, tagged_key = analysed.tags[tagged], key[tagged]
    for name, tag in TAG_OF_COUNT.items():
        rows = (tags & tag) != 0
        if rows.any():
            counts[name] = measures.by_side(tagged_key[rows], connections)
    empty: Bool = totals.payload.sum(axis=1) == 0
    history, conn_state = histories.tell(packets, first, near, found.flipped[here], analysed, empty)
    return _Analysed(
        tags=analysed.tags,
        packet_count=totals.packets,
        bytes=totals.payload,
        unique_bytes=analysed.unique,
        counts=counts,
        complete=complete,
        rtt=rtt,
        gap=totals.longest_gap,
        history=history,
        conn_state=conn_state,
    )
