"""Frames of the collector (collector.py). The other side may be hostile: every length is bounded before it is used."""

from __future__ import annotations

import sys
import zlib
from typing import Final, Literal

import msgspec
from msgspec import Struct

from capture.remote.host_errors import HostUnreachable
from capture.remote.shell_frames import MAGIC, TextFrames, TextLook

VERSION: Final = 2
LARGEST_FRAME: Final = 64 << 20
LARGEST_LOOK: Final = 256 << 20
LARGEST_HEAD: Final = 64 << 20
LENGTH: Final = 4


LARGEST_FORMAT: Final = 64 << 10


class EventsHead(Struct, frozen=True):
    """What surrounds the events: `formats` text of each event's format file, by its path; `missing` sentences; `names`
    the kernel's memory of threads (saved_tgids, saved_cmdlines); `lost` how often it had to drop ends."""

    formats: dict[str, str]
    missing: list[str]
    names: dict[str, str | None]
    lost: int


class PacketsHead(Struct, frozen=True):
    """What surrounds packets: how many `bytes` of blocks follow, how many packets were seen and dropped since the
    beginning, `missing` sentences, the `interfaces` by the kernel's index, the `kernel`'s release. Hostile text."""

    bytes: int
    seen: int
    dropped: int
    missing: list[str]
    interfaces: dict[str, str]
    kernel: str


class Head(Struct, frozen=True):
    """What surrounds the sockets. `holders`: pid -> (comm, open files, RLIMIT_NOFILE soft and hard, (inode, fd)…);
    comm is hostile text. `hidden` processes whose descriptors may not be read. `time` on that host's clock, `clocks`
    its wall clock and its monotonic one at one moment, `order` its byte order. Sizes are bytes of what follows."""

    version: int
    time: float
    host: str
    uid: int
    listeners: int
    holders: dict[str, tuple[str, int, tuple[str, str] | None, list[tuple[int, int]]]]
    hidden: int
    texts: dict[str, str | None]
    settings: dict[str, str | None]
    connections: int = 0
    pages: int = 0
    events: EventsHead | None = None
    packets: PacketsHead | None = None
    clocks: tuple[float, float] = (0.0, 0.0)
    order: str = sys.byteorder
    source: str = "sock_diag"


class Frame(Struct, frozen=True):
    """One look of another host: netlink messages of listeners and of all other sockets; `pages` of its trace ring,
    `blocks` of its packet ring and `ends` of connections, each after four bytes of its length."""

    head: Head
    listeners: bytes
    connections: bytes
    pages: bytes = b""
    ends: bytes = b""
    blocks: bytes = b""


_HEAD = msgspec.json.Decoder(Head)  # made under the import lock


class FrameReader:
    """Bytes in, frames out. Raises HostUnreachable for what is no frame; then the stream is of no more use."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._text: TextFrames | Literal[False] | None = None

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are whole now."""
        self._rest += data
        if self._text is None and len(self._rest) >= len(MAGIC):
            self._text = TextFrames() if self._rest.startswith(MAGIC) else False
        if self._text:
            whole, self._rest = bytes(self._rest), bytearray()
            return [_of_text(look) for look in self._text.feed(whole)]
        if self._text is None and MAGIC.startswith(self._rest):
            return []
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
    if head.order != sys.byteorder:
        raise HostUnreachable("its processor has another byte order than this one's")
    at, parts = LENGTH + size, []
    for length in (head.listeners, head.connections, head.pages, head.packets.bytes if head.packets else 0):
        if not 0 <= length <= len(look) - at:
            raise HostUnreachable("its look is damaged")
        parts.append(look[at : at + length])
        at += length
    listeners, connections, pages, blocks = parts
    return Frame(head, listeners, connections, pages, look[at:], blocks)


def _of_text(look: TextLook) -> Frame:
    """The frame of a host without python3."""
    head = Head(
        version=VERSION,
        time=look.time,
        host=look.host,
        uid=look.uid,
        listeners=len(look.listeners),
        holders=look.holders,
        hidden=look.hidden,
        texts=look.texts,
        settings=look.settings,
        connections=len(look.connections),
        source="procfs",
    )
    return Frame(head, look.listeners, look.connections)
