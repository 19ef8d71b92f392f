"""pcapng: sections of either byte order, interfaces each with its own link type, resolution and offset.

https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from capture.model import Notice
from capture.wire.columns import I64, Bool
from capture.wire.errors import CaptureUnreadable
from capture.wire.feed import Feed
from capture.wire.lockstep import Chain, walk
from capture.wire.records import (
    LARGEST,
    LARGEST_ASKED,
    MOST_DAMAGES,
    MOST_NAMED,
    NO_REACH,
    REACH,
    Records,
    given_up,
    joined,
    leading,
    unsigned,
)
from capture.wire.remarks import Remarks

SECTION, INTERFACE, PACKET, SIMPLE, NAMES, ENHANCED = 0x0A0D0D0A, 1, 2, 3, 4, 6
SECTION_BYTES = SECTION.to_bytes(4, "big")
_MAGIC = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
MOST_SECTIONS = 20_000  # of one file; then it is given up
MOST_INTERFACES = 65_536  # of one section
MOST_KINDS = 256  # of their times
_LARGEST_BLOCK = LARGEST_ASKED + 4096
_LATEST = (1 << 63) // 1_000_000_000 - 1  # seconds that fit in nanoseconds


class Interface(Struct, frozen=True):
    """One interface of a section."""

    link: int
    snaplen: int
    resolution: int  # the time option as it stands: 10**-n, or 2**-n with the highest bit set
    offset: int  # seconds


_NOTHING = Interface(-1, 0, 6, 0)


class PcapngRecords:
    """The packets of a pcapng file, window by window. `notices` and `links` grow while reading."""

    format = "pcapng"

    def __init__(self, feed: Feed, path: str, number: int = 0) -> None:
        self._feed, self._number = feed, number
        self.notices: list[Notice] = []
        self.links: list[int] = []
        self._remarks = Remarks(self.notices)
        self._order = "<"
        self._interfaces: list[Interface] = []
        self._unknown: int | None = None  # the first interface that packets name and no block describes
        self._known_links: set[int] = set()
        self._sections = 0
        self._damages, self._reach = 0, REACH  # at a section's begin and behind damage, walk only a little at first
        if feed.end - feed.start < 12 or self._section_order(feed.start) is None:
            raise CaptureUnreadable(path, "its first block is cut off or damaged", "capture again")

    def __iter__(self) -> Iterator[Records]:
        feed, at = self._feed, self._feed.start
        while True:
            parts, at, whole = self._window(at)
            if parts:
                yield joined(parts)
            if not whole:
                if self._damages >= MOST_DAMAGES or self._sections > MOST_SECTIONS:
                    self.notices.append(given_up(feed, at, self._number + 1))
                    return
                at = self._past_damage(at)
                continue
            left = feed.end - at
            if not feed.advance(at):
                break
            at = feed.start
        if left:
            text = "the file ends within a block, which is left out"
            self.notices.append(Notice("cut_short", text, self._number + 1))

    def _window(self, at: int) -> tuple[list[Records], int, bool]:
        """Packets of the window from `at`, where they stopped, and False where the block there cannot be read."""
        feed = self._feed
        found: list[Records] = []
        while feed.end - at >= 12:
            if feed.buffer[at : at + 4] == SECTION_BYTES:
                order = self._section_order(at)
                length = struct.unpack_from((order or "<") + "I", feed.buffer, at + 4)[0]
                if order is None or length < 28 or length % 4 or length > _LARGEST_BLOCK:
                    return found, at, False
                if at + length > feed.end:
                    return found, at, True
                self._sections += 1
                if self._sections > MOST_SECTIONS:
                    return found, at, False
                self._order, self._interfaces, self._reach = order, [], REACH
                self._remarks.of_block(memoryview(feed.buffer)[at + 24 : at + length - 4], order)
                at += length
                continue
            chain = self._chain()
            starts = walk(chain, at, min(feed.end - 11, at + self._reach))
            self._reach = min(self._reach * 2, NO_REACH)
            lengths = chain.lengths[starts].astype(np.int64)
            types = unsigned(feed.buffer, 4, self._order)[starts]
            sound = (lengths >= 12) & (lengths % 4 == 0) & (lengths <= _LARGEST_BLOCK) & (types != SECTION)
            count = leading(sound & (starts + lengths <= feed.end))
            if count:
                starts, types, lengths = starts[:count], types[:count], lengths[:count]
                records = self._packets(starts, types, lengths)
                if len(records):
                    found.append(records)
                at = int(starts[-1] + lengths[-1])
            else:
                bad = not bool(sound[0]) and feed.buffer[at : at + 4] != SECTION_BYTES
                return found, at, not bad
        return found, at, True

    def _packets(self, starts: I64, types: npt.NDArray[np.unsignedinteger], lengths: I64) -> Records:
        """The packets among whole blocks; interfaces among them are noted first."""
        for at in starts[types == INTERFACE].tolist():
            self._describe(at)
        for at, length in zip(starts[types == NAMES].tolist(), lengths[types == NAMES].tolist(), strict=True):
            self._remarks.of_names(memoryview(self._feed.buffer)[at + 8 : at + length - 4], self._order)
        buffer, order = self._feed.buffer, self._order
        word = [unsigned(buffer, 4, order, shift) for shift in (8, 12, 16, 20, 24)]
        head = np.where(types == SIMPLE, 12, 28)
        packet = np.isin(types, (ENHANCED, PACKET, SIMPLE)) & (lengths >= head + 4)
        if not packet.all():
            starts, types, lengths, head = starts[packet], types[packet], lengths[packet], head[packet]
        interface = word[0][starts].astype(np.int64)
        captured = word[3][starts].astype(np.int64)
        original = word[4][starts].astype(np.int64)
        ticks = (word[1][starts].astype(np.uint64) << np.uint64(32)) | word[2][starts]
        old, simple = types == PACKET, types == SIMPLE
        if old.any():  # two bytes of interface, two of drops
            interface[old] = unsigned(buffer, 2, order, 8)[starts[old]]
        if simple.any():
            interface[simple], ticks[simple] = 0, 0
            original[simple] = word[0][starts[simple]]
            snaplen = self._interfaces[0].snaplen if self._interfaces else 0
            captured[simple] = np.minimum(original[simple], snaplen or LARGEST_ASKED)
        captured = np.minimum(captured, lengths - head - 4)
        time, link = self._told_by_interface(interface, ticks)
        if simple.any():
            time[simple] = 0  # a simple packet has no time
        number, self._number = self._number + 1, self._number + len(starts)
        ends = starts + head + (captured + 3 & ~3)
        self._remarks.of_packets(buffer, starts, lengths, ends, number + np.arange(len(starts)))
        return Records(
            buffer, number, starts + head, captured, original, time, starts + self._feed.base, link,
            interface.astype(np.int32),
        )  # fmt: skip

    def _told_by_interface(
        self, interface: I64, ticks: npt.NDArray[np.uint64]
    ) -> tuple[I64, int | npt.NDArray[np.int32]]:
        """Epoch nanoseconds and link types, by each interface's own description."""
        known = interface < len(self._interfaces)
        if not known.all() and self._unknown is None:
            self._unknown = int(interface[~known][0])
            text = f"packets of interface {self._unknown}, which no block describes, are left out"
            self.notices.append(Notice("bad_record", text))
        if not len(interface):
            return np.zeros(0, dtype=np.int64), -1
        distinct, which = np.unique(interface, return_inverse=True)
        described = [
            self._interfaces[index] if index < len(self._interfaces) else _NOTHING for index in distinct.tolist()
        ]
        first = described[0]
        if all(item == first for item in described):
            return _nanoseconds(ticks, first.resolution, first.offset), first.link
        kinds = {(item.resolution, item.offset) for item in described}
        if len(kinds) > MOST_KINDS:  # made on purpose: their times are worth no more work
            kinds = {(6, 0)}
            described = [Interface(item.link, item.snaplen, 6, 0) for item in described]
        time = np.zeros(len(interface), dtype=np.int64)
        for kind in kinds:
            rows = np.array([(item.resolution, item.offset) == kind for item in described])[which]
            time[rows] = _nanoseconds(ticks[rows], *kind)
        return time, np.array([item.link for item in described], dtype=np.int32)[which]

    def _describe(self, at: int) -> None:
        """An interface description block: link type, snaplen, and the options that time needs."""
        buffer, order = self._feed.buffer, self._order
        length = struct.unpack_from(order + "I", buffer, at + 4)[0]
        link, _, snaplen = struct.unpack_from(order + "HHI", buffer, at + 8) if length >= 20 else (-1, 0, 0)
        resolution, offset = 6, 0
        position, end = at + 16, at + length - 4
        while position + 4 <= end:
            code, size = struct.unpack_from(order + "HH", buffer, position)
            if code == 0 or position + 4 + size > end:
                break
            if code == 9 and size >= 1:
                resolution = buffer[position + 4]
            elif code == 14 and size == 8:
                offset = struct.unpack_from(order + "q", buffer, position + 4)[0]
            position += 4 + (size + 3 & ~3)
        if len(self._interfaces) < MOST_INTERFACES:
            self._interfaces.append(Interface(link, snaplen, resolution, offset))
            if link not in self._known_links and link >= 0:
                self._known_links.add(link)
                self.links.append(link)

    def _section_order(self, at: int) -> str | None:
        return _MAGIC.get(bytes(self._feed.buffer[at + 8 : at + 12]))

    def _chain(self) -> Chain:
        buffer, order = self._feed.buffer, self._order
        unpack = struct.Struct(order + "I").unpack_from

        def length_at(position: int) -> int:
            if buffer[position : position + 4] == SECTION_BYTES:
                return 1 << 40  # its length may be in another byte order: the walk ends here
            length: int = unpack(buffer, position + 4)[0]
            return length

        return Chain(
            buffer=buffer,
            lengths=unsigned(buffer, 4, order, 4),
            extra=0,
            least=12,
            length_at=length_at,
            pattern=ENHANCED.to_bytes(4, "little" if order == "<" else "big"),
            shift=0,
            plausible=self._plausible,
        )

    def _plausible(self, here: I64) -> Bool:
        """Blocks say their length twice: at their begin and at their end."""
        buffer, order = self._feed.buffer, self._order
        length = unsigned(buffer, 4, order, 4)[here].astype(np.int64)
        right = (length >= 12) & (length % 4 == 0) & (length <= LARGEST + 4096)
        ends = here + length - 4
        right &= ends <= self._feed.end - 4
        again = unsigned(buffer, 4, order)[np.where(right, ends, self._feed.start)]
        right &= again == length
        return np.asarray(right)

    def _past_damage(self, at: int) -> int:
        """The next block whose two lengths agree and which another such block, or the end, follows."""
        feed, number = self._feed, self._number + 1
        begin, step = feed.base + at, 1 << 12
        at += 4 - (at + feed.base) % 4
        found = False
        while not found:
            while at < feed.end - 12 and not found:
                here = np.arange(at, min(at + step, feed.end - 12), 4, dtype=np.int64)
                sound = here[self._plausible(here)]
                after = sound + unsigned(feed.buffer, 4, self._order, 4)[sound].astype(np.int64)
                good = sound[(after == feed.end) | self._plausible(np.minimum(after, feed.end))]
                found = len(good) > 0
                at = int(good[0]) if found else int(here[-1]) + 4
                step = min(step * 2, 1 << 18)
            if not found:
                at = min(at, feed.end)
                if not feed.advance(at):
                    at = feed.end
                    break
                at = feed.start
        self._damages, self._reach = self._damages + 1, REACH
        if self._damages > MOST_NAMED:
            return at
        text = f"the block at byte {begin} is damaged; {feed.base + at - begin} bytes passed over"
        self.notices.append(Notice("bad_record", text, number))
        return at


def _nanoseconds(ticks: npt.NDArray[np.uint64], resolution: int, seconds_on: int) -> I64:
    """Epoch nanoseconds of times in an interface's resolution; times that do not fit are cut at the year 2262."""
    if resolution & 0x80:
        shift = np.uint64(min(resolution & 0x7F, 63))
        seconds = ticks >> shift
        rest = (ticks & ((np.uint64(1) << shift) - np.uint64(1))).astype(np.float64)
        fraction = (rest * (1e9 / float(1 << int(shift)))).astype(np.int64)
    else:
        power = np.uint64(10 ** min(resolution, 19))
        seconds = ticks // power
        rest = ticks - seconds * power
        if resolution <= 9:
            fraction = (rest * np.uint64(10 ** (9 - resolution))).astype(np.int64)
        else:
            fraction = (rest // np.uint64(10 ** (min(resolution, 19) - 9))).astype(np.int64)
    whole = np.minimum(seconds, np.uint64(_LATEST)).astype(np.int64)
    offset = min(max(seconds_on, -_LATEST), _LATEST)
    whole = np.clip(whole.astype(object) + offset, -_LATEST, _LATEST).astype(np.int64) if offset else whole
    time: I64 = whole * 1_000_000_000 + fraction
    return time
