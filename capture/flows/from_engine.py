"""The engine's table to the table of connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from capture.flows.connection_table import Events, FlowTable, Numbering, Opening, Spans, Words
from capture.flows.icmp_errors import attached, quotations
from capture.model import COUNT_NAMES
from capture.wire.column_types import AddressTable, Scope, ScopeTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.engine.session import Engine, Records
    from capture.wire.column_types import I64

RARE = (
    "retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "duplicate_ack", "zero_window",
    "window_full", "keep_alive", "lost_segment",
)  # fmt: skip
"""The counts of connections that are not simply in order, as table.h orders them."""


def flow_table(engine: Engine, names: Mapping[bytes, str] | None = None, *, last: bool = False) -> FlowTable:
    """The connections of now. `names`: of hosts whose addresses are not known, by their keys."""
    table = engine.table(last=last)
    columns = table.columns
    addresses = AddressTable.of(table.v6, names or {})
    histories = [history for history, _ in table.words]
    states = [state for _, state in table.words]
    words = columns["word"]
    counts, missing = _counts(columns, table.connections)
    return FlowTable(
        addresses=addresses,
        scopes=ScopeTable.of([Scope(vlan or None, tunnel or None) for vlan, tunnel in table.scopes]),
        counts=counts,
        missing=missing,
        copies=int(columns["copies"].sum()),
        seen_twice=int(np.count_nonzero(columns["copies"])),
        conn_state=Words(states, words),
        history=Words(histories, words),
        complete_handshake=columns["complete_handshake"].view(np.bool_),
        opening=Opening(*(columns[f"opening_{name}"] for name in ("flags", "side", "ttl", "marks"))),
        numbers=Numbering(
            first=columns["side_seq"],
            after=columns["side_next"],
            heard=columns["side_heard"].view(np.bool_),
            opened=columns["side_opened"].view(np.bool_),
            word_time=columns["word_time"],
            word_size=columns["word_size"],
            first_ack=columns["first_ack"],
        ),
        events=_events(columns),
        quoted=attached(
            quotations(table.quoted, addresses), columns["address"], columns["port"], columns["first_time"]
        ),
        **_as_they_are(columns),
    )


_AS_THEY_ARE = (
    "address", "port", "scope", "packet_count", "bytes", "wscale", "rtt_ns", "longest_gap_ns", "first_time",
    "last_time", "place", "answer",
)  # fmt: skip
_OFF = {"unique_bytes": "bytes", "lowest_time": "first_time", "highest_time": "last_time"}
"""Columns that are mostly another one: the engine gives by how much they are off."""


def _as_they_are(columns: dict[str, Records]) -> dict[str, Any]:
    unsigned = {name: columns[name].view(np.int64) for name in ("first_number", "first_fin", "first_rst")}
    found = {name: columns[name] for name in _AS_THEY_ARE} | unsigned
    for name, other in _OFF.items():
        off = columns[f"{name.removesuffix('_time')}_off"]
        found[name] = found[other] + off if off.any() else found[other]
    return found


def _events(columns: dict[str, Records]) -> Events:
    long = columns["long"]
    rows = long["row"].astype(np.int64)
    return Events(
        code=columns["event_code"],
        number=_numbers(columns),
        time=Spans(columns["event_since"], rows, long["time"], (columns["event_first"], columns["first_time"])),
        gap=Spans(columns["event_gap"], rows, long["gap"]),
        alone_ttl=columns["event_alone_ttl"],
        first=columns["event_first"],
    )


def _numbers(columns: dict[str, Records]) -> Records:
    """Packet numbers of the events: four bytes each, unless a capture has more packets."""
    low, above = columns["event_number"], columns["event_number_above"]
    return low if not above.any() else low.astype(np.int64) | above.astype(np.int64) << 32


def _counts(columns: dict[str, Records], connections: int) -> tuple[dict[str, I64], Records]:
    """The counts of each direction, what never happened at no cost; and of whom something acknowledged is missing."""
    rows = columns["rare_row"]
    rare = columns["rare_counts"].reshape(-1, len(RARE), 2)
    counts: dict[str, I64] = {}
    for name in COUNT_NAMES:
        if name not in RARE:
            counts[name] = columns[name]
            continue
        few = rare[:, RARE.index(name)]
        counts[name] = np.broadcast_to(np.int64(0), (connections, 2))
        if few.any():
            counts[name] = np.zeros((connections, 2), np.int64)
            counts[name][rows] = few
    missing = np.broadcast_to(np.False_, (connections, 2))
    if columns["missing"].any():
        missing = np.zeros((connections, 2), np.bool_)
        missing[rows] = columns["missing"].reshape(-1, 2)
    return counts, missing
