"""Records of a capture, between container and header decoding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from msgspec.structs import replace

from capture.model import Notice
from capture.wire.columns import I64, U8, U32, Bool
from capture.wire.feed import Buffer, Feed

HEAD = 80  # bytes gathered of each packet: Ethernet, IPv4 or IPv6, and TCP up to its first option
LARGEST = 1 << 18  # captured bytes of one packet, as libpcap and Wireshark hold it
LARGEST_ASKED = 1 << 24  # … where the file's own snaplen asks for more
MOST_DAMAGES = 200  # places in one file that reading resumes behind; then it is given up
MOST_NAMED = 20  # of them that have a notice each
REACH, NO_REACH = 12 << 10, 1 << 60  # bytes walked at first behind damage, doubled as it goes well; all at once


class Records(Struct, frozen=True):
    """n packets in a window of a capture. Positions are indices into `buffer`; every array has shape (n,).

    Valid until the next window is asked for: the buffer is used again.
    """

    buffer: Buffer
    first_number: int  # of the first packet, from 1
    begin: I64  # where the captured bytes start
    captured: I64  # how many there are
    original: I64  # how many there were on the wire
    time: I64  # epoch nanoseconds
    offset: I64  # file offset of the record
    link: int | npt.NDArray[np.int32]  # link type of all, or of each
    interface: npt.NDArray[np.int32] | None = None  # where packets come from several
    numbers: U32 | None = None  # of the packets, where they do not follow one another
    heads: U8 | None = None  # (n, HEAD) the first bytes from `begin` on, where they were gathered; some beyond a packet

    def __len__(self) -> int:
        return len(self.begin)

    def number_of(self, rows: I64) -> U32:
        """The numbers of some packets."""
        if self.numbers is not None:
            return self.numbers[rows]
        return (rows + self.first_number).astype(np.uint32)

    def parts(self, most: int) -> Iterator[Records]:
        """The same packets, at most `most` at once: a window of tiny packets would take much memory."""
        if len(self) <= most:
            yield self
            return
        for at in range(0, len(self), most):
            rows = slice(at, at + most)
            yield replace(
                self,
                first_number=self.first_number + at,
                begin=self.begin[rows],
                captured=self.captured[rows],
                original=self.original[rows],
                time=self.time[rows],
                offset=self.offset[rows],
                link=self.link if isinstance(self.link, int) else self.link[rows],
                interface=None if self.interface is None else self.interface[rows],
                numbers=None if self.numbers is None else self.numbers[rows],
                heads=None if self.heads is None else self.heads[rows],
            )


def joined(parts: list[Records]) -> Records:
    """Records of one window, one after another."""
    if len(parts) == 1:
        return parts[0]

    def column(name: str) -> Any:
        return np.concatenate([np.broadcast_to(getattr(part, name), len(part)) for part in parts])

    return replace(
        parts[0],
        begin=column("begin"),
        captured=column("captured"),
        original=column("original"),
        time=column("time"),
        offset=column("offset"),
        link=column("link").astype(np.int32),
        interface=None if parts[0].interface is None else column("interface"),
        heads=None,
    )


def given_up(feed: Feed, at: int, number: int) -> Notice:
    """The notice of a file that is too damaged to be read to its end."""
    return Notice(
        "cut_short", f"too much of the file is damaged: nothing from byte {feed.base + at} on is read", number
    )


def unsigned(buffer: Buffer, width: int, order: str, shift: int = 0) -> npt.NDArray[np.unsignedinteger]:
    """The buffer as overlapping integers: element i is read at byte `i + shift`. No copy."""
    return np.ndarray(
        shape=(max(len(buffer) - width - shift + 1, 0),),
        dtype=f"{order}u{width}",
        buffer=buffer,
        offset=shift if len(buffer) >= width + shift else 0,
        strides=(1,),
    )


def leading(mask: Bool) -> int:
    """How many elements from the first are true."""
    return len(mask) if mask.all() else int(mask.argmin())
