"""A connection's name, the same from both ends: for packets that begin with their IP header, and for events."""

from __future__ import annotations

import socket
from typing import Final

from capture.kernel.event import KernelEvent
from capture.model import Endpoint

TCP: Final = 6
RST: Final = 0x04
End = bytes
"""Packed address and port."""
Key = tuple[End, End]


def key_of_packet(data: bytes) -> Key | None:
    """Sender first; None for what is no TCP, or cut before its ports. IPv6 extension headers are not walked."""
    if len(data) < 20:
        return None
    if data[0] >> 4 == 4:
        at = (data[0] & 15) * 4
        if data[9] != TCP or at < 20 or len(data) < at + 4 or data[6] & 0x1F or data[7]:
            return None
        return data[12:16] + data[at : at + 2], data[16:20] + data[at + 2 : at + 4]
    if data[0] >> 4 != 6 or len(data) < 44 or data[6] != TCP:
        return None
    return data[8:24] + data[40:42], data[24:40] + data[42:44]


def flags_of_packet(data: bytes) -> int:
    """The TCP flags of a packet that has a key; 0 where they were cut off."""
    at = (data[0] & 15) * 4 if data[0] >> 4 == 4 else 40
    return data[at + 13] if len(data) > at + 13 else 0


def key_of_event(event: KernelEvent) -> Key | None:
    """This machine's end first."""
    if event.local is None or event.remote is None:
        return None
    local, remote = _end(event.local), _end(event.remote)
    return None if local is None or remote is None else (local, remote)


def _end(end: Endpoint) -> End | None:
    try:
        packed = socket.inet_pton(socket.AF_INET6 if ":" in end.ip else socket.AF_INET, end.ip)
    except OSError:
        return None
    return packed + end.port.to_bytes(2, "big")
