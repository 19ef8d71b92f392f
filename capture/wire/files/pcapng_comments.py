"""What people and programs wrote into a pcapng beside its packets: comments, and names of addresses.

They become notices, a few of each: they explain a capture, and decide nothing.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from capture.language import tr
from capture.safe_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

    Buffer = bytes | bytearray | memoryview | mmap

COMMENT, NAMES = "comment", "resolved_names"  # codes of notices
REMARKS = (COMMENT, NAMES)
LONGEST = 200  # characters of one comment that are shown
_MOST_OPTIONS = 64  # of one block that are looked at
_MOST_RECORDS = 8  # names of one block that are shown
_SIZES = {1: 4, 2: 16}  # kinds of name records: bytes of the address


def comments(options: Buffer, order: str) -> Iterator[str]:
    """The comments among a block's options, safe to show."""
    for code, value in _options(options, order):
        if code == 1 and value:
            yield printable(value.decode("utf-8", "replace"), LONGEST)


def named_addresses(records: Buffer, order: str) -> str:
    """What the records of a name resolution block say, as a sentence; "" where they name no address."""
    from ipaddress import ip_address

    found = []
    for kind, value in _options(records, order):
        size = _SIZES.get(kind)
        if size is not None and len(value) > size:
            name = value[size:].split(b"\0")[0].decode("utf-8", "replace")
            found.append(f"{ip_address(value[:size])} {printable(name, LONGEST)}")
    more = ", …" if len(found) > _MOST_RECORDS else ""
    names = ", ".join(found[:_MOST_RECORDS]) + more
    return tr("the capture names addresses: {names}", names=names) if found else ""


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
