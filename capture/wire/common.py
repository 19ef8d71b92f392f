"""Packets of the common layouts, decoded in one loop where the kernels were compiled; the others are named."""

from __future__ import annotations

from typing import Any

import numpy as np

from capture import kernels
from capture.wire.addresses import v6_keys
from capture.wire.checksums import judged_until
from capture.wire.columns import I64, U32, AddressTable, PacketColumns
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


TUNNELS = _tunnels()


class Room:
    """Room for the fields of so many packets, by the names and in the order that the kernels know."""

    def __init__(self, rows: int) -> None:
        self.src, self.dst, self.v6_row = np.empty((3, rows), np.int64)
        self.sport, self.dport, self.flags, self.window, self.ip_id = np.empty((5, rows), np.uint16)
        self.seq, self.ack = np.empty((2, rows), np.uint32)
        self.ttl, self.marks, self.content = np.empty((3, rows), np.uint8)
        self.payload, self.wscale = np.empty(rows, np.int32), np.empty(rows, np.int8)
        self.v6_ends = np.empty((rows, 2, 16), np.uint8)

    @property
    def fields(self) -> tuple[Any, ...]:
        """The columns to be written."""
        return (
            *(self.src, self.dst, self.sport, self.dport, self.seq, self.ack, self.flags, self.window, self.payload),
            *(self.ttl, self.ip_id, self.wscale, self.marks, self.content),
        )

    def columns(
        self, found: int, v6: int, addresses: AddressTable, number: U32, time: I64, offset: I64
    ) -> PacketColumns:
        """The first `found` packets, of which `v6` have IPv6 addresses."""
        for side, ends in enumerate((self.src, self.dst) if v6 else ()):
            ends[self.v6_row[:v6]] = v6_keys(addresses, np.ascontiguousarray(self.v6_ends[:v6, side]))
        return PacketColumns(
            number=number,
            time=time,
            src=self.src[:found],
            dst=self.dst[:found],
            sport=self.sport[:found],
            dport=self.dport[:found],
            seq=self.seq[:found],
            ack=self.ack[:found],
            flags=self.flags[:found],
            window=self.window[:found],
            payload=self.payload[:found],
            ttl=self.ttl[:found],
            ip_id=self.ip_id[:found],
            wscale=self.wscale[:found],
            marks=self.marks[:found],
            scope=np.zeros(found, np.int32),
            offset=offset,
            content=self.content[:found],
        )


def layout_of(link: int) -> tuple[int, int] | None:
    """Size of a link layer's header and where its type stands; None where it is not so simple."""
    return LINK_HEADERS.get(LINK_LAYERS.get(link, Layer.LLC))


def common_layouts(records: Records, addresses: AddressTable) -> tuple[PacketColumns, I64] | None:
    """The TCP packets of the common layouts, and the rows of those that are to be decoded header by header.

    None where that is all of them: without the kernels, and with other link layers.
    """
    compiled = kernels.KERNELS
    layout = layout_of(records.link) if isinstance(records.link, int) else None
    if compiled is None or layout is None or not len(records):
        return None
    n = len(records)
    room, (row, left) = Room(n), np.empty((2, n), np.int64)
    found, others, v6 = compiled.tcp_headers(
        records.buffer,
        n,
        *layout,
        int(judged_until(records)[0]),
        TUNNELS,
        (records.begin, records.captured, records.original),
        (row, *room.fields),
        (left, room.v6_row),
        room.v6_ends,
    )
    rows, whole = row[:found], found == n
    number = records.number_of(rows)
    time, offset = (values if whole else values[rows] for values in (records.time, records.offset))
    return room.columns(found, v6, addresses, number, time, offset), left[:others]


def in_file_order(one: PacketColumns, other: PacketColumns) -> PacketColumns:
    """The packets of both, by number."""
    if not len(one) or not len(other):
        return one if len(one) else other
    order = np.argsort(np.concatenate((one.number, other.number)), kind="stable")
    names = PacketColumns.__struct_fields__
    return PacketColumns(*(np.concatenate((getattr(one, name), getattr(other, name)))[order] for name in names))
