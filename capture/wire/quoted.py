"""TCP headers quoted in ICMP errors (RFC 792, RFC 4443): evidence of why a connection failed. One by one."""

from __future__ import annotations

import numpy as np

from capture.wire.columns import AddressTable, QuotedTcp
from capture.wire.front import Bytes, Front
from capture.wire.network import EXTENSIONS
from capture.wire.records import Records

MOST = 100_000  # kept of one capture
_ERRORS = {False: (3, 4, 5, 11, 12), True: (1, 2, 3, 4)}
_TCP = 6


class Quotations:
    """Collects them."""

    def __init__(self, addresses: AddressTable) -> None:
        self._addresses = addresses
        self._texts: dict[int, str] = {}
        self.found: list[QuotedTcp] = []
        self.passed_over = 0

    def add(self, raw: Bytes, front: Front, records: Records, ipv6: bool) -> None:
        """Packets that stand at their ICMP header."""
        front = front.having(8 + (40 if ipv6 else 20) + 4)
        front = front.where(np.isin(raw.u8(front.at), _ERRORS[ipv6]))
        for index in range(len(front)):
            if len(self.found) >= MOST:
                self.passed_over += len(front) - index
                return
            at, row = int(front.at[index]), int(front.row[index])
            quoted = bytes(raw.buffer[at + 8 : int(front.captured[index])][:512])
            inner = _ipv6(quoted) if ipv6 else _ipv4(quoted)
            if inner is None:
                continue
            source, destination, header = inner
            assert front.network is not None
            self.found.append(
                QuotedTcp(
                    number=int(records.number_of(front.row[index : index + 1])[0]),
                    time=int(records.time[row]),
                    reporter=self._text(int(front.network.src[index])),
                    icmp_type=raw.buffer[at],
                    icmp_code=raw.buffer[at + 1],
                    ipv6=ipv6,
                    src=self._addresses.key(source),
                    dst=self._addresses.key(destination),
                    sport=int.from_bytes(header[:2], "big"),
                    dport=int.from_bytes(header[2:4], "big"),
                    seq=int.from_bytes(header[4:8], "big") if len(header) >= 8 else None,
                    mtu=_mtu(raw.buffer[at : at + 8], ipv6),
                )
            )

    def _text(self, key: int) -> str:
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = self._addresses.text(key)
        return text


def _mtu(header: bytes | bytearray | memoryview, ipv6: bool) -> int | None:
    """The next hop's MTU of "fragmentation needed" or "packet too big"; None where it is not told."""
    kind, code = header[0], header[1]
    if ipv6:
        return int.from_bytes(header[4:8], "big") or None if kind == 2 else None
    return int.from_bytes(header[6:8], "big") or None if (kind, code) == (3, 4) else None


def _ipv4(quoted: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Source, destination and TCP header of a quoted IPv4 packet."""
    size = (quoted[0] & 15) * 4
    first = int.from_bytes(quoted[6:8], "big") & 0x1FFF == 0
    if quoted[0] >> 4 != 4 or size < 20 or quoted[9] != _TCP or not first or len(quoted) < size + 4:
        return None
    return quoted[12:16], quoted[16:20], quoted[size:]


def _ipv6(quoted: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The same of an IPv6 packet, past its extension headers."""
    if quoted[0] >> 4 != 6:
        return None
    protocol, at = quoted[6], 40
    while protocol in (*EXTENSIONS, 44) and at + 8 <= len(quoted):
        size = 8 if protocol == 44 else (quoted[at + 1] + 2) * 4 if protocol == 51 else (quoted[at + 1] + 1) * 8
        protocol, at = quoted[at], at + size
    if protocol != _TCP or len(quoted) < at + 4:
        return None
    return quoted[8:24], quoted[24:40], quoted[at:]
