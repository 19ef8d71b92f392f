"""Classic pcap: both byte orders, microseconds and nanoseconds, and the "modified" form of old Linux kernels.

https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html; the modified form: libpcap's sf-pcap.c.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from capture import kernels
from capture.model import Notice
from capture.wire.columns import I64, Bool
from capture.wire.errors import CaptureUnreadable
from capture.wire.feed import Feed
from capture.wire.front import Bytes
from capture.wire.lockstep import Chain, walk
from capture.wire.records import (
    HEAD,
    LARGEST,
    LARGEST_ASKED,
    MOST_DAMAGES,
    MOST_NAMED,
    NO_REACH,
    REACH,
    Records,
    given_up,
    leading,
    unsigned,
)

FILE_HEADER = 24
FIELDS = 16  # bytes of the record header that tell something
MOST_AT_ONCE = 1 << 16  # records told by one call: memory that is not touched costs nothing
_DAY = 86_400
_STRIDE, _LONGEST_STRIDE = 1 << 10, 1 << 18  # positions looked at together while searching


class PcapForm(Struct, frozen=True):
    """How a pcap file is written."""

    order: str  # "<" or ">"
    nanoseconds: bool
    record_header: int  # 16; 24 where modified
    snaplen: int
    link: int

    @property
    def largest(self) -> int:
        """Captured bytes that one packet of this file may claim."""
        return max(LARGEST, self.snaplen if self.snaplen <= LARGEST_ASKED else 0)


_MAGICS = {0xA1B2C3D4: (False, 16), 0xA1B23C4D: (True, 16), 0xA1B2CD34: (False, 24)}


def is_pcap(prefix: bytes) -> bool:
    """Does a file that begins so hold a pcap?"""
    return any(int.from_bytes(prefix[:4], order) in _MAGICS for order in ("little", "big"))


def pcap_form(header: bytes, path: str) -> PcapForm:
    """The form of a file from its first 24 bytes. Raises CaptureUnreadable."""
    if len(header) < FILE_HEADER:
        raise CaptureUnreadable(path, f"it ends after {len(header)} bytes, within the file header", "capture again")
    order = "<" if int.from_bytes(header[:4], "little") in _MAGICS else ">"
    magic, _, _, _, _, snaplen, link = struct.unpack(order + "IHHIIII", header[:FILE_HEADER])
    nanoseconds, record_header = _MAGICS[magic]
    return PcapForm(order, nanoseconds, record_header, snaplen, link & 0x03FF_FFFF)


class PcapRecords:
    """The packets of a pcap file, window by window. `notices` grows while reading."""

    format = "pcap"

    def __init__(self, feed: Feed, path: str, number: int = 0) -> None:
        header = bytes(feed.buffer[feed.start : min(feed.end, feed.start + FILE_HEADER)])
        self._feed, self._form, self._number = feed, pcap_form(header, path), number
        self.notices: list[Notice] = []
        self.links = [self._form.link]
        names, order = ("seconds", "fraction", "captured", "original"), self._form.order
        fields = [(name, f"{order}u4") for name in names]
        self._header = np.dtype(fields)
        self._with_head = np.dtype([*fields, ("head", f"V{self._form.record_header - FIELDS + HEAD}")])
        self._damages, self._reach, self._near = 0, NO_REACH, False  # after damage, walk only a little at first
        self._room: tuple[I64, ...] = tuple(np.empty((4, 0), np.int64))  # used again for each window
        self._typical = 800  # bytes of a record: the mean of the window before
        self._begun = False  # reading on where somebody else ended
        self._anchor: int | None = None  # seconds of the last good record

    def __iter__(self) -> Iterator[Records]:
        feed, at = self._feed, self._feed.start if self._begun else self._feed.start + FILE_HEADER
        while True:
            records, at = self._window(at)
            if len(records):
                yield records
            if self._damaged_at(at):
                if self._damages >= MOST_DAMAGES:
                    self.notices.append(given_up(feed, at, self._number + 1))
                    return
                at = self._past_damage(at)  # may bring the next window, with another base
                continue
            if len(records) and self._near:
                continue
            left = feed.end - at
            if not feed.advance(at):
                break
            at = feed.start
        if left:
            text = "the file ends within a packet, which is left out"
            self.notices.append(Notice("cut_short", text, self._number + 1))

    @property
    def form(self) -> PcapForm:
        """How the file is written."""
        return self._form

    @property
    def begins(self) -> int:
        """File offset of the first record, before any was read."""
        return self._feed.base + self._feed.start + FILE_HEADER

    @property
    def number(self) -> int:
        """The number of the last packet."""
        return self._number

    def passed(self, number: int, time: int) -> None:
        """The records up to a packet were read by somebody else; the feed's window begins with the next one."""
        self._begun, self._number, self._anchor = True, number, time // 1_000_000_000

    def _window(self, at: int) -> tuple[Records, int]:
        """The complete, sound records of the window from `at`, and where they end."""
        feed, form = self._feed, self._form
        end = min(feed.end - form.record_header + 1, at + self._reach)
        self._near, self._reach = end < feed.end - form.record_header + 1, self._reach * 2
        if kernels.KERNELS is not None:
            records, upto = self._in_one_loop(kernels.KERNELS, at, end)
        else:
            records, upto = self._in_lockstep(at, end)
        self._number += len(records)
        if len(records):
            self._anchor = int(records.time[-1]) // 1_000_000_000
            self._typical = (upto - at) // len(records)
        return records, upto

    def _in_one_loop(self, compiled: kernels.Kernels, at: int, end: int) -> tuple[Records, int]:
        feed, form = self._feed, self._form
        if not len(self._room[0]):
            self._room = tuple(np.empty((4, MOST_AT_ONCE), np.int64))
        tick = 1 if form.nanoseconds else 1000
        rows, upto = compiled.pcap_records(
            feed.buffer, at, end, feed.end, form.order == ">", form.record_header, tick, form.largest, self._room
        )
        self._near = self._near or rows == MOST_AT_ONCE
        begin, captured, original, time = (column[:rows] for column in self._room)
        offset = begin + (feed.base - form.record_header)
        return Records(feed.buffer, self._number + 1, begin, captured, original, time.copy(), offset, form.link), upto

    def _in_lockstep(self, at: int, end: int) -> tuple[Records, int]:
        feed, form = self._feed, self._form
        chain, head = self._chain(at), form.record_header
        starts = walk(chain, at, end) if feed.end - at >= head else np.zeros(0, dtype=np.int64)
        # Large packets lie apart in memory: fetch what will be looked at in one go. Small ones would only be copied.
        gathering = self._typical > 2 * self._with_head.itemsize
        header = Bytes(feed.buffer).cut(starts, self._with_head if gathering else self._header)
        captured = header["captured"].astype(np.int64)
        ends = starts + head + captured
        # A header of zeros alone is what a crash leaves at the end of a file, not a packet.
        something = (captured > 0) | (header["original"] > 0) | (header["seconds"] > 0)
        count = leading((captured <= form.largest) & (ends <= feed.end) & something)
        if count < len(starts):
            starts, captured, ends, header = starts[:count], captured[:count], ends[:count], header[:count]
        time = header["seconds"].astype(np.int64)
        time *= 1_000_000_000
        time += header["fraction"] * np.int64(1 if form.nanoseconds else 1000)
        records = Records(
            feed.buffer,
            self._number + 1,
            starts + head,
            captured,
            header["original"].astype(np.int64),
            time,
            starts + feed.base,
            form.link,
            heads=header.view(np.uint8).reshape(len(header), -1)[:, head:] if gathering and len(header) else None,
        )
        return records, int(ends[-1]) if len(ends) else at

    def _chain(self, at: int) -> Chain:
        feed, form = self._feed, self._form
        lengths = unsigned(feed.buffer, 4, form.order, 8)
        unpack, buffer = struct.Struct(form.order + "I").unpack_from, feed.buffer

        def length_at(position: int) -> int:
            length: int = unpack(buffer, position + 8)[0]
            return length

        high = 2 if form.order == "<" else 0  # the upper half of the seconds changes every 18 hours only
        return Chain(
            buffer=buffer,
            lengths=lengths,
            extra=form.record_header,
            least=form.record_header,
            length_at=length_at,
            pattern=bytes(buffer[at + high : at + high + 2]),
            shift=high,
            plausible=self._plausible,
            typical=self._typical,
        )

    def _plausible(self, here: I64) -> Bool:
        buffer, form = self._feed.buffer, self._form
        fraction, captured, original = (unsigned(buffer, 4, form.order, shift)[here] for shift in (4, 8, 12))
        right = (captured <= LARGEST) & (captured <= original) & (captured > 0) & (original <= LARGEST_ASKED)
        right &= fraction < (1_000_000_000 if form.nanoseconds else 1_000_000)
        if self._anchor is not None:
            seconds = unsigned(buffer, 4, form.order, 0)[here].astype(np.int64)
            right &= np.abs(seconds - self._anchor) < 365 * _DAY
        return np.asarray(right)

    def _damaged_at(self, at: int) -> bool:
        """Is there a record header that cannot be true?"""
        if self._feed.end - at < self._form.record_header:
            return False
        header = bytes(self._feed.buffer[at : at + 16])
        captured: int = struct.unpack_from(self._form.order + "I", header, 8)[0]
        return captured > self._form.largest or not header.strip(b"\0")

    def _past_damage(self, at: int) -> int:
        """The next place where three records in a row are plausible, or the end; reads on as needed."""
        feed, number = self._feed, self._number + 1
        text = f"the record at byte {feed.base + at} has an impossible header"
        begin, found = feed.base + at, False
        at += 1
        while not found:
            at, found = self._resume(at)
            if not found:
                if not feed.advance(at):
                    at = feed.end
                    break
                at = feed.start
        lost = feed.base + at - begin
        self._damages, self._reach = self._damages + 1, REACH
        if self._damages > MOST_NAMED:
            return at
        self.notices.append(Notice("bad_record", f"{text}; {lost} bytes passed over", number))
        return at

    def _resume(self, at: int) -> tuple[int, bool]:
        """A start of three plausible records from `at` on, or where to look on with more of the file."""
        feed, head = self._feed, self._form.record_header
        end = feed.end - head + 1
        raw = np.frombuffer(feed.buffer, np.uint8)
        high = (3, 2) if self._form.order == "<" else (0, 1)  # the upper two bytes of a four-byte field
        stride = _STRIDE
        while at < end:
            upto, stride = min(at + stride, end), min(stride * 2, _LONGEST_STRIDE)
            right = np.ones(upto - at, dtype=bool)
            for shift, most in ((8 + high[0], 0), (8 + high[1], 4), (4 + high[0], 0x3B), (12 + high[0], 0)):
                right &= raw[at + shift : upto + shift] <= most
            right &= (
                raw[at + 8 : upto + 8] | raw[at + 9 : upto + 9] | raw[at + 10 : upto + 10] | raw[at + 11 : upto + 11]
            ) > 0
            here = np.flatnonzero(right) + at
            here = here[self._plausible(here)]
            sure, unsure = self._followed(here)
            if sure.any() and not unsure[: int(sure.argmax())].any():
                return int(here[sure.argmax()]), True
            if unsure.any() and not feed.final:
                return int(here[unsure.argmax()]), False
            at = upto
        return max(at, end), False

    def _followed(self, here: I64) -> tuple[Bool, Bool]:
        """Of plausible starts: those that two plausible records follow, and those that the window is too short for."""
        feed, chain = self._feed, self._chain(self._feed.start)
        right, open_ = np.ones(len(here), dtype=bool), np.zeros(len(here), dtype=bool)
        following = here
        for _ in range(2):
            following = chain.after(np.where(right & ~open_, following, feed.start))
            open_ |= right & (following > feed.end - self._form.record_header)
            checked = right & ~open_
            right &= open_ | self._plausible(np.where(checked, following, feed.start))
        if feed.final:  # the end itself is as good as a record
            right &= ~open_ | (following == feed.end)
            return right, np.zeros(len(here), dtype=bool)
        return right & ~open_, right & open_
