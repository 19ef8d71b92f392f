"""What people and programs wrote into a pcapng beside its packets: comments, and names of addresses.

They are told as notices, a few of each: they explain a capture, and decide nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address
from mmap import mmap

import numpy as np

from capture.model import Notice
from capture.safe_text import printable
from capture.wire.columns import I64

COMMENT, NAMES = "comment", "resolved_names"  # codes of notices
REMARKS = (COMMENT, NAMES)
MOST_TOLD = 8  # comments, and blocks of names, that have a notice
LONGEST = 200  # characters of one comment that are told
_MOST_OPTIONS = 64  # of one block that are looked at
_MOST_RECORDS = 8  # names of one block that are told
_SIZES = {1: 4, 2: 16}  # kinds of name records: bytes of the address

Buffer = bytes | bytearray | memoryview | mmap


def comments(options: Buffer, order: str) -> Iterator[str]:
    """The comments among a block's options, safe to show."""
    for code, value in _options(options, order):
        if code == 1 and value:
            yield printable(value.decode("utf-8", "replace"), LONGEST)


def packet_comments(block: Buffer) -> list[str]:
    """The comments of an enhanced packet block, which tells its byte order by its type."""
    if len(block) < 32 or bytes(block[:4]) not in (b"\6\0\0\0", b"\0\0\0\6"):
        return []
    order = "<" if block[0] else ">"
    length, captured = struct.unpack_from(order + "I", block, 4)[0], struct.unpack_from(order + "I", block, 20)[0]
    return list(comments(block[28 + (captured + 3 & ~3) : min(length, len(block)) - 4], order))


class Remarks:
    """Tells remarks as notices, as blocks that may hold some go by."""

    def __init__(self, notices: list[Notice]) -> None:
        self._notices = notices
        self._comments = self._names = 0

    def of_block(self, options: Buffer, order: str) -> None:
        """The comments of a section or an interface."""
        for comment in comments(options, order):
            self._tell(comment, None)

    def of_packets(self, buffer: Buffer, starts: I64, lengths: I64, first_options: I64, numbers: I64) -> None:
        """The comments of packet blocks: those that have room for options."""
        rows = np.flatnonzero(starts + lengths - first_options > 8)
        for row in rows[: 128 * MOST_TOLD].tolist():
            if self._comments > MOST_TOLD:
                return
            begin = int(starts[row])
            for comment in packet_comments(memoryview(buffer)[begin : begin + int(lengths[row])]):
                self._tell(comment, int(numbers[row]))

    def of_names(self, records: Buffer, order: str) -> None:
        """The names of a name resolution block."""
        found = []
        for kind, value in _options(records, order):
            size = _SIZES.get(kind)
            if size is not None and len(value) > size:
                name = value[size:].split(b"\0")[0].decode("utf-8", "replace")
                found.append(f"{ip_address(value[:size])} {printable(name, LONGEST)}")
        if not found or self._names >= MOST_TOLD:
            return
        self._names += 1
        more = ", …" if len(found) > _MOST_RECORDS else ""
        self._notices.append(Notice(NAMES, f"the capture names addresses: {', '.join(found[:_MOST_RECORDS])}{more}"))

    def _tell(self, comment: str, packet: int | None) -> None:
        self._comments += 1
        if self._comments <= MOST_TOLD:
            self._notices.append(Notice(COMMENT, f'"{comment}"', packet))
        elif self._comments == MOST_TOLD + 1:
            self._notices.append(Notice(COMMENT, "further comments are not told here"))


def _options(data: Buffer, order: str) -> Iterator[tuple[int, bytes]]:
    """Code and value of each option (name records have the same shape), to the end mark or the end."""
    at = 0
    for _ in range(_MOST_OPTIONS):
        if at + 4 > len(data):
            return
        code, size = struct.unpack_from(order + "HH", data, at)
        if code == 0 or at + 4 + size > len(data):
            return
        yield code, bytes(data[at + 4 : at + 4 + size])
        at += 4 + (size + 3 & ~3)
