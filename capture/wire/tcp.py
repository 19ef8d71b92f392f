"""TCP headers of many packets at once (RFC 9293 §3.1; options: RFC 7323, 2018, 7413)."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from capture.wire.columns import I8, I32, I64, U8, U16, U32, Bool, Mark
from capture.wire.content import content_of
from capture.wire.front import Bytes, Front

HEADER = np.dtype(
    {
        "names": ["sport", "dport", "seq", "ack", "bits", "window", "options"],
        "formats": [">u2", ">u2", ">u4", ">u4", ">u2", ">u2", ">u4"],
        "offsets": [0, 2, 4, 8, 12, 14, 20],
        "itemsize": 24,
    }
)
FEWEST = 16  # bytes of a TCP header without which nothing can be said: up to and with the window
_TIMESTAMP_ALONE = 0x0101080A  # how nearly every stack writes it
_NO_OPTIONS, _ONE_TIMESTAMP = 5, 8  # header lengths in words


class Segments(Struct, frozen=True):
    """TCP headers, decoded. Shapes (n,)."""

    front: Front
    sport: U16
    dport: U16
    seq: U32
    ack: U32
    flags: U16
    window: U16
    payload: I32
    wscale: I8
    marks: U8
    content: U8


def decode_tcp(raw: Bytes, front: Front) -> Segments:
    """The TCP headers at which these packets stand; each has at least FEWEST bytes captured."""
    cut = raw.header(front, HEADER)
    bits = cut["bits"].astype(np.uint16)
    words = bits >> 12
    header = words.astype(np.int64) * 4
    payload = front.limit - front.at
    payload -= header
    np.maximum(payload, 0, out=payload)
    impossible = words < _NO_OPTIONS
    if impossible.any():  # shorter than a TCP header can be: no receiver takes it, so its flags say nothing
        bits[impossible] = 0
    assert front.network is not None
    marks = front.network.marks.copy()
    wscale = np.full(len(front), -1, dtype=np.int8)
    short = front.captured - front.at < np.maximum(header, 20)
    if short.any():
        marks[short] |= np.uint8(Mark.HEADER_CUT)
    first = cut["options"].astype(np.uint32)
    common = (words == _ONE_TIMESTAMP) & (first == _TIMESTAMP_ALONE) & ~short
    marks |= common.astype(np.uint8) * np.uint8(Mark.TIMESTAMP)
    rare = np.flatnonzero((words > _NO_OPTIONS) & ~common)
    if len(rare):
        _read_options(raw, front, header, rare, marks, wscale)
    payload = payload.astype(np.int32)
    return Segments(
        front,
        cut["sport"].astype(np.uint16),
        cut["dport"].astype(np.uint16),
        cut["seq"].astype(np.uint32),
        cut["ack"].astype(np.uint32),
        bits & np.uint16(0x1FF),
        cut["window"].astype(np.uint16),
        payload,
        wscale,
        marks,
        content_of(raw, front.at + header, front.captured, payload),
    )


def _read_options(raw: Bytes, front: Front, header: I64, rare: I64, marks: U8, wscale: I8) -> None:
    """Walk the options of the packets `rare`, all one option further in each round; at most 40 rounds."""
    at = front.at[rare] + 20
    end = np.minimum(front.at[rare] + header[rare], front.captured[rare])
    for _ in range(40):
        going = at < end
        if not going.all():
            rare, at, end = rare[going], at[going], end[going]
            if not len(rare):
                return
        kind = raw.u8(at)
        length = np.where(kind <= 1, 1, raw.u8(at + 1)).astype(np.int64)
        whole = (at + length <= end) & (length >= 2)
        _mark(marks, rare, whole & (kind == 8) & (length == 10), Mark.TIMESTAMP)
        _mark(marks, rare, whole & (kind == 5) & (length >= 10), Mark.SACK)
        _mark(marks, rare, whole & (kind == 34) & (length > 2), Mark.FAST_OPEN)
        scaled = whole & (kind == 3) & (length == 3)
        if scaled.any():
            wscale[rare[scaled]] = np.minimum(raw.u8(at[scaled] + 2), 14).astype(np.int8)
        keep = (kind == 1) | ((kind > 1) & (length >= 2))  # end of options, or a length that leads nowhere
        rare, at, end = rare[keep], (at + length)[keep], end[keep]


def _mark(marks: U8, rows: I64, which: Bool, mark: Mark) -> None:
    if which.any():
        marks[rows[which]] |= np.uint8(mark)
