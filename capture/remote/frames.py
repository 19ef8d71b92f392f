"""Frames of the collector (collector.py). The other side may be hostile: every length is bounded before it is used."""

from __future__ import annotations

import zlib
from typing import Final

import msgspec
from msgspec import Struct

from capture.remote.host_errors import HostUnreachable

VERSION: Final = 1
LARGEST_FRAME: Final = 64 << 20
LARGEST_LOOK: Final = 256 << 20
LARGEST_HEAD: Final = 64 << 20
LENGTH: Final = 4


class Head(Struct, frozen=True):
    """What surrounds the sockets. `holders`: pid -> (comm, open files, RLIMIT_NOFILE soft and hard, (inode, fd)…);
    comm is hostile text. `hidden` processes whose descriptors may not be read. `time` on that host's clock."""

    version: int
    time: float
    host: str
    uid: int
    listeners: int
    holders: dict[str, tuple[str, int, tuple[str, str] | None, list[tuple[int, int]]]]
    hidden: int
    texts: dict[str, str | None]
    settings: dict[str, str | None]


class Frame(Struct, frozen=True):
    """One look of another host: netlink messages of listeners and of all other sockets."""

    head: Head
    listeners: bytes
    connections: bytes


_HEAD = msgspec.json.Decoder(Head)  # made under the import lock


class FrameReader:
    """Bytes in, frames out. Raises HostUnreachable for what is no frame; then the stream is of no more use."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are whole now."""
        self._rest += data
        frames = []
        while len(self._rest) >= LENGTH:
            length = int.from_bytes(self._rest[:LENGTH], "big")
            if length > LARGEST_FRAME:
                raise HostUnreachable("it does not answer as the collector does (a banner of its shell?)")
            if len(self._rest) < LENGTH + length:
                break
            frames.append(_frame(bytes(self._rest[LENGTH : LENGTH + length])))
            del self._rest[: LENGTH + length]
        return frames


def _frame(packed: bytes) -> Frame:
    try:
        inflater = zlib.decompressobj()
        look = inflater.decompress(packed, LARGEST_LOOK)
        if inflater.unconsumed_tail or not inflater.eof:
            raise HostUnreachable("its look is larger than any host's, or cut")
        size = int.from_bytes(look[:LENGTH], "big")
        if size > min(LARGEST_HEAD, len(look) - LENGTH):
            raise HostUnreachable("its look is damaged")
        head = _HEAD.decode(look[LENGTH : LENGTH + size])
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise HostUnreachable(f"its look is damaged: {error}") from error
    if head.version != VERSION:
        raise HostUnreachable(f"its collector is of version {head.version}, this program's of {VERSION}")
    sockets = LENGTH + size
    if not 0 <= head.listeners <= len(look) - sockets:
        raise HostUnreachable("its look is damaged")
    return Frame(head, look[sockets : sockets + head.listeners], look[sockets + head.listeners :])
