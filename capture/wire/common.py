"""Packets of the common layouts, decoded in one loop where the kernels were compiled; the others are named."""

from __future__ import annotations

import numpy as np

from capture import kernels
from capture.wire.addresses import v6_keys
from capture.wire.checksums import judged_until
from capture.wire.columns import I64, AddressTable, PacketColumns
from capture.wire.links import LINK_LAYERS, Layer
from capture.wire.numbers import EITHER_PORT, UDP_PORTS
from capture.wire.records import Records

LINK_HEADERS = {Layer.ETHERNET: (14, 12), Layer.LINUX_SLL: (16, 14), Layer.LINUX_SLL2: (20, 0), Layer.RAW: (0, -1)}
"""Size of a link layer's header and where its type stands; -1: the version of IP tells."""


def _tunnels() -> bytes:
    """A byte for each UDP port: whether a tunnel's packets may come to it, or from it."""
    ports = bytearray(1 << 16)
    for port in (*UDP_PORTS, *EITHER_PORT):
        ports[port] = 1
    return bytes(ports)


_TUNNELS = _tunnels()


def common_layouts(records: Records, addresses: AddressTable) -> tuple[PacketColumns, I64] | None:
    """The TCP packets of the common layouts, and the rows of those that are to be decoded header by header.

    None where that is all of them: without the kernels, and with other link layers.
    """
    compiled = kernels.KERNELS
    if compiled is None or not isinstance(records.link, int) or not len(records):
        return None
    layout = LINK_HEADERS.get(LINK_LAYERS.get(records.link, Layer.LLC))
    if layout is None:
        return None
    n = len(records)
    row, left, v6_row, src, dst = np.empty((5, n), np.int64)
    sport, dport, flags, window, ip_id = np.empty((5, n), np.uint16)
    seq, ack = np.empty((2, n), np.uint32)
    ttl, marks = np.empty((2, n), np.uint8)
    payload, wscale, v6_ends = np.empty(n, np.int32), np.empty(n, np.int8), np.empty((n, 2, 16), np.uint8)
    found, others, v6 = compiled.tcp_headers(
        records.buffer,
        n,
        *layout,
        judged_until(records),
        _TUNNELS,
        (records.begin, records.captured, records.original),
        (row, src, dst, sport, dport, seq, ack, flags, window, payload, ttl, ip_id, wscale, marks),
        (left, v6_row),
        v6_ends,
    )
    if v6:
        for side, ends in enumerate((src, dst)):
            ends[v6_row[:v6]] = v6_keys(addresses, np.ascontiguousarray(v6_ends[:v6, side]))
    rows, whole = row[:found], found == n
    columns = PacketColumns(
        number=(rows + records.first_number).astype(np.uint32),
        time=records.time if whole else records.time[rows],
        src=src[:found],
        dst=dst[:found],
        sport=sport[:found],
        dport=dport[:found],
        seq=seq[:found],
        ack=ack[:found],
        flags=flags[:found],
        window=window[:found],
        payload=payload[:found],
        ttl=ttl[:found],
        ip_id=ip_id[:found],
        wscale=wscale[:found],
        marks=marks[:found],
        scope=np.zeros(found, np.int32),
        offset=records.offset if whole else records.offset[rows],
    )
    return columns, left[:others]


def in_file_order(one: PacketColumns, other: PacketColumns) -> PacketColumns:
    """The packets of both, by number."""
    if not len(one) or not len(other):
        return one if len(one) else other
    order = np.argsort(np.concatenate((one.number, other.number)), kind="stable")
    names = PacketColumns.__struct_fields__
    return PacketColumns(*(np.concatenate((getattr(one, name), getattr(other, name)))[order] for name in names))
