"""One packet captured twice: an "any" interface that sees it on two interfaces, a mirror port, a router's both sides.

A sender never repeats a segment with the same IP identification within milliseconds, so a packet that is the same in
every field, soon after, is a second sight. Where IP says nothing (IPv6, identification 0), only a different interface
of the capture tells a second sight from a repetition.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from capture.wire.columns import I64, Bool, Mark, PacketColumns

NEAR = 8  # packets back that are always compared
SOON = 50_000_000  # nanoseconds between the two sights, at most
_SHORTEST = 1_000_000  # … where only the interface tells them apart
_FIELDS = ("ack", "flags", "window", "payload", "sport", "dport", "src", "dst", "scope", "wscale", "ip_id")


def second_sights(columns: PacketColumns, interface: npt.NDArray[np.int32] | None) -> Bool:
    """Which rows are second sights of an earlier row of this block. Shape (n,)."""
    found = np.zeros(len(columns), dtype=bool)
    several = interface is not None and len(interface) > 0 and bool((interface != interface[0]).any())
    for back in range(1, min(NEAR, len(columns) - 1) + 1):
        same = np.flatnonzero(columns.seq[back:] == columns.seq[:-back])
        if len(same):
            _compare(columns, same, same + back, interface if several else None, found)
    if several or found.any():
        order = np.lexsort((columns.number, columns.seq))
        for step in (1, 2):
            earlier, later = order[:-step], order[step:]
            same = columns.seq[earlier] == columns.seq[later]
            _compare(columns, earlier[same], later[same], interface if several else None, found)
    return found


def _compare(
    columns: PacketColumns, earlier: I64, later: I64, interface: npt.NDArray[np.int32] | None, found: Bool
) -> None:
    """Mark in `found` those of `later` that are the same packet as the one beside it in `earlier`."""
    for name in _FIELDS:
        values = getattr(columns, name)
        same = values[earlier] == values[later]
        earlier, later = earlier[same], later[same]
        if not len(later):
            return
    apart = np.abs(columns.time[later] - columns.time[earlier])
    told = (columns.ip_id[later] != 0) & (apart <= SOON)
    if interface is not None:
        told |= (interface[earlier] != interface[later]) & (apart <= _SHORTEST)
    fragment = np.uint8(Mark.FRAGMENT)
    told &= (columns.marks[later] & fragment) == (columns.marks[earlier] & fragment)
    found[later[told]] = True
