"""Records to packet columns: decode a window down to TCP and put the rows in file order."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from capture.wire.arrays import distinct
from capture.wire.columns import I64, PacketColumns
from capture.wire.common import common_layouts, in_file_order
from capture.wire.front import Bytes, Front
from capture.wire.layers import Layers
from capture.wire.links import LINK_LAYERS, LINUX_SLL2, Layer
from capture.wire.records import Records
from capture.wire.tcp import Segments


def tcp_columns(records: Records, layers: Layers) -> PacketColumns:
    """The TCP packets of a window, as columns that outlive it."""
    common = common_layouts(records, layers.addresses)
    if common is None:
        columns = _header_by_header(records, layers)
    else:
        columns, left = common
        if len(left):
            columns = in_file_order(columns, _header_by_header(records, layers, left))
    if len(columns):
        layers.sights.mark(columns, _interfaces(records, columns))
    return columns


def completed(columns: PacketColumns, others: Records, layers: Layers) -> PacketColumns:
    """The TCP packets of a streamed block, with those among the packets of other layouts."""
    if len(others):
        columns = in_file_order(columns, _header_by_header(others, layers))
    if len(columns):
        layers.sights.mark(columns, None)
    return columns


def _header_by_header(records: Records, layers: Layers, rows: I64 | None = None) -> PacketColumns:
    """Decode all packets, or those of some rows."""
    fronts: list[tuple[Layer, Front]] = []
    limit = records.begin + np.maximum(records.original, records.captured)
    every = Front(
        np.arange(len(records), dtype=np.int64),
        records.begin,
        records.begin + records.captured,
        limit,
        np.zeros(len(records), dtype=np.int32),
        aligned=(records.begin, 0),
    )
    if rows is not None:
        every = every.at_rows(rows)
    if isinstance(records.link, int):
        if records.link in LINK_LAYERS:
            fronts.append((LINK_LAYERS[records.link], every))
    else:
        known = [link for link in distinct(records.link).tolist() if link in LINK_LAYERS]
        fronts += [(LINK_LAYERS[link], every.where(records.link == link)) for link in known]
    return _columns(records, layers.segments(records, fronts))


def _interfaces(records: Records, columns: PacketColumns) -> npt.NDArray[np.int32] | None:
    """Which interface saw each TCP packet, where the capture says so: pcapng's own, or "any"'s index."""
    rows = columns.number.astype(np.int64) - records.first_number
    if isinstance(records.link, int) and records.link == LINUX_SLL2:
        return Bytes(records.buffer).u32(records.begin[rows] + 4).astype(np.int32)
    return records.interface[rows] if records.interface is not None else None


def _columns(records: Records, parts: list[Segments]) -> PacketColumns:
    rows = _joined([part.front.row for part in parts], np.int64)
    order: I64 | None = None
    if len(parts) > 1:
        order = np.argsort(rows, kind="stable")
        rows = rows[order]

    def column(arrays: list[Any], dtype: Any) -> Any:
        values = _joined(arrays, dtype)
        return values if order is None else values[order]

    networks = [part.front.network for part in parts if part.front.network is not None]
    whole = len(rows) == len(records) and bool((rows == np.arange(len(rows))).all())  # none of them twice
    return PacketColumns(
        number=records.number_of(rows),
        time=records.time if whole else records.time[rows],
        src=column([network.src for network in networks], np.int64),
        dst=column([network.dst for network in networks], np.int64),
        sport=column([part.sport for part in parts], np.uint16),
        dport=column([part.dport for part in parts], np.uint16),
        seq=column([part.seq for part in parts], np.uint32),
        ack=column([part.ack for part in parts], np.uint32),
        flags=column([part.flags for part in parts], np.uint16),
        window=column([part.window for part in parts], np.uint16),
        payload=column([part.payload for part in parts], np.int32),
        ttl=column([network.ttl for network in networks], np.uint8),
        ip_id=column([network.ip_id for network in networks], np.uint16),
        wscale=column([part.wscale for part in parts], np.int8),
        marks=column([part.marks for part in parts], np.uint8),
        scope=column([part.front.scope for part in parts], np.int32),
        offset=records.offset if whole else records.offset[rows],
        content=column([part.content for part in parts], np.uint8),
    )


def _joined(arrays: list[Any], dtype: Any) -> Any:
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype=dtype)
