"""The names that a pcapng gives to addresses: its name resolution blocks (draft-ietf-opsawg-pcapng §4.5)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from capture.wire.capture_errors import CaptureUnreadable
from capture.wire.files.byte_source import open_source

SECTION, NAMES = 0x0A0D0D0A, 4
_SIZES = {1: 4, 2: 16}  # kinds of records: bytes of the address
LARGEST = 4 << 20  # bytes of a block of names that are read
MOST = 50_000  # addresses
PIECE = 1 << 20


def names_in(path: str, stopped: Callable[[], bool] = lambda: False) -> dict[str, str]:
    """Address → the first name that the capture gives it; empty for other formats, and for what cannot be read."""
    try:
        source, _ = open_source(path)
    except CaptureUnreadable:
        return {}
    found: dict[str, str] = {}
    try:
        for body, order in _name_blocks(_Stream(source.fill), stopped):
            for address, name in _records(body, order):
                if len(found) < MOST:
                    found.setdefault(address, name)
    except (OSError, CaptureUnreadable):  # what came before it holds
        pass
    finally:
        source.close()
    return found


class _Stream:
    """Bytes one after another: taken, or passed over."""

    def __init__(self, fill: Callable[[memoryview], int]) -> None:
        self._fill = fill
        self._piece = bytearray(PIECE)
        self._at = self._end = 0

    def take(self, count: int) -> bytes:
        """So many bytes; fewer at the end."""
        parts = []
        while count > 0 and (self._at < self._end or self._more()):
            step = min(count, self._end - self._at)
            parts.append(bytes(self._piece[self._at : self._at + step]))
            self._at += step
            count -= step
        return b"".join(parts)

    def skip(self, count: int) -> None:
        """Pass over so many bytes."""
        while count > 0 and (self._at < self._end or self._more()):
            step = min(count, self._end - self._at)
            self._at += step
            count -= step

    def _more(self) -> bool:
        self._at, self._end = 0, self._fill(memoryview(self._piece))
        return self._end > 0


def _name_blocks(stream: _Stream, stopped: Callable[[], bool]) -> Iterator[tuple[bytes, str]]:
    """The bodies of the blocks with names, each with its section's byte order."""
    order = ""
    while len(head := stream.take(8)) == 8 and not stopped():
        if head[:4] == b"\x0a\x0d\x0d\x0a":  # the same in both orders
            magic = stream.take(4)
            order = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(magic, "")
            taken = 12
        elif not order:
            return  # no pcapng
        else:
            taken = 8
        if not order:
            return
        kind, length = struct.unpack(order + "II", head)
        if length < taken + 4 or length % 4:
            return
        if kind == NAMES and length <= LARGEST:
            yield stream.take(length - 12), order
            stream.skip(4)
        else:
            stream.skip(length - taken)


def _records(body: bytes, order: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at + 4 <= len(body):
        kind, size = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + size]
        if kind == 0 or len(value) < size:
            return
        length = _SIZES.get(kind)
        if length is not None and size > length and (name := value[length:].split(b"\0")[0]):
            yield str(ip_address(value[:length])), name.decode("utf-8", "replace")
        at += 4 + (size + 3 & ~3)
