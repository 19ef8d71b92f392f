"""Connections of millions of packets, analysed in windows: what memory one connection costs stays bounded.

A window begins with some rows of the one before it: each side's last, those that its sequence numbers had come to, and
a stretch of the latest, so that every rule finds the segments that it looks back at.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from capture.flows import bulk
from capture.flows.streams import Streams, lined_up, lowest_and_highest
from capture.flows.table import FlowPackets
from capture.wire.arrays import distinct
from capture.wire.columns import I8, I64, U16, Bool

LATEST = 1024  # rows of the window before that are looked back at


class Giant(Struct, frozen=True):
    """The analysis of one connection."""

    tags: U16  # (its packets,)
    repeats: Bool  # (its packets,)
    span: I64  # (2,)
    probing: bool  # has window probes: only a walk is exact


def giant(packets: FlowPackets, low: int, high: int, skipped: Bool, shifts: I8, window: int) -> Giant:
    """Analyse the connection in rows low:high, `window` rows at a time. `shifts` has shape (2,)."""
    tags, repeats = np.zeros(high - low, np.uint16), np.zeros(high - low, np.bool_)
    lowest, highest = [0, 0], [0, 0]
    seen, probing = [False, False], False
    context = np.empty(0, np.int64)
    places: dict[int, int] = {}  # context row -> absolute position of its first byte
    waits: int | None = None
    for start in range(low, high, window):
        fresh = start + np.flatnonzero(~skipped[start : min(start + window, high)])
        rows = np.concatenate((context, fresh))
        if not len(rows):
            continue
        found = lined_up(packets, rows, np.array([0, len(rows)], dtype=np.int64))
        patience = bulk.patience_of(found) if waits is None else np.full(len(rows), waits, np.int64)
        waits = int(patience[-1])
        told = bulk.tags_of(found, shifts[None], patience)
        tags[fresh - low] = told.tags[len(context) :]
        repeats[fresh - low] = found.repeats[len(context) :]
        probing |= bool(len(told.probing))
        offsets = [0, 0]
        for side in (0, 1):
            own = np.flatnonzero(found.side == side)
            if not len(own):
                continue
            offsets[side] = places.get(int(rows[own[0]]), 0)
            bottom, top = (offsets[side] + position for position in lowest_and_highest(found, own))
            lowest[side] = min(lowest[side], bottom) if seen[side] else bottom
            highest[side] = max(highest[side], top) if seen[side] else top
            seen[side] = True
        kept = _context(found)
        context = rows[kept]
        absolute = found.start[kept] + np.array(offsets)[found.side[kept]]
        places = dict(zip(context.tolist(), absolute.tolist(), strict=True))
    span = np.maximum(np.array(highest) - np.array(lowest), 0)
    return Giant(tags, repeats, span, probing)


def _context(found: Streams) -> I64:
    """Rows of this window that the next one must see."""
    count = len(found.seq)
    kept = [np.arange(max(0, count - LATEST), count)]
    for side in (0, 1):
        own = np.flatnonzero(found.side == side)
        if len(own):
            kept.append(own[[int(np.argmax(found.end[own])), -1]])
    return distinct(*kept)
