"""Collected packets to the table of connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from capture.flows import measures
from capture.flows.analysis import analyse
from capture.flows.collecting import Collected
from capture.flows.grouping import grouped
from capture.flows.quoting import attached
from capture.flows.rows import neighbours, sides_key
from capture.flows.table import FlowTable, Tag
from capture.flows.zeek import histories
from capture.model import COUNT_NAMES
from capture.wire.columns import AddressTable, Bool, QuotedTcp, ScopeTable

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
    found = grouped(collected, by_time=by_time)
    check()
    packets, first = found.packets, found.first
    n = len(first) - 1
    near = neighbours(packets.side, first)
    key = sides_key(near.connection, packets)
    payload = measures.by_side(key, n, packets.payload)
    wscale = measures.window_scales(found)
    complete, rtt = measures.handshakes(packets, first)
    counts = measures.flag_counts(packets, key, n)
    check()
    analysed = analyse(packets, first, near, wscale)
    check()
    packets = replace(packets, tags=analysed.tags)
    for name, tag in TAG_OF_COUNT.items():
        counts[name] = measures.by_side(key[(packets.tags & tag) != 0], n)
    empty: Bool = payload.sum(axis=1) == 0
    history, conn_state = histories(packets, first, near, found.flipped, ~analysed.in_order, empty)
    return FlowTable(
        packets=packets,
        first=first,
        addresses=addresses,
        scopes=scopes,
        address=found.address,
        port=found.port,
        scope=found.scope,
        packet_count=measures.by_side(key, n),
        bytes=payload,
        unique_bytes=np.where(analysed.in_order[:, None], payload - analysed.rst_payload, analysed.spans),
        counts={name: counts[name] for name in COUNT_NAMES},
        conn_state=conn_state,
        history=history,
        complete_handshake=complete,
        wscale=wscale,
        rtt_ns=rtt,
        longest_gap_ns=measures.longest_gaps(packets, first),
        quoted=attached(quoted, found.address, found.port, first, packets.time),
    )
