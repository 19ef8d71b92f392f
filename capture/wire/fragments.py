"""IP fragments, put together again (RFC 791 §3.2, RFC 8200 §4.5), across windows. One by one: they are rare.

A packet counts where its last missing fragment was captured, as in Wireshark. What never became whole is named.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct, field

from capture.wire.columns import Mark
from capture.wire.feed import PAD
from capture.wire.front import Bytes, Front, Network
from capture.wire.links import Layer
from capture.wire.numbers import PROTOCOLS, UDP_PORTS

MOST_PENDING = 1024  # packets that wait for fragments; the oldest gives way
MOST_PARTS = 8192  # the smallest fragments of the largest packet
_UDP = 17

Key = tuple[int, int, int, int, int]  # addresses, identification, protocol, scope


class _Pending(Struct):
    """Fragments of one packet."""

    parts: dict[int, bytes] = field(default_factory=dict)  # offset -> bytes; what came first stays
    received: int = 0
    total: int | None = None


class _Whole(Struct, frozen=True):
    """A packet put together."""

    row: int
    key: Key
    payload: bytes
    ttl: int
    ipv6: bool


class _Fragment(Struct, frozen=True):
    row: int
    key: Key
    offset: int
    more: bool
    payload: bytes
    ttl: int
    ipv6: bool


class Fragments:
    """Takes fragments, gives whole packets."""

    def __init__(self) -> None:
        self._pending: dict[Key, _Pending] = {}
        self._whole: list[_Whole] = []
        self.given_up = 0

    @property
    def waiting(self) -> int:
        """Packets of which fragments are missing."""
        return len(self._pending) + self.given_up

    def add_ipv4(self, raw: Bytes, front: Front) -> None:
        """Fragments that stand at their IPv4 header."""
        protocol, offset = raw.u8(front.at + 9), raw.u16(front.at + 6) & 0x1FFF
        wanted = np.isin(protocol, [number for number in PROTOCOLS if number not in (1, _UDP)])
        datagram = protocol == _UDP
        if datagram.any():  # only those of tunnels, which the first fragment tells
            size = (raw.u8(front.at) & 15).astype(np.int64) * 4
            port = raw.u16(np.minimum(front.at + size, front.captured) + 2)
            tunnel = datagram & (offset == 0) & np.isin(port, list(UDP_PORTS))
            known = any(key[3] == _UDP for key in self._pending)
            wanted |= datagram if known or tunnel.any() else tunnel
        front = front.where(wanted)
        network = front.network
        assert network is not None
        for index in range(len(front)):
            at = int(front.at[index])
            header = bytes(raw.buffer[at : at + 20])
            bits = int.from_bytes(header[6:8], "big")
            key = (
                int(network.src[index]),
                int(network.dst[index]),
                int(network.ip_id[index]),
                header[9],
                int(front.scope[index]),
            )
            payload = _bytes(raw, at + (header[0] & 15) * 4, int(front.captured[index]), int(front.limit[index]))
            fragment = _Fragment(
                int(front.row[index]), key, (bits & 0x1FFF) * 8, bits & 0x2000 != 0, payload, header[8], False
            )
            if header[9] == _UDP and key not in self._pending and not _tunnelled(fragment):
                continue
            self._add(fragment)

    def add_ipv6(self, raw: Bytes, front: Front) -> None:
        """Fragments that stand at their fragment header."""
        network = front.having(8).network
        front = front.having(8)
        assert network is not None
        for index in range(len(front)):
            at = int(front.at[index])
            header = bytes(raw.buffer[at : at + 8])
            bits = int.from_bytes(header[2:4], "big")
            if header[0] not in PROTOCOLS or header[0] == 58:
                continue
            key = (
                int(network.src[index]),
                int(network.dst[index]),
                int.from_bytes(header[4:8], "big"),
                header[0],
                int(front.scope[index]),
            )
            payload = _bytes(raw, at + 8, int(front.captured[index]), int(front.limit[index]))
            fragment = _Fragment(
                int(front.row[index]), key, bits & 0xFFF8, bits & 1 != 0, payload, int(network.ttl[index]), True
            )
            if header[0] == _UDP and key not in self._pending and not _tunnelled(fragment):
                continue
            self._add(fragment)

    def whole(self) -> tuple[Bytes, list[tuple[Layer, Front]]]:
        """The packets that became whole since the last call, past their IP header, in bytes of their own."""
        packets, self._whole = self._whole, []
        buffer = bytearray(b"".join(packet.payload for packet in packets) + bytes(PAD))
        fronts, at = [], 0
        for packet in packets:
            source, destination, identification, protocol, scope = packet.key
            marks = Mark.FRAGMENT | (Mark.IPV6 if packet.ipv6 else 0)
            end = np.array([at + len(packet.payload)], dtype=np.int64)
            network = Network(
                np.array([source], dtype=np.int64),
                np.array([destination], dtype=np.int64),
                np.array([packet.ttl], dtype=np.uint8),
                np.array([0 if packet.ipv6 else identification], dtype=np.uint16),
                np.array([marks], dtype=np.uint8),
            )
            here, row = np.array([at], dtype=np.int64), np.array([packet.row], dtype=np.int64)
            front = Front(row, here, end, end, np.array([scope], dtype=np.int32), network)
            fronts.append((PROTOCOLS[protocol], front))
            at += len(packet.payload)
        return Bytes(buffer), fronts

    def _add(self, fragment: _Fragment) -> None:
        pending = self._pending.get(fragment.key)
        if pending is None:
            if len(self._pending) >= MOST_PENDING:
                self._pending.pop(next(iter(self._pending)))
                self.given_up += 1
            pending = self._pending[fragment.key] = _Pending()
        if not fragment.more:
            pending.total = fragment.offset + len(fragment.payload)
        if fragment.offset not in pending.parts and fragment.offset + len(fragment.payload) <= 0xFFFF + 8:
            pending.parts[fragment.offset] = fragment.payload
            pending.received += len(fragment.payload)
        if pending.total is not None and pending.received >= pending.total:
            payload = _joined(pending, pending.total)
            if payload is not None:
                del self._pending[fragment.key]
                self._whole.append(_Whole(fragment.row, fragment.key, payload, fragment.ttl, fragment.ipv6))
            elif len(pending.parts) > MOST_PARTS or pending.received > 1 << 18:
                del self._pending[fragment.key]
                self.given_up += 1


def _bytes(raw: Bytes, begin: int, captured: int, limit: int) -> bytes:
    """The payload of one fragment; zeros for what the snaplen cut off."""
    size = max(limit - begin, 0)
    return bytes(raw.buffer[begin : min(captured, limit)])[:size].ljust(min(size, 0xFFFF), b"\0")


def _joined(pending: _Pending, total: int) -> bytes | None:
    """The whole payload, or None while there is a hole. Where fragments overlap, the one at the lower offset counts."""
    out = bytearray()
    for offset in sorted(pending.parts):
        part = pending.parts[offset]
        if offset > len(out):
            return None
        out += part[len(out) - offset :]
    return bytes(out[:total]) if len(out) >= total else None


def _tunnelled(fragment: _Fragment) -> bool:
    """Is this the first fragment of a UDP datagram to a tunnel's port?"""
    return fragment.offset == 0 and int.from_bytes(fragment.payload[2:4], "big") in UDP_PORTS
