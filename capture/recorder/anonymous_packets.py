"""Packets with other addresses and without payload."""

from __future__ import annotations

import socket
from collections.abc import Callable
from itertools import pairwise
from typing import Final

TCP, ICMP, ICMPV6 = 6, 1, 58
IP_CHECKSUM_AT, TCP_CHECKSUM_AT, ICMP_QUOTE = 10, 16, 8
QUOTED_TCP: Final = 8
"""Bytes of a TCP header that an ICMP error must quote (RFC 792): ports and sequence number."""


class AnonymousPackets:
    """Gives each address its stand-in by `hide`, which maps the text of an address, and cuts what follows the headers.

    Checksums are adjusted (RFC 1624): those of segments without payload would else look damaged. What is not
    understood is cut after its addresses.
    """

    def __init__(self, hide: Callable[[str], str]) -> None:
        self._hide = hide
        self._known: dict[bytes, bytes] = {}

    def __call__(self, data: bytes) -> bytes:
        """A packet from its IP header on."""
        head, payload_at, protocol = self._header(data)
        if protocol in (ICMP, ICMPV6):
            quoted, at, _ = self._header(data[payload_at + ICMP_QUOTE :])
            return head[:payload_at] + data[payload_at : payload_at + ICMP_QUOTE] + quoted[: at + QUOTED_TCP]
        return head

    def _header(self, data: bytes) -> tuple[bytes, int, int]:
        """The packet with stand-ins, cut after its TCP header; where its payload begins; its protocol."""
        version = data[0] >> 4 if data else 0
        if version == 4 and len(data) >= 20:
            addresses, at, protocol = (12, 16, 20), (data[0] & 15) * 4, data[9]
        elif version == 6 and len(data) >= 40:
            addresses, at, protocol = (8, 24, 40), 40, data[6]
        else:
            return b"", 0, 0
        out = bytearray(data)
        change = 0
        for begin, end in pairwise(addresses):
            before = data[begin:end]
            after = self._stand_in(before)
            out[begin:end] = after
            change += _sum(after) - _sum(before)
        if version == 4:
            _adjust(out, IP_CHECKSUM_AT, change)
        if protocol != TCP:
            return bytes(out), at, protocol
        _adjust(out, at + TCP_CHECKSUM_AT, change)
        header = (data[at + 12] >> 4) * 4 if len(data) > at + 12 else 0
        return bytes(out[: at + max(header, 20)]), at, protocol

    def _stand_in(self, address: bytes) -> bytes:
        if address not in self._known:
            family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
            self._known[address] = socket.inet_pton(family, self._hide(socket.inet_ntop(family, address)))
        return self._known[address]


def _sum(words: bytes) -> int:
    return sum(int.from_bytes(words[at : at + 2], "big") for at in range(0, len(words), 2))


def _adjust(packet: bytearray, at: int, change: int) -> None:
    """The checksum at `at` after its words' sum grew by `change`."""
    if len(packet) < at + 2:
        return
    value = (~int.from_bytes(packet[at : at + 2], "big") & 0xFFFF) + change
    value %= 0xFFFF
    packet[at : at + 2] = (~value & 0xFFFF).to_bytes(2, "big")
