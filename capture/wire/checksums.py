"""TCP checksums of many packets at once (RFC 9293 §3.1), where all bytes were captured.

Summing every byte of a large capture would cost as much as all other decoding, so only the first bytes of a file are
looked at: a capture whose checksums are wrong shows it there.
"""

from __future__ import annotations

import numpy as np

from capture.wire.columns import I64, AddressTable, Bool, Mark
from capture.wire.front import Bytes, Front
from capture.wire.records import Records

BUDGET = 2 << 20  # bytes of a file whose checksums are looked at
_V6 = 1 << 32


def judged_until(records: Records) -> I64:
    """The position in a window up to which checksums are looked at, for each packet."""
    return records.begin + BUDGET - records.offset


def wrong_checksums(raw: Bytes, front: Front, addresses: AddressTable, until: I64) -> Bool:
    """Which of these packets, at their TCP header, carry a wrong checksum. False where it cannot be told.

    `until`: those that end there or before (for each record of the window).

    A checksum left to the network card holds the sum over the pseudo header alone, or nothing: that is not wrong.
    """
    wrong = np.zeros(len(front), dtype=bool)
    soon = front.limit <= until[front.row]
    rows = np.flatnonzero(soon & (front.limit <= front.captured) & (front.limit - front.at >= 20))
    if not len(rows) or front.network is None:
        return wrong
    begin, end = front.at[rows], front.limit[rows]
    pseudo = _address_sums(front.network.src[rows], addresses) + _address_sums(front.network.dst[rows], addresses)
    pseudo = _folded(pseudo + 6 + (end - begin))
    total = _folded(pseudo + _sums(raw, begin, end))
    field = raw.u16(begin + 16).astype(np.int64)
    wrong[rows] = (total != 0xFFFF) & (field != 0) & (field != pseudo)
    return wrong


def mark_wrong(raw: Bytes, front: Front, addresses: AddressTable, until: I64) -> Front:
    """The same packets, those with a wrong checksum marked."""
    wrong = wrong_checksums(raw, front, addresses, until)
    if wrong.any() and front.network is not None:
        front.network.marks[wrong] |= np.uint8(Mark.BAD_CHECKSUM)
    return front


def _sums(raw: Bytes, begin: I64, end: I64) -> I64:
    """Sums of the 16-bit words of [begin, end), from running sums over every other byte."""
    first, last = int(begin.min()), int(end.max())
    data = np.frombuffer(raw.buffer, np.uint8, last - first, first)
    running = np.zeros((2, (last - first + 1) // 2 + 1), dtype=np.int64)
    np.cumsum(data[0::2], dtype=np.int64, out=running[0, 1 : len(data[0::2]) + 1])
    np.cumsum(data[1::2], dtype=np.int64, out=running[1, 1 : len(data[1::2]) + 1])
    running[1, len(data[1::2]) + 1 :] = running[1, len(data[1::2])]
    begin, end = begin - first, end - first
    even = running[0, (end + 1) // 2] - running[0, (begin + 1) // 2]  # bytes at even places of the window
    odd = running[1, end // 2] - running[1, begin // 2]
    sums: I64 = np.where(begin % 2 == 0, even * 256 + odd, odd * 256 + even)
    return sums


def _address_sums(keys: I64, addresses: AddressTable) -> I64:
    sums: I64 = (keys >> 16) + (keys & 0xFFFF)
    v6 = keys >= _V6
    if v6.any():
        words = np.frombuffer(b"".join(addresses.v6), ">u2").reshape(-1, 8)
        sums[v6] = words.sum(axis=1, dtype=np.int64)[keys[v6] - _V6]
    return sums


def _folded(sums: I64) -> I64:
    for _ in range(3):
        sums = (sums & 0xFFFF) + (sums >> 16)
    return sums
