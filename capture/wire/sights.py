"""One packet captured twice: an "any" interface that sees it on two interfaces, a mirror port, a router's both sides.

A sender never repeats a segment with the same IP identification within milliseconds, so a packet that is the same in
every field, soon after, is a second sight. Where IP says nothing (IPv6, identification 0), only a different interface
of the capture tells a second sight from a repetition.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from capture import kernels
from capture.wire.columns import I64, Bool, Mark, PacketColumns

NEAR = 8  # packets back that are always compared
SOON = 50_000_000  # nanoseconds between the two sights, at most
_SHORTEST = 1_000_000  # … where only the interface tells them apart
_FIELDS = ("ack", "flags", "window", "payload", "sport", "dport", "src", "dst", "scope", "wscale", "ip_id")


_PRIME = np.uint64(0x9E3779B97F4A7C15)

Interfaces = npt.NDArray[np.int32]
Mixed = npt.NDArray[np.uint64]


class Sights:
    """Looks for second sights in one block after another."""

    def __init__(self) -> None:
        self._last: PacketColumns | None = None  # the block before
        self._last_interface: Interfaces | None = None

    def mark(self, columns: PacketColumns, interface: Interfaces | None) -> None:
        """Mark in `columns` the second sights of rows of this block, or of the last few of the block before."""
        if interface is not None or _near_repeats(columns, self._last):
            again = second_sights(columns, interface)
            again[:NEAR] |= self._again_in(columns, interface)
            if again.any():
                columns.marks[again] |= np.uint8(Mark.SAME_AS_BEFORE)
        self._last = columns
        self._last_interface = None if interface is None else interface[-NEAR:].copy()

    def _again_in(self, columns: PacketColumns, interface: Interfaces | None) -> Bool:
        """Which of the first rows of a block are second sights of the last ones before it. Shape (at most NEAR,)."""
        if self._last is None:
            return np.zeros(min(NEAR, len(columns)), np.bool_)
        last = _sliced(self._last, slice(-NEAR, None))
        both = _sliced(columns, slice(0, NEAR), last)
        between = None
        if interface is not None and self._last_interface is not None:
            between = np.concatenate([self._last_interface, interface[:NEAR]])
        return second_sights(both, between, far=False)[len(last) :]


def _near_repeats(columns: PacketColumns, before: PacketColumns | None) -> bool:
    """Whether any row may be the same as one of those right before it, which is rare."""
    if kernels.KERNELS is None:
        return True
    here = tuple(getattr(columns, name) for name in ("seq", *_FIELDS))
    earlier = here if before is None else tuple(getattr(before, name) for name in ("seq", *_FIELDS))
    return kernels.KERNELS.near_repeats(len(columns), here, 0 if before is None else len(before), earlier)


def _sliced(columns: PacketColumns, rows: slice, before: PacketColumns | None = None) -> PacketColumns:
    parts = {name: getattr(columns, name)[rows] for name in columns.__struct_fields__}
    if before is None:
        return PacketColumns(**{name: values.copy() for name, values in parts.items()})
    return PacketColumns(**{name: np.concatenate([getattr(before, name), values]) for name, values in parts.items()})


def second_sights(columns: PacketColumns, interface: Interfaces | None, far: bool = True) -> Bool:
    """Which rows are second sights of an earlier row of this block. Shape (n,).

    Where packets come twice near each other, or on several interfaces, the other sight may be far away in the block
    too: a mirror port may be late. Blocks differ in size with the kernels and without, and so may what is found there.
    """
    found = np.zeros(len(columns), dtype=bool)
    several = interface is not None and len(interface) > 0 and bool((interface != interface[0]).any())
    pairs = []
    for back in range(1, min(NEAR, len(columns) - 1) + 1):
        same = np.flatnonzero(columns.seq[back:] == columns.seq[:-back])
        if len(same):
            pairs.append(_alike(columns, same, same + back))
    if several or (far and any(len(later) for _, later in pairs)):
        mixed = _mixed(columns, ("seq", *_FIELDS))
        order = np.lexsort((columns.number, mixed))
        same = np.flatnonzero(mixed[order[1:]] == mixed[order[:-1]])
        pairs.append(_alike(columns, order[:-1][same], order[1:][same]))
    if not any(len(later) for _, later in pairs):
        return found
    telling = _telling(columns)
    for earlier, later in pairs:
        apart = np.abs(columns.time[later] - columns.time[earlier])
        found[later[telling[later] & (apart <= SOON)]] = True
    if several and interface is not None:
        earlier, later = _on_another(columns, interface)
        apart = np.abs(columns.time[later] - columns.time[earlier])
        found[later[apart <= _SHORTEST]] = True
    return found


def _on_another(columns: PacketColumns, interface: Interfaces) -> tuple[I64, I64]:
    """Pairs of equal rows on different interfaces: the second on one is the second on the other, and so on."""
    mixed = _mixed(columns, ("seq", *_FIELDS))
    there = (mixed ^ interface.astype(np.uint64)) * _PRIME
    order = np.lexsort((columns.number, there))
    first = np.r_[True, there[order[1:]] != there[order[:-1]]]
    place = np.arange(len(order))
    rank = np.zeros(len(order), dtype=np.uint64)
    rank[order] = place - np.maximum.accumulate(np.where(first, place, 0))
    alike = (mixed ^ rank) * _PRIME
    order = np.lexsort((columns.number, alike))
    same = np.flatnonzero(alike[order[1:]] == alike[order[:-1]])
    return _alike(columns, order[:-1][same], order[1:][same])


def _alike(columns: PacketColumns, earlier: I64, later: I64) -> tuple[I64, I64]:
    """Those pairs of rows that are the same in every field."""
    for name in _FIELDS:
        values = getattr(columns, name)
        same = values[earlier] == values[later]
        earlier, later = earlier[same], later[same]
        if not len(later):
            break
    return earlier, later


def _telling(columns: PacketColumns) -> Bool:
    """Where the IP identification tells packets apart: not 0, and not the same on different packets of one sender."""
    sender = _mixed(columns, ("src", "dst", "sport", "dport", "ip_id"))
    packet = _mixed(columns, ("seq", "ack", "flags", "payload"), sender)
    order = np.lexsort((packet, sender))
    ordered, of = sender[order], packet[order]
    mixed_up = (ordered[1:] == ordered[:-1]) & (of[1:] != of[:-1])
    if not mixed_up.any():
        return np.asarray(columns.ip_id != 0)
    return np.asarray((columns.ip_id != 0) & ~np.isin(sender, ordered[1:][mixed_up]))


def _mixed(columns: PacketColumns, names: tuple[str, ...], start: Mixed | None = None) -> Mixed:
    """One number of several fields: the same for the same, and hardly ever for others."""
    mixed = np.zeros(len(columns), dtype=np.uint64) if start is None else start
    for name in names:
        mixed = (mixed ^ getattr(columns, name).astype(np.uint64)) * _PRIME
        mixed ^= mixed >> np.uint64(29)
    return mixed
