"""Collected packets to the table of connections.

The analysis goes through the packets in stretches of whole connections, small enough to stay in the processor's cache;
numpy lets go of the interpreter while it works, so two threads share the stretches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock

import numpy as np

from capture.flows import measures
from capture.flows.analysis import analyse
from capture.flows.collecting import Collected
from capture.flows.grouping import Grouped, grouped
from capture.flows.quoting import attached
from capture.flows.rows import neighbours, sides_key
from capture.flows.table import FlowTable, Tag, stretches
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
STRETCH = 1 << 16  # packets analysed at once
THREADS = 2


@dataclass(frozen=True, slots=True)
class _Results:
    """What the stretches write into: arrays over all packets or connections."""

    tags: U16
    packet_count: I64
    bytes: I64
    unique_bytes: I64
    counts: dict[str, I64]
    complete: Bool
    rtt: I64
    gap: I64
    history: list[str]
    conn_state: list[str]
    adding: Lock = field(default_factory=Lock)  # of a count that no stretch had before

    @classmethod
    def empty(cls, packets: int, connections: int) -> _Results:
        def pairs() -> I64:
            return np.zeros((connections, 2), np.int64)

        return cls(
            tags=np.zeros(packets, np.uint16),
            packet_count=pairs(),
            bytes=pairs(),
            unique_bytes=pairs(),
            counts={name: pairs() for name in ("syn", "fin", "rst")},
            complete=np.zeros(connections, np.bool_),
            rtt=np.full(connections, -1, np.int64),
            gap=np.full(connections, -1, np.int64),
            history=[""] * connections,
            conn_state=[""] * connections,
        )


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
    results = _Results.empty(len(found.packets.seq), len(first) - 1)

    histories = Histories()

    def work(stretch: tuple[int, int]) -> None:
        check()
        _analyse_stretch(found, *stretch, histories, results)

    ranges = list(stretches(first, STRETCH))
    if len(ranges) > 1:
        from concurrent.futures import ThreadPoolExecutor  # costs 30 ms: not for a small capture

        with ThreadPoolExecutor(THREADS) as pool:
            for _ in pool.map(work, ranges):
                pass
    else:
        for stretch in ranges:
            work(stretch)
    nothing = np.broadcast_to(np.int64(0), results.packet_count.shape)  # what never happened costs no memory
    return FlowTable(
        packets=replace(found.packets, tags=results.tags),
        first=first,
        addresses=addresses,
        scopes=scopes,
        address=found.address,
        port=found.port,
        scope=found.scope,
        packet_count=results.packet_count,
        bytes=results.bytes,
        unique_bytes=results.unique_bytes,
        counts={name: results.counts.get(name, nothing) for name in COUNT_NAMES},
        conn_state=results.conn_state,
        history=results.history,
        complete_handshake=results.complete,
        wscale=found.wscale,
        rtt_ns=results.rtt,
        longest_gap_ns=results.gap,
        quoted=attached(quoted, found.address, found.port, first, found.packets.time),
    )


def _analyse_stretch(found: Grouped, start: int, stop: int, histories: Histories, results: _Results) -> None:
    low, high = int(found.first[start]), int(found.first[stop])
    packets = found.packets.part(low, high)
    first = found.first[start : stop + 1] - low
    connections, here = stop - start, slice(start, stop)
    near = neighbours(packets.side, first)
    key = sides_key(near.connection, packets)
    payload = measures.by_side(key, connections, packets.payload)
    results.packet_count[here] = measures.by_side(key, connections)
    results.bytes[here] = payload
    results.complete[here], results.rtt[here] = measures.handshakes(packets, first)
    results.gap[here] = measures.longest_gaps(packets, first)
    analysed = analyse(packets, first, near, found.wscale[here], payload)
    results.tags[low:high] = analysed.tags
    results.unique_bytes[here] = analysed.unique
    for name, counted in measures.flag_counts(packets, key, connections).items():
        results.counts[name][here] = counted
    tagged = np.flatnonzero(analysed.tags)
    tags, key = analysed.tags[tagged], key[tagged]
    for name, tag in TAG_OF_COUNT.items():
        rows = (tags & tag) != 0
        if rows.any():
            with results.adding:
                if name not in results.counts:
                    results.counts[name] = np.zeros_like(results.packet_count)
            results.counts[name][here] = measures.by_side(key[rows], connections)
    empty: Bool = payload.sum(axis=1) == 0
    history, conn_state = histories.tell(packets, first, near, found.flipped[here], analysed, empty)
    results.history[here], results.conn_state[here] = history, conn_state
