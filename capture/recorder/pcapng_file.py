"""A pcapng file of packets that begin with their IP header, with directions, comments and what was dropped."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import IO, Final

LINKTYPE_RAW: Final = 101
SECTION, INTERFACE, STATISTICS, PACKET = 0x0A0D0D0A, 1, 5, 6
COMMENT, SYSTEM, APPLICATION = 1, 3, 4
IF_NAME, IF_TSRESOL, EPB_FLAGS, ISB_RECEIVED, ISB_DROPPED = 2, 9, 2, 4, 5
INBOUND, OUTBOUND = 1, 2
NANOSECONDS: Final = 9


class PcapngFile:
    """Writes one section. `names` gives the kernel's interface indexes their names; others are called by number."""

    def __init__(self, stream: IO[bytes], snap: int, names: Mapping[int, str], system: str, application: str) -> None:
        self._stream, self._snap, self._names = stream, snap, names
        self._interfaces: dict[int, int] = {}
        self.packets = 0
        body = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        self._block(SECTION, body, _option(SYSTEM, system.encode()) + _option(APPLICATION, application.encode()))

    def add(self, time: int, length: int, interface: int, outgoing: bool, data: bytes, comment: str = "") -> None:
        """One packet; `time` epoch nanoseconds."""
        number = self._interfaces.get(interface)
        if number is None:
            number = self._add_interface(interface)
        options = struct.pack("<HHI", EPB_FLAGS, 4, OUTBOUND if outgoing else INBOUND)
        if comment:
            options = _option(COMMENT, comment.encode("utf-8", "replace")) + options
        head = struct.pack("<IIIII", number, time >> 32, time & 0xFFFFFFFF, len(data), max(length, len(data)))
        self._block(PACKET, head + data + bytes(-len(data) % 4), options)
        self.packets += 1

    def end(self, received: int, dropped: int, time: int) -> None:
        """Says how many packets came in all and how many were dropped, at the first interface (the ring serves all)."""
        if self._interfaces:
            options = _option(ISB_RECEIVED, struct.pack("<Q", received)) + _option(
                ISB_DROPPED, struct.pack("<Q", dropped)
            )
            self._block(STATISTICS, struct.pack("<III", 0, time >> 32, time & 0xFFFFFFFF), options)

    def _add_interface(self, interface: int) -> int:
        number = self._interfaces[interface] = len(self._interfaces)
        name = self._names.get(interface, f"interface {interface}").encode("utf-8", "replace")
        options = _option(IF_NAME, name) + _option(IF_TSRESOL, bytes([NANOSECONDS]))
        self._block(INTERFACE, struct.pack("<HHI", LINKTYPE_RAW, 0, self._snap), options)
        return number

    def _block(self, kind: int, body: bytes, options: bytes) -> None:
        if options:
            options += struct.pack("<HH", 0, 0)
        length = 12 + len(body) + len(options)
        self._stream.write(struct.pack("<II", kind, length) + body + options + struct.pack("<I", length))


def _option(code: int, value: bytes) -> bytes:
    value = value[:0xFFFF]
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)
